//! What leaves the device in a support bundle, and what must not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use streembit_keys::rng;
use streembit_peer::link::{Link, Secret};
use streembit_peer::message::Answer;

use super::person::{Home, Person, SETTINGS};
use super::process::{Machine, run};

/// What a plugin is configured with: a password, a number that opens a door, and a token in a list.
const PASSWORD: &str = "Correct-horse-7-battery";
const PIN: &str = "49381756";
const TOKEN: &str = "tok_live_Zx81Qw";

/// What people were called, and a comment that somebody left in the config file.
const OWNER: &str = "Ada Secretname";
const GUEST: &str = "Bea Hiddenname";
const COMMENT: &str = "the-alarm-code-is-2580";

/// Every file of the bundle.
fn unpack(bundle: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(bundle).unwrap()));
    let file = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry: tar::Entry<'_, flate2::read::GzDecoder<File>> = entry.unwrap();
        let name = entry.path().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (name, content)
    };
    archive.entries().unwrap().map(file).collect()
}

/// The ways in which bytes could have got into a text.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    forms.extend(
        [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
            .map(|base64| base64.encode(secret).into_bytes()),
    );
    forms
}

/// The number that a private key is, from its PKCS#8: the octet string of 32 bytes in the SEC1 structure.
fn scalar(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).unwrap();
    let at = der.windows(5).position(|window| window == [0x02, 0x01, 0x01, 0x04, 0x20]).unwrap();
    der[at + 5..at + 37].to_vec()
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    fn assert_absent(&self, files: &BTreeMap<String, Vec<u8>>) {
        for (what, secret) in &self.0 {
            for form in forms(secret) {
                for (name, content) in files {
                    let found = contains(content, &form);
                    assert!(!found, "{what} is in {name}, as {}", String::from_utf8_lossy(&form));
                }
            }
        }
    }
}

/// A config file with everything that somebody may have put there.
fn config(folder: &Path) -> String {
    let broken = folder.join("broken.wasm");
    std::fs::write(&broken, "no component").unwrap();
    format!(
        "# {COMMENT}\nname = \"Garage\"\n{SETTINGS}[plugins.door]\ncomponent = {broken:?}\n\
         [plugins.door.settings]\npassword = \"{PASSWORD}\"\npin = {PIN}\nmore = {{ tokens = [\"{TOKEN}\"] }}\n\
         [plugins.door.grants]\nopen = \"gpiochip0 line 4, output\"\n"
    )
}

/// The secrets that lie in files.
fn kept_secrets(data: &Path) -> Secrets {
    let mut secrets = Vec::new();
    for file in ["account.key", "lan.key"] {
        let pem = std::fs::read_to_string(data.join(file)).unwrap();
        secrets.push((file.to_owned(), scalar(&pem)));
        let lines = pem.lines().filter(|line| !line.starts_with('-'));
        secrets.extend(lines.map(|line| (format!("a line of {file}"), line.as_bytes().to_vec())));
    }
    for text in [PASSWORD, PIN, TOKEN, COMMENT] {
        secrets.push((text.to_owned(), text.as_bytes().to_vec()));
    }
    Secrets(secrets)
}

/// A link, what it encodes, and its secret, which are the last bytes before the two that check for typing errors.
fn link_secrets(link: &str) -> Vec<(String, Vec<u8>)> {
    let code = link.rsplit('/').next().unwrap();
    let mut secrets = vec![("a link".to_owned(), link.as_bytes().to_vec())];
    // Whole, and each quarter of it: no part of a link is harmless.
    secrets.push(("a link's code".to_owned(), code.as_bytes().to_vec()));
    secrets.push(("a link's code in capitals".to_owned(), code.to_uppercase().into_bytes()));
    let quarter = code.len() / 4;
    secrets.extend(
        code.as_bytes().chunks_exact(quarter).map(|part| ("a part of a link".to_owned(), part.to_vec())),
    );
    secrets
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_the_device_is_in_a_bundle_in_any_form() {
    let home = Home::new();
    let data = home.data.path().to_owned();
    std::fs::write(home.data.config(), config(&data)).unwrap();
    let daemon = home.start().await;
    let mut secrets = kept_secrets(&data);

    // Somebody owns it, somebody is invited, a pairing is open, and somebody tried a secret of their own.
    let claim = home.pair().await;
    let ada = Person::new().await;
    assert!(matches!(ada.claim(&claim, OWNER).await, Answer::Ok(_)));
    let made = |words: &[&str]| {
        let ended = tokio::task::block_in_place(|| run(&data, words));
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        ended
    };
    let link = |words: &[&str]| made(words).json()["link"].as_str().unwrap().to_owned();
    let open = link(&["--json", "pair", "--role", "viewer"]);
    let wrong = Link { secret: Secret::generate(&mut rng::system()), ..open.parse::<Link>().unwrap() };
    let session = Person::new().await;
    assert!(matches!(session.claim(&wrong, "Eve").await, Answer::Problem(_)));
    let invitation = link(&["--json", "invite", "--name", GUEST, "--role", "viewer"]);
    for link in [claim.to_uri(), open, invitation, wrong.to_uri()] {
        secrets.0.extend(link_secrets(&link));
    }
    let mut with_names = secrets.0.clone();
    with_names.extend([OWNER, GUEST].map(|name| ("a name".to_owned(), name.as_bytes().to_vec())));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle.tar.gz");
    made(&["support-bundle", file.to_str().unwrap()]);
    let files = unpack(&file);
    Secrets(with_names).assert_absent(&files);

    // It says something all the same.
    let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
    assert!(text("README.txt").contains("Left out: every key"));
    assert!(text("check.json").contains("\"storage\""));
    assert!(
        text("config.json").contains("\"password\": \"[a text]\"") && text("config.json").contains("Garage")
    );
    assert!(text("people.json").contains("[person 1]") && text("people.json").contains("[person 2]"));
    assert!(text("denials.json").contains("a wrong secret"), "{}", text("denials.json"));
    assert!(text("metrics.txt").ends_with("# EOF\n"));
    assert!(text("journal.json").contains("\"holds\": true"), "{}", text("journal.json"));
    assert!(text("status.json").contains("uptime") && text("versions.txt").contains("kernel: "));
    assert!(text("files.txt").contains("account.key"));
    let thumbprint = daemon.device().key().public().thumbprint().to_string();
    for (name, content) in &files {
        assert!(!contains(content, thumbprint.as_bytes()), "the whole thumbprint is in {name}");
    }
    assert!(
        contains(&files["status.json"], &thumbprint.as_bytes()[..8]),
        "its beginning tells devices apart"
    );

    // Another is not written over it, and with names there are names and still no secrets.
    let again = tokio::task::block_in_place(|| run(&data, &["support-bundle", file.to_str().unwrap()]));
    assert_eq!(again.code, 1);
    let named = folder.path().join("named.tar.gz");
    made(&["support-bundle", "--with-names", named.to_str().unwrap()]);
    let named = unpack(&named);
    assert!(contains(&named["people.json"], GUEST.as_bytes()));
    secrets.assert_absent(&named);
    daemon.stop().await;
}

#[test]
fn a_device_that_does_not_run_can_be_bundled_too() {
    let machine = Machine::with_device();
    std::fs::write(machine.data().join("config.toml"), config(machine.path())).unwrap();
    let file = machine.path().join("bundle.tar.gz");
    let made = machine.run(&["support-bundle", file.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{}", made.err);
    let files = unpack(&file);
    kept_secrets(&machine.data()).assert_absent(&files);
    assert!(contains(&files["status.json"], b"not there: no agent runs"));
    assert!(contains(&files["check.json"], b"\"storage\""));
    assert!(contains(&files["config.json"], b"[a text]"));
}

#[test]
fn where_there_is_no_journal_logs_says_where_else_to_look() {
    let machine = Machine::with_device();
    let ended = machine.run(&["logs"]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("standard error"), "{}", ended.err);
}
