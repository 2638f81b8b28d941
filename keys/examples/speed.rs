//! Measures what the hot path of a command costs: `cargo run --release -p streembit-keys --example speed`.
//!
//! It is the measurement behind the choice of libraries: sign and verify (`aws-lc-rs` against `p256`) and AES-256-GCM
//! (`aws-lc-rs` against `aes-gcm`), in microseconds an operation.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, UnboundKey};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use streembit_keys::{PrivateKey, jwe, rng};

fn measure<T>(name: &str, rounds: u32, mut operation: impl FnMut() -> T) {
    for _ in 0..rounds / 10 {
        black_box(operation());
    }
    let start = Instant::now();
    for _ in 0..rounds {
        black_box(operation());
    }
    println!("{name:36} {:9.2} us", start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds));
}

fn main() {
    let key = PrivateKey::generate(&mut rng::system());
    let message = [7; 300];
    let signature = key.sign(&message);
    measure("sign, PrivateKey (aws-lc-rs)", 5000, || key.sign(&message));
    measure("verify, PublicKey (aws-lc-rs)", 5000, || key.public().verify(&message, &signature).unwrap());

    let slow = SigningKey::from_slice(key.to_scalar().as_slice()).unwrap();
    let verifier = VerifyingKey::from(&slow);
    let their_signature = Signature::from_slice(&signature).unwrap();
    measure("sign, p256", 2000, || -> Signature { slow.sign(&message) });
    measure("verify, p256", 1000, || verifier.verify(&message, &their_signature).unwrap());

    let secret = [9; 32];
    let direct = jwe::Direct::new(secret.into()).unwrap();
    let fast = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &secret).unwrap());
    let pure = Aes256Gcm::new((&secret).into());
    for length in [256, 1024, 16 * 1024, 64 * 1024] {
        let plaintext = vec![5; length];
        let sealed = direct.seal(1, &plaintext).unwrap();
        println!("-- {length} bytes");
        measure("seal, jwe::Direct", 4000, || direct.seal(1, &plaintext).unwrap());
        measure("open, jwe::Direct", 4000, || direct.open(1, &sealed).unwrap());
        let mut buffer = plaintext.clone();
        measure("AES-256-GCM alone, aws-lc-rs", 4000, || {
            let nonce = aws_lc_rs::aead::Nonce::assume_unique_for_key([1; 12]);
            drop(black_box(
                fast.seal_in_place_separate_tag(nonce, Aad::from("header"), &mut buffer).unwrap(),
            ));
        });
        measure("AES-256-GCM alone, aes-gcm", 4000, || {
            let nonce = Nonce::from([1; 12]);
            let sealed = pure.encrypt_inout_detached(&nonce, b"header", buffer.as_mut_slice().into());
            sealed.unwrap()
        });
    }
}
