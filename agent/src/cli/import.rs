//! `streembit-agent import`

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use streembit_keys::files::{FileError, read_bounded};
use streembit_keys::{Thumbprint, rng};
use streembit_peer::exit::Exit;
use streembit_peer::rights::Role;

use super::export::{PasscodeArgs, keep_secrets};
use super::{Context, Found, show};
use crate::access::Rights;
use crate::backup::{self, Backup, BackupError, Import, MAX_FILE, Opened};
use crate::config::Config;
use crate::control::Failure;
use crate::identity::{DEFAULT_DATA, Keeper, Past};

/// How often a person is asked for the passcode: as for their account.
const PROMPTS: u32 = 3;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  streembit-agent import garage.backup --list                    who is in it; nothing is changed
  sudo systemctl stop streembit-agent
  sudo streembit-agent import garage.backup
  sudo streembit-agent import garage.backup --revoke Bob         where Bob was revoked after it was made
  sudo systemctl start streembit-agent

It makes this machine the device of the backup, where there is none, or one that nobody has taken yet. It is for when a
machine broke, or for moving to another one: NEVER LET TWO MACHINES BE THE SAME DEVICE. Wipe the old one (`streembit-agent
factory-reset`), or keep it off for good.

What was changed after the backup was made is not in it. So all contacts but owners are suspended until an owner confirms
them (`streembit confirm DEVICE WHO`), and open invitations end. Owners, and the recovery key, count at once: name each who
was revoked or lost since, with --revoke, before the device is in the network again.")]
pub(super) struct Args {
    /// The backup, as `streembit-agent export` wrote it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Show whose device it is, and change nothing
    #[arg(long, conflicts_with_all = ["revoke", "keep_config", "credential", "forget_time"])]
    list: bool,

    /// Who counts no longer from the first moment on: an owner, another contact, or the recovery key, by name or by the
    /// beginning of its key. May be given more than once
    #[arg(long, value_name = "WHO", allow_hyphen_values = true)]
    revoke: Vec<String>,

    /// Leave the config file as it is here: for other lines, or another network
    #[arg(long)]
    keep_config: bool,

    /// Leave the account's key with root, for a service that gets it by systemd's `LoadCredential=`
    #[arg(long)]
    credential: bool,

    /// Forget which times were trusted before, here and in the backup: where the clock was ahead, or the journal that was here
    /// cannot be read
    #[arg(long)]
    forget_time: bool,

    #[command(flatten)]
    passcode: PasscodeArgs,
}

pub(super) fn execute(context: &Context, args: &Args) -> Result<Found, Failure> {
    keep_secrets()?;
    let data = &context.data;
    let file = read_bounded(&args.file, MAX_FILE).map_err(|error| match error {
        FileError::TooLong { .. } => Failure::invalid(BackupError::Foreign),
        error => Failure::failed(error),
    })?;
    let Opened { backup, standing, rights } = open(&file, &args.passcode)?;
    let (made, device) = (backup.made, backup.identity.account.public().thumbprint());
    let members = members(&rights);
    let mut json = json!({
        "device": device,
        "made": made,
        "contacts": members.json,
        "recovery": rights.recovery().map(|key| key.thumbprint()),
        "generation": rights.generation(),
        "journal": standing.last,
    });
    let made = show::moment(made);
    if args.list {
        return Ok(Found::new(&json, format!("{device} as it was on {made}:\n{}", members.text)));
    }
    let revoked = revoked(&rights, &args.revoke)?;
    let waits = rights.contacts().filter(|(who, contact)| is_suspended(contact) && !revoked.contains(who));
    let suspended = waits.count();
    json["revoked"] = json!(revoked);
    json["suspended"] = json!(suspended);
    let at_once = at_once(&rights, &revoked);
    let import = Import {
        backup,
        revoked,
        keep_config: args.keep_config,
        keeper: if args.credential { Keeper::Root } else { Keeper::Folder },
        past: Past::of_option(args.forget_time),
    };
    backup::import(data, import, &mut rng::system())?;
    let confirm = match suspended {
        0 => String::new(),
        1 => "\nOne contact is suspended until an owner confirms it.".to_owned(),
        n => format!("\n{n} contacts are suspended until an owner confirms them."),
    };
    let text = format!(
        "This is {device} now, as it was on {made}. Who counts at once:\n{at_once}{confirm}\n\n\
         Wipe the machine that was it before (`streembit-agent factory-reset` there), or keep it off for good: two that are the \
         same\ndevice contradict each other.\n\n{}",
        next(data.path()),
    );
    let found = Found::new(&json, text);
    let kept = data.replaced_config();
    let note = match Config::load(data.config()) {
        Err(error) => Some(format!("Its settings are not right here: {error}")),
        Ok(_) if !args.keep_config && kept.exists() => {
            Some(format!("The settings that were here before are in {}.", kept.display()))
        }
        Ok(_) => None,
    };
    Ok(match note {
        Some(note) => found.with_note(note),
        None => found,
    })
}

/// Opens the backup; a person may mistype the passcode.
fn open(file: &[u8], passcode: &PasscodeArgs) -> Result<Opened, Failure> {
    let source = passcode.source();
    let mut tries = if source.can_ask_again() { PROMPTS } else { 1 };
    loop {
        tries -= 1;
        match Backup::open(file, &source.read()?) {
            Err(error @ BackupError::WrongPasscode) if tries > 0 => super::output::say(&error.to_string()),
            opened => return Ok(opened?),
        }
    }
}

/// Everybody in a backup.
struct Members {
    json: Vec<Value>,
    text: String,
}

fn members(rights: &Rights) -> Members {
    let json = rights.contacts().map(|(who, contact)| {
        json!({ "contact": who, "name": contact.name, "role": contact.role, "suspended": is_suspended(contact) })
    });
    let row = |(who, contact): (&Thumbprint, &crate::access::Contact)| {
        let suspended = if is_suspended(contact) { "will be suspended" } else { "" };
        vec![format!("  {}", contact.name), contact.role.to_string(), who.to_string(), suspended.to_owned()]
    };
    let mut rows: Vec<Vec<String>> = rights.contacts().map(row).collect();
    rows.extend(rights.recovery().map(recovery));
    Members { json: json.collect(), text: or_nobody(rows) }
}

fn recovery(key: &streembit_keys::PublicKey) -> Vec<String> {
    vec!["  (no contact)".to_owned(), "recovery key".to_owned(), key.thumbprint().to_string(), String::new()]
}

/// Whether an import suspends them.
fn is_suspended(contact: &crate::access::Contact) -> bool {
    contact.role != Role::Owner
}

/// Those of whom it is not known whether they were revoked after the backup, and who may do everything all the same.
fn at_once(rights: &Rights, revoked: &[Thumbprint]) -> String {
    let owners = rights.contacts().filter(|(who, contact)| !is_suspended(contact) && !revoked.contains(who));
    let mut rows: Vec<Vec<String>> = owners
        .map(|(who, contact)| vec![format!("  {}", contact.name), contact.role.to_string(), who.to_string()])
        .collect();
    rows.extend(rights.recovery().filter(|key| !revoked.contains(&key.thumbprint())).map(recovery));
    or_nobody(rows)
}

fn or_nobody(mut rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        rows.push(vec!["  nobody".to_owned()]);
    }
    show::table(&rows)
}

/// The keys of those who were named.
fn revoked(rights: &Rights, named: &[String]) -> Result<Vec<Thumbprint>, Failure> {
    let mut keys = Vec::new();
    for name in named {
        let key = find(rights, name)?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let stays = |key: &Thumbprint| !keys.contains(key);
    let owners = rights.contacts().any(|(who, contact)| contact.role == Role::Owner && stays(who));
    let recovery = rights.recovery().is_some_and(|key| stays(&key.thumbprint()));
    if !keys.is_empty() && !owners && !recovery {
        return Err(Failure::refused("nobody would be left who may say who may do what").or(
            "Make a new device instead: `streembit-agent init`, or `factory-reset` where there is one.",
        ));
    }
    Ok(keys)
}

/// Who is meant: by name, or by the beginning of the key.
fn find(rights: &Rights, name: &str) -> Result<Thumbprint, Failure> {
    let recovery = rights.recovery().map(|key| key.thumbprint());
    let called = rights.contacts().filter(|(_, contact)| &*contact.name == name).map(|(who, _)| *who);
    let mut found: Vec<Thumbprint> = called.collect();
    // A few characters of a key are enough to type, and more than chance brings.
    if found.is_empty() && name.len() >= 4 {
        let all = rights.contacts().map(|(who, _)| *who).chain(recovery);
        found = all.filter(|who| who.to_string().starts_with(name)).collect();
    }
    match *found.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::new(Exit::Usage, format!("nobody in the backup is `{name}`"))
            .or("`streembit-agent import FILE --list` shows who is.")),
        _ => Err(Failure::new(Exit::Usage, format!("more than one in the backup is `{name}`"))
            .or("Name the key, as `streembit-agent import FILE --list` shows it.")),
    }
}

fn next(folder: &Path) -> String {
    if folder == Path::new(DEFAULT_DATA) {
        "Next: `systemctl start streembit-agent`. An owner types `streembit confirm DEVICE`.".to_owned()
    } else {
        format!(
            "Next: `streembit-agent --data {} run`. An owner types `streembit confirm DEVICE`.",
            folder.display()
        )
    }
}
