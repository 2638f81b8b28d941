use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

const PASSCODE: &str = "Correct-horse 5";

fn fresh() -> PrivateKey {
    PrivateKey::generate(&mut crate::rng::system())
}

fn passcode() -> Passcode {
    Passcode::new(Zeroizing::new(PASSCODE.to_owned())).unwrap()
}

/// Runs the OpenSSL command with `input` and returns what it prints.
fn openssl(arguments: &[&str], input: &str) -> Result<String, String> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .env("PASSCODE", PASSCODE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the `openssl` command: apt install openssl");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn same(a: &PrivateKey, b: &PrivateKey) -> bool {
    a.to_scalar() == b.to_scalar()
}

#[test]
fn a_clear_key_survives_the_way_there_and_back() {
    let key = fresh();
    let pem = to_pem(&key).unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
    assert!(same(&from_pem(&pem).unwrap(), &key));
    assert_eq!(from_encrypted_pem(&pem, PASSCODE).map(|_| ()), Err(Pkcs8Error::NotEncrypted));
}

#[test]
fn openssl_reads_our_clear_key() {
    let key = fresh();
    let shown = openssl(&["pkey", "-pubout", "-outform", "PEM"], &to_pem(&key).unwrap()).unwrap();
    let expected =
        p256::pkcs8::EncodePublicKey::to_public_key_pem(key.public().point(), LineEnding::LF).unwrap();
    assert_eq!(shown, expected);
}

#[test]
fn openssl_opens_our_encrypted_key_with_the_passcode_only() {
    let key = fresh();
    let sealed = to_encrypted_pem(&key, &passcode(), &mut crate::rng::system()).unwrap();
    assert!(sealed.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let opened = openssl(&["pkey", "-passin", "env:PASSCODE"], &sealed).unwrap();
    assert!(same(&from_pem(&opened).unwrap(), &key));
    assert!(openssl(&["pkey", "-passin", "pass:wrong"], &sealed).is_err());
    // It is what the design says, by OpenSSL's own reading.
    let structure = openssl(&["asn1parse"], &sealed).unwrap();
    assert!(structure.contains("PBES2") && structure.contains("scrypt"), "{structure}");
    assert!(structure.contains(":4000") && structure.contains("aes-256-cbc"), "{structure}");
}

#[test]
fn we_open_what_openssl_encrypts() {
    let clear = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "").unwrap();
    let key = from_pem(&clear).unwrap();
    let ways: [&[&str]; 4] = [
        &["-v2", "aes-256-cbc"],
        &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"],
        &["-v2", "aes-256-cbc", "-iter", "600000"],
        &["-scrypt"],
    ];
    for way in ways {
        let mut arguments = vec!["pkcs8", "-topk8", "-passout", "env:PASSCODE"];
        arguments.extend_from_slice(way);
        let sealed = openssl(&arguments, &clear).unwrap();
        assert!(same(&from_encrypted_pem(&sealed, PASSCODE).unwrap(), &key), "{way:?}");
        assert_eq!(
            from_encrypted_pem(&sealed, "wrong").map(|_| ()),
            Err(Pkcs8Error::WrongPasscode),
            "{way:?}"
        );
        assert_eq!(from_pem(&sealed).map(|_| ()), Err(Pkcs8Error::Encrypted));
    }
}

#[test]
fn other_keys_are_told_apart_from_damage() {
    let p384 = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "").unwrap();
    assert_eq!(from_pem(&p384).map(|_| ()), Err(Pkcs8Error::NotP256));
    let ed25519 = openssl(&["genpkey", "-algorithm", "ED25519"], "").unwrap();
    assert_eq!(from_pem(&ed25519).map(|_| ()), Err(Pkcs8Error::NotP256));
    let old =
        openssl(&["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-passout", "env:PASSCODE"], &p384).unwrap();
    assert_eq!(from_encrypted_pem(&old, PASSCODE).map(|_| ()), Err(Pkcs8Error::UnknownEncryption));
}

#[test]
fn two_files_of_one_key_share_neither_salt_nor_text() {
    let key = fresh();
    let seal = || to_encrypted_pem(&key, &passcode(), &mut crate::rng::system()).unwrap();
    assert_ne!(seal(), seal());
}

#[test]
fn a_wrong_passcode_never_gives_another_key() {
    // CBC's padding looks right for one wrong passcode in about 256.
    let key = fresh();
    let sealed = to_encrypted_pem(&key, &passcode(), &mut crate::rng::system()).unwrap();
    for n in 0..8 {
        let wrong = format!("Wrong-{n}");
        assert_eq!(from_encrypted_pem(&sealed, &wrong).map(|_| ()), Err(Pkcs8Error::WrongPasscode));
    }
}

#[test]
fn a_file_that_asks_for_too_much_work_is_refused_at_once() {
    let seal = |parameters: Parameters| -> EncryptionScheme { parameters.into() };
    let scrypt = |log_n, r, p| {
        let cost = scrypt::Params::new(log_n, r, p).unwrap();
        seal(Parameters::generate_scrypt_aes256cbc(cost, &[1; 16], [2; 16]).unwrap())
    };
    assert_eq!(check_work(&scrypt(17, 8, 1)), Ok(()));
    for (log_n, r, p) in [(18, 8, 1), (14, 128, 1), (14, 8, 5)] {
        assert_eq!(check_work(&scrypt(log_n, r, p)), Err(Pkcs8Error::TooMuchWork), "{log_n} {r} {p}");
    }
    let pbkdf2 =
        |rounds| seal(Parameters::generate_pbkdf2_sha256_aes256cbc(rounds, &[1; 16], [2; 16]).unwrap());
    assert_eq!(check_work(&pbkdf2(600_000)), Ok(()));
    assert_eq!(check_work(&pbkdf2(MAX_PBKDF2_ITERATIONS + 1)), Err(Pkcs8Error::TooMuchWork));
}

#[test]
fn damaged_text_is_refused() {
    let pem = to_pem(&fresh()).unwrap();
    for bad in ["", "hello", "-----BEGIN PRIVATE KEY-----", &pem[..pem.len() / 2], &"x".repeat(MAX_PEM + 1)] {
        assert_eq!(from_pem(bad).map(|_| ()), Err(Pkcs8Error::Malformed), "{bad}");
    }
    let commented = format!("# my key\n\n{}\n\n", pem.as_str());
    assert!(from_pem(&commented).is_ok());
}
