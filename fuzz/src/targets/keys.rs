//! Keys in text and in bytes: what is taken is a key, and writes as one that is read as the same.

use streembit_keys::{PrivateKey, PublicKey, Thumbprint, pkcs8};

pub fn run(input: &[u8]) {
    check(PublicKey::from_sec1(input).ok());
    if let Ok(key) = PrivateKey::from_scalar(input) {
        assert_eq!(key.to_scalar().as_slice(), input);
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    check(PublicKey::from_text(text).ok());
    check(PublicKey::from_jwk(text).ok());
    if let Ok(key) = pkcs8::from_pem(text) {
        let again = pkcs8::from_pem(&pkcs8::to_pem(&key).unwrap()).unwrap();
        assert_eq!(again.public(), key.public());
    }
    if let Ok(name) = text.parse::<Thumbprint>() {
        assert_eq!(name.to_string(), text);
    }
}

fn check(key: Option<PublicKey>) {
    if let Some(key) = key {
        assert_eq!(PublicKey::from_sec1(&key.to_sec1()).unwrap(), key);
        assert_eq!(PublicKey::from_jwk(&key.to_jwk()).unwrap(), key);
    }
}
