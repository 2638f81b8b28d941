//! A device on loopback, and the people who come to it.

use std::sync::Arc;
use std::time::Duration;

use streembit_agent::clock::Clock;
use streembit_agent::config::{Config, Network};
use streembit_agent::daemon::{Daemon, Setup};
use streembit_agent::device::Admission;
use streembit_agent::identity::Factory;
use streembit_agent::things::Things;
use streembit_controller::commands::{Patience, accept, invite, invoke, pair, read};
use streembit_controller::desk::Desk;
use streembit_controller::door::Door as Way;
use streembit_controller::error::Outcome;
use streembit_controller::home::Home;
use streembit_controller::person::Person;
use streembit_keys::passcode::Passcode;
use streembit_keys::{PrivateKey, rng};
use streembit_peer::link::{Link, LinkKind, Secret};
use streembit_peer::rights::{Grants, Role};
use tokio::net::UnixListener;

use super::door::Door;

pub const PASSCODE: &str = "Corr3ct horse!";

/// How long a test waits for what must come.
pub const SOON: Duration = Duration::from_secs(20);

/// A device with one door.
pub struct House {
    daemon: Option<Daemon>,
    pub door: Arc<Door>,
    account: PrivateKey,
    lan: PrivateKey,
    listen: String,
    pub folder: tempfile::TempDir,
}

impl House {
    pub async fn new() -> Self {
        let mut random = rng::system();
        let mut house = Self {
            daemon: None,
            door: Door::new(),
            account: PrivateKey::generate(&mut random),
            lan: PrivateKey::generate(&mut random),
            listen: "/ip4/127.0.0.1/tcp/0".into(),
            folder: tempfile::tempdir().unwrap(),
        };
        house.start().await;
        house
    }

    /// Starts the device, after a stop on the port that it had.
    pub async fn start(&mut self) {
        let things = Things::default();
        things.put("door".into(), self.door.clone());
        let control = self.folder.path().join("control.sock");
        let _ = std::fs::remove_file(&control);
        let network = Network { listen: vec![self.listen.parse().unwrap()], mdns: false };
        let config = Config { name: Some("House".parse().unwrap()), network, ..Config::default() };
        let setup = Setup {
            account: self.account.clone(),
            lan: self.lan.clone(),
            factory: Factory::default(),
            journal: self.journal(),
            plugins: self.folder.path().join("plugins"),
            clock: Arc::new(Clock::system()),
            config,
            watcher: None,
            control: UnixListener::bind(control).unwrap(),
            metrics: None,
            things: Arc::new(things),
        };
        let daemon = Daemon::start(setup).await.unwrap();
        let address = daemon.addresses()[0].to_string();
        self.listen = address.split("/p2p/").next().unwrap().to_owned();
        self.daemon = Some(daemon);
    }

    pub async fn stop(&mut self) {
        self.daemon.take().unwrap().stop().await;
    }

    pub fn journal(&self) -> std::path::PathBuf {
        self.folder.path().join("state.db")
    }

    pub fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// A pairing link, as `streembit-agent pair` shows it.
    pub fn link(&self, role: Role) -> String {
        let secret = Secret::generate(&mut rng::system());
        self.daemon().device().open_pairing(&secret, Admission { role, grants: Grants::default() });
        let device = self.account.public().thumbprint();
        Link { kind: LinkKind::Pairing, device, secret, hints: self.daemon().addresses() }.to_uri()
    }

    /// The owner, freshly paired.
    pub async fn owner(&self) -> Someone {
        let owner = Someone::new("Ada");
        owner.pair(&self.link(Role::Owner)).await.unwrap();
        owner
    }
}

/// Somebody with a home, whose key is open.
pub struct Someone {
    pub desk: Desk,
    pub home: Home,
    pub key: PrivateKey,
    /// Lives as long as its owner.
    pub _folder: tempfile::TempDir,
}

impl Someone {
    pub fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::locate(Some(folder.path())).unwrap();
        home.create_account(name, &Passcode::new(PASSCODE.to_owned().into()).unwrap()).unwrap();
        let key = home.unlock(PASSCODE).unwrap();
        let person = Person::new(home.clone(), key.clone()).unwrap();
        let desk = Desk::with_door(home.clone(), Way::Here(Box::new(person)));
        Self { desk, home, key, _folder: folder }
    }

    pub async fn pair(&self, link: &str) -> Outcome<pair::Paired> {
        let args = pair::Args { link: link.into(), name: None, patience: Patience::default() };
        pair::run(&self.desk, args).await
    }

    pub async fn accept(&self, link: &str) -> Outcome<pair::Paired> {
        let args = accept::Args { link: link.into(), name: None, patience: Patience::default() };
        accept::run(&self.desk, args).await
    }

    pub async fn read(&self, address: &str) -> Outcome<serde_json::Value> {
        let (address, patience) = (address.parse().unwrap(), Patience::default());
        read::run(&self.desk, read::Args { address, all: false, patience }).await.map(|reading| reading.value)
    }

    pub async fn invoke(&self, address: &str, input: Option<&str>) -> Outcome<invoke::Invoked> {
        invoke::run(&self.desk, invoking(address, input)).await
    }

    /// Invites a guest who may do this.
    pub async fn invite(&self, name: &str, allow: &[&str]) -> Outcome<invite::Invitation> {
        let args = invite::Args {
            device: None,
            offer: None,
            fingerprint: None,
            name: Some(name.into()),
            role: Role::Guest,
            allow: allow.iter().map(|right| right.parse().unwrap()).collect(),
            not_before: None,
            not_after: None,
            weekly: Vec::new(),
            expires: Duration::from_secs(3600),
        };
        match invite::run(&self.desk, args).await? {
            invite::Invited::Link(invitation) => Ok(invitation),
            invite::Invited::Admitted(admitted) => panic!("there was no offer: {admitted:?}"),
        }
    }
}

pub fn invoking(address: &str, input: Option<&str>) -> invoke::Args {
    invoke::Args {
        address: address.parse().unwrap(),
        input: input.map(str::to_owned),
        no_wait: false,
        query: None,
        cancel: None,
        patience: Patience::default(),
    }
}

/// Waits for something, and does something again and again meanwhile.
pub async fn meanwhile<T>(awaited: impl Future<Output = T>, mut act: impl FnMut()) -> T {
    tokio::pin!(awaited);
    loop {
        tokio::select! {
            done = &mut awaited => return done,
            () = tokio::time::sleep(Duration::from_millis(50)) => act(),
        }
    }
}
