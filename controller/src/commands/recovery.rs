//! `streembit recovery`: the key in the drawer, for when an owner's is lost.
//!
//! `init` makes it, a device learns it with the claim, and only it can set another one. It opens no door: a device lets it
//! read who may do what, read the journal and change rights.

use std::path::PathBuf;

use serde::Serialize;
use streembit_keys::Thumbprint;
use streembit_peer::rights::{Change, Grants, Label, Role};

use super::revoke::{Found, find};
use super::short;
use crate::desk::Desk;
use crate::door::{Door, with_passcode};
use crate::error::{Exit, Failure, Outcome};
use crate::home::{Contact, recovery_key};
use crate::output::{Render, Style, printable};
use crate::person::Person;
use crate::rights::{self, Standing};

/// The arguments of `streembit recovery`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
`streembit init` makes a recovery key beside the account's, and each device that you claim learns it. Move the file to where
it outlives this machine. When the account is lost:

  streembit init                                   on the new machine
  streembit contacts add garage.offer              so that it knows the device (`streembit-agent offer` there)
  streembit recovery use garage --key /media/stick/recovery.pem --revoke Ada")]
pub struct Args {
    /// What to do with it [default: say which it is, and where]
    #[command(subcommand)]
    pub step: Option<Step>,
}

/// What is done with a recovery key.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Step {
    /// Become an owner of a device by its recovery key, and revoke the keys that are lost
    #[command(after_help = "\
Examples:
  streembit recovery use garage --key /media/stick/recovery.pem
  streembit recovery use garage --key recovery.pem --revoke Ada --revoke 9fXk3b

The passcode is that of the recovery key. The key stays in force on the device: put it back into its drawer, or name your new
one with `streembit recovery set`.")]
    Use {
        /// The device
        device: String,
        /// The recovery key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Who is to lose all rights, once or more: their name on the device, or the fingerprint of their key
        #[arg(long, value_name = "WHO", allow_hyphen_values = true)]
        revoke: Vec<String>,
    },
    /// Tell a device that your recovery key is to be in force there
    #[command(after_help = "\
Examples:
  streembit recovery set garage
  streembit recovery set garage --key /media/stick/old-recovery.pem

An owner sets the first one. Only the one in force can be replaced, and only by itself: with `--key`.")]
    Set {
        /// The device
        device: String,
        /// The recovery key that is in force there, where there is one
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Done {
    /// Nothing: this is the key.
    Shown(Shown),
    /// A device has an owner again.
    Recovered(Recovered),
    /// A device knows this key now.
    Set {
        /// The device.
        device: String,
        /// The fingerprint of the recovery key that is in force there.
        recovery: Thumbprint,
    },
}

/// The recovery key of this account.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// Its fingerprint.
    pub recovery: Thumbprint,
    /// Where it lies, while it is still on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

/// A device that has an owner again.
#[derive(Debug, Clone, Serialize)]
pub struct Recovered {
    /// The device.
    pub device: String,
    /// Whose rights are gone, as the device called them.
    pub revoked: Vec<String>,
    /// Who else is an owner there.
    pub other_owners: Vec<String>,
}

/// Does what is to be done with the recovery key.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Done> {
    match args.step {
        None => {
            let file = desk.home().recovery_file();
            let recovery = desk.home().identity()?.recovery.thumbprint();
            Ok(Done::Shown(Shown { recovery, file: file.exists().then_some(file) }))
        }
        Some(Step::Use { device, key, revoke }) => {
            let by_key = desk_of(desk, &key).await?;
            let recovered = take_back(desk, &by_key, &device, &revoke).await;
            by_key.close().await;
            recovered.map(Done::Recovered)
        }
        Some(Step::Set { device, key: Some(key) }) => {
            let by_key = desk_of(desk, &key).await?;
            let set = set(desk, &by_key, &device).await;
            by_key.close().await;
            set
        }
        Some(Step::Set { device, key: None }) => set(desk, desk, &device).await,
    }
}

/// A desk where everything is done in the name of the recovery key.
async fn desk_of(desk: &Desk, key: &std::path::Path) -> Outcome<Desk> {
    let home = desk.home().clone();
    home.identity()?;
    let key = with_passcode(desk.source(), recovery_key(key)?).await?;
    let person = Person::recovering(home.clone(), key);
    Ok(Desk::with_door(home, Door::Here(Box::new(person))))
}

async fn take_back(desk: &Desk, by_key: &Desk, device: &str, lost: &[String]) -> Outcome<Recovered> {
    let Contact { name: device, key, .. } = desk.home().contacts()?.get(device)?;
    let own = desk.home().identity()?;
    let me = own.public_key.thumbprint();
    let mut standing =
        rights::standing(by_key, &device).await.map_err(|failure| not_in_force(failure, &device))?;

    // All that is to go is looked up first: a mistake in the last name must not leave half of it done.
    let lost = lost.iter().map(|wanted| find(&standing, &device, wanted)).collect::<Outcome<Vec<_>>>()?;
    if let Some(Found::Member { name, .. }) = lost.iter().find(|found| found.is(&me)) {
        return Err(Failure::usage(format!(
            "`{}` is you: this is the key that is to be the owner's.",
            printable(name)
        )));
    }
    match role_of(&standing, &me) {
        Some("owner") => {}
        Some(_) => {
            let change = Change::SetRights { contact: me, role: Role::Owner, grants: Grants::default() };
            rights::change(by_key, &device, |_| Ok(change.clone())).await?;
        }
        None => {
            let name: Label = own.name.parse().map_err(|e| Failure::because(format!("Your name: {e}.")))?;
            let change =
                Change::Admit { key: own.public_key, name, role: Role::Owner, grants: Grants::default() };
            rights::change(by_key, &device, |_| Ok(change.clone())).await?;
        }
    }
    desk.home().contacts()?.keep_role(&key, Role::Owner.as_str())?;
    let mut revoked = Vec::new();
    for found in lost {
        let (Found::Member { change, name, .. } | Found::Invited { change, name }) = found;
        rights::change(by_key, &device, |_| Ok(change.clone())).await?;
        revoked.push(name);
    }
    standing = rights::standing(by_key, &device).await?;
    let others = standing.contacts.iter().filter(|member| member.role == "owner" && member.contact != me);
    let other_owners = others.map(|member| member.name.clone()).collect();
    Ok(Recovered { device, revoked, other_owners })
}

async fn set(desk: &Desk, signing: &Desk, device: &str) -> Outcome<Done> {
    let device = desk.home().contacts()?.get(device)?.name;
    let key = desk.home().identity()?.recovery;
    let recovery = key.thumbprint();
    let standing =
        rights::standing(signing, &device).await.map_err(|failure| not_in_force(failure, &device))?;
    if standing.recovery != Some(recovery) {
        rights::change(signing, &device, |_| Ok(Change::SetRecovery { key: key.clone() })).await.map_err(
            |failure| match standing.recovery {
                Some(_) if failure.exit == Exit::Refused => {
                    failure.or("Sign with the one in force: `--key FILE`.")
                }
                _ => failure,
            },
        )?;
    }
    Ok(Done::Set { device, recovery })
}

fn role_of<'a>(standing: &'a Standing, who: &Thumbprint) -> Option<&'a str> {
    standing.contacts.iter().find(|member| member.contact == *who).map(|member| member.role.as_str())
}

/// A device does not say whom it does not know. Here it can be but one thing.
fn not_in_force(failure: Failure, device: &str) -> Failure {
    if failure.exit != Exit::Refused {
        return failure;
    }
    Failure::new(Exit::Refused, format!("{device} does not take this key."))
        .or("Its recovery key is another one: that of whoever claimed it, or the one that was set since.")
}

impl Render for Done {
    fn text(&self, style: Style) -> String {
        match self {
            Self::Shown(shown) => {
                let place = match &shown.file {
                    Some(file) => format!(
                        "{}\nMove it away from this machine: what takes the account takes it along.",
                        file.display()
                    ),
                    None => "not on this machine, as it should be".to_owned(),
                };
                format!("Recovery key {}\n{place}", shown.recovery)
            }
            Self::Recovered(recovered) => {
                let Recovered { device, revoked, other_owners } = recovered;
                let mut lines =
                    vec![format!("{} {}", style.good("You are an owner of"), style.strong(device))];
                lines.extend(revoked.iter().map(|name| format!("Revoked {}", printable(name))));
                lines.extend(other_owners.iter().map(|name| {
                    format!(
                        "{} is an owner too: `streembit revoke {device} NAME` if that key is lost",
                        printable(name)
                    )
                }));
                lines.join("\n")
            }
            Self::Set { device, recovery } => {
                let recovery = recovery.to_string();
                format!("{} {}… on {device}", style.good("In force: recovery key"), short(&recovery))
            }
        }
    }
}
