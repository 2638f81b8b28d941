//! Compiled code is run only if this device signed it.

use std::path::PathBuf;

use streembit_keys::{PrivateKey, rng};

use super::world::{World, component};
use crate::plugins::component::Component;
use crate::plugins::{Setup, cache, compiler};

fn setup(world: &World) -> (Component, PathBuf) {
    let component = Component::read(&component("gpio-switch")).unwrap();
    (component, world.folder.path().join("plugins/code"))
}

fn other(world: &World, compiler: bool) -> Setup {
    let mut programs = super::world::programs();
    if !compiler {
        programs.compiler = PathBuf::from("/nonexistent/compiler");
    }
    Setup {
        programs,
        folder: world.folder.path().join("plugins"),
        key: PrivateKey::from_scalar(&[7; 32]).unwrap(),
        hardware: std::sync::Arc::new(crate::hardware::Hardware::new(crate::hardware::Linux)),
        things: std::sync::Arc::default(),
    }
}

#[tokio::test]
async fn what_was_compiled_once_is_not_compiled_again() {
    let world = World::new();
    let (component, folder) = setup(&world);
    let first = cache::code(&other(&world, true), &component).await.unwrap();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    // Without a compiler it must come from the folder.
    let second = cache::code(&other(&world, false), &component).await.unwrap();
    assert_eq!(first.length(), second.length());
}

#[tokio::test]
async fn tampered_code_is_refused_and_compiled_again() {
    let world = World::new();
    let (component, folder) = setup(&world);
    cache::code(&other(&world, true), &component).await.unwrap();
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let good = std::fs::read(&file).unwrap();
    let line = good.iter().position(|byte| *byte == b'\n').unwrap();
    // A bit of the code, of the signature, a piece cut off, a piece added, no signature at all.
    let flip = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let tampered = [
        flip(line + 100),
        flip(good.len() - 1),
        flip(line - 5),
        good[..good.len() - 1].to_vec(),
        [&good[..], b"x"].concat(),
        good[line + 1..].to_vec(),
        Vec::new(),
    ];
    for bytes in tampered {
        std::fs::write(&file, &bytes).unwrap();
        assert!(cache::code(&other(&world, false), &component).await.is_err(), "it was used");
    }
    cache::code(&other(&world, true), &component).await.unwrap();
    assert!(cache::code(&other(&world, false), &component).await.is_ok(), "it was not replaced");
}

#[tokio::test]
async fn code_that_another_device_signed_is_refused() {
    let world = World::new();
    let (component, _) = setup(&world);
    let mut theirs = other(&world, true);
    theirs.key = PrivateKey::generate(&mut rng::system());
    cache::code(&theirs, &component).await.unwrap();
    assert!(cache::code(&other(&world, false), &component).await.is_err());
}

#[tokio::test]
async fn a_component_that_was_exchanged_is_not_compiled_in_its_place() {
    let world = World::new();
    let copy = world.folder.path().join("copy.wasm");
    std::fs::copy(super::world::component("gpio-switch"), &copy).unwrap();
    let component = Component::read(&copy).unwrap();
    std::fs::write(&copy, b"\0asm\x0d\0\x01\0").unwrap();
    let error = cache::code(&other(&world, true), &component).await.err().unwrap();
    assert!(error.to_string().contains("changed"), "{error}");
}

#[tokio::test]
async fn what_is_no_component_is_refused_with_its_reason() {
    let programs = super::world::programs();
    for bytes in [&b""[..], b"hello", b"\0asm\x01\0\0\0", &[0; 100_000]] {
        let error = compiler::compile(&programs, bytes).await.err().unwrap();
        assert!(error.to_string().starts_with("the component cannot be compiled"), "{error}");
    }
}
