//! How a command reaches devices: with the account's key in this process, or through the process that
//! `streembit unlock` left behind. Commands cannot tell the two apart.

mod ask;

use crate::error::{Failure, Outcome};
use crate::home::Home;
use crate::passcode::Source;
use crate::person::{Person, Watching};
use crate::unlock;

pub use ask::{Answered, Ask, Call, Meeting, Met, News, Reply, Standing, Watch};

/// How often a prompt is shown before the command gives up.
const PROMPTS: usize = 3;

/// The way to devices.
#[derive(Debug)]
pub enum Door {
    /// The key and the connections are in this process.
    Here(Box<Person>),
    /// They are in the unlock process.
    Unlocked(unlock::Client),
}

impl Door {
    /// Opens it: the unlock process if there is one, else the account's key with the passcode.
    pub async fn open(home: &Home, source: &Source) -> Outcome<Self> {
        home.identity()?;
        if let Some(client) = unlock::Client::find(home).await? {
            return Ok(Door::Unlocked(client));
        }
        let key = unlock_key(home, source).await?;
        Ok(Door::Here(Box::new(Person::new(home.clone(), key)?)))
    }

    /// Asks for one operation on a device.
    pub async fn call(&self, call: Call) -> Outcome<Answered> {
        match self.ask(Ask::Call(call)).await? {
            Reply::Answered(answered) => Ok(answered),
            other => Err(unexpected(&other)),
        }
    }

    /// Watches a property or an event.
    pub async fn watch(&self, watch: Watch) -> Outcome<Watching> {
        match self {
            Door::Here(person) => Ok(person.watch(watch)),
            Door::Unlocked(client) => client.watch(watch).await,
        }
    }

    /// Meets a device for the first time.
    pub async fn meet(&self, meeting: Meeting) -> Outcome<Met> {
        match self.ask(Ask::Meet(meeting)).await? {
            Reply::Met(met) => Ok(met),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks for a text: a signed change, or an offer.
    pub async fn text(&self, ask: Ask) -> Outcome<String> {
        match self.ask(ask).await? {
            Reply::Text(text) => Ok(text),
            other => Err(unexpected(&other)),
        }
    }

    async fn ask(&self, ask: Ask) -> Outcome<Reply> {
        match self {
            Door::Here(person) => Box::pin(person.answer(ask)).await,
            Door::Unlocked(client) => client.ask(&ask).await,
        }
    }

    /// Closes the connections in good order. What is in the unlock process stays.
    pub async fn close(self) {
        if let Door::Here(person) = self {
            person.close().await;
        }
    }
}

/// The account's key. A person gets a few tries; a file or a descriptor says the same each time.
pub async fn unlock_key(home: &Home, source: &Source) -> Outcome<streembit_keys::PrivateKey> {
    let home = home.clone();
    with_passcode(source, move |passcode| home.unlock(passcode)).await
}

/// Opens a key with the passcode, under the same rules.
pub async fn with_passcode<T: Send + 'static>(
    source: &Source,
    open: impl Fn(&str) -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    let source = source.clone();
    // A prompt waits for a person, and scrypt takes its time: neither may hold up the run time.
    let opening = tokio::task::spawn_blocking(move || {
        let mut tries = if source.can_ask_again() { PROMPTS } else { 1 };
        loop {
            tries -= 1;
            match open(&source.read()?) {
                Err(failure) if tries > 0 && failure.exit == crate::error::Exit::InvalidInput => {
                    crate::output::note(&failure.to_string());
                }
                outcome => return outcome,
            }
        }
    });
    opening.await.map_err(|_| Failure::because("Opening the key was interrupted."))?
}

fn unexpected(reply: &Reply) -> Failure {
    match reply {
        Reply::Failure(failure) => failure.clone(),
        _ => Failure::because("The unlock process answered something else than was asked.")
            .or("`streembit lock`, then `streembit unlock` starts the present version of it."),
    }
}
