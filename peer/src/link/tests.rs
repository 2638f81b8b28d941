use proptest::prelude::*;
use streembit_keys::{PrivateKey, rng};

use super::*;
use crate::session::Sid;

const PEER: &str = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

fn address(route: &str) -> Address {
    format!("{route}/p2p/{PEER}").parse().unwrap()
}

fn link(hints: &[&str]) -> Link {
    // Fixed, so that no run meets the one error in 65,536 that the check misses.
    let (device, secret) = (Thumbprint::from_bytes([0x5b; 32]), Secret::from_bytes([0xa7; Secret::BYTES]));
    let hints = hints.iter().map(|route| address(route)).collect();
    Link { kind: LinkKind::Pairing, device, secret, hints }
}

#[test]
fn survives_text_of_any_case_and_wrapping() {
    for hints in
        [&[][..], &["/ip4/192.168.1.10/tcp/7600"], &["/ip6/fd00::1/udp/7600/quic-v1", "/ip4/10.0.0.1/tcp/1"]]
    {
        for kind in [LinkKind::Pairing, LinkKind::Invitation] {
            let link = Link { kind, ..link(hints) };
            let uri = link.to_uri();
            assert_eq!(uri.parse(), Ok(link.clone()));
            assert_eq!(uri.to_uppercase().parse(), Ok(link.clone()));
            assert_eq!(format!("  {}\r\n {}\n", &uri[..40], &uri[40..]).parse(), Ok(link));
        }
    }
}

#[test]
fn is_short_enough_to_type() {
    assert!(link(&[]).to_uri().len() <= 100, "{}", link(&[]).to_uri().len());
}

#[test]
fn every_single_typing_error_is_noticed() {
    let uri = link(&[]).to_uri();
    for at in "streembit:pair/".len()..uri.len() {
        let mut typo = uri.clone().into_bytes();
        typo[at] = if typo[at] == b'a' { b'b' } else { b'a' };
        let typo = String::from_utf8(typo).unwrap();
        assert!(matches!(typo.parse::<Link>(), Err(LinkError::Typo | LinkError::Damaged)), "{typo}");
    }
    assert_eq!(
        uri.replacen("pair", "join", 1).parse::<Link>(),
        Err(LinkError::Typo),
        "kinds are not exchangeable"
    );
    assert!(uri[..uri.len() - 8].parse::<Link>().is_err(), "cut short");
    assert_eq!("https://example.org".parse::<Link>(), Err(LinkError::Scheme));
    assert_eq!(format!("{uri}!").parse::<Link>(), Err(LinkError::Damaged));
    assert_eq!("streembit:pair/".repeat(100).parse::<Link>(), Err(LinkError::Damaged));
}

#[test]
fn addresses_of_another_peer_are_left_out() {
    let mut link = link(&["/ip4/10.0.0.1/tcp/1"]);
    let kept = link.hints.clone();
    let other = "/ip4/10.0.0.2/tcp/1/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN";
    link.hints.push(other.parse().unwrap());
    assert_eq!(link.to_uri().parse::<Link>().unwrap().hints, kept);
}

/// Reads the drawing back into the modules that a camera would see: `true` is dark.
fn modules(drawing: &str) -> Vec<Vec<bool>> {
    let mut rows = Vec::new();
    for line in drawing.lines() {
        rows.push(line.chars().map(|c| matches!(c, '▄' | ' ')).collect());
        rows.push(line.chars().map(|c| matches!(c, '▀' | ' ')).collect());
    }
    rows
}

#[test]
fn the_qr_code_fits_the_smallest_terminal_and_says_the_link() {
    let link = link(&["/ip4/192.168.178.100/tcp/65535"]);
    let drawing = link.qr().unwrap();
    let columns = drawing.lines().next().unwrap().chars().count();
    assert!(drawing.lines().all(|line| line.chars().count() == columns));
    assert!(columns <= 80 && drawing.lines().count() < 24, "{columns}×{}", drawing.lines().count());

    let rows = modules(&drawing);
    let quiet = rows.iter().take_while(|row| row.iter().all(|dark| !dark)).count();
    assert!(quiet >= 2, "a reader needs an edge: {quiet}");
    let text = link.to_uri().to_ascii_uppercase();
    let code = qrcode::QrCode::with_error_correction_level(&text, qrcode::EcLevel::L).unwrap();
    for (index, color) in code.to_colors().into_iter().enumerate() {
        let (row, column) = (index / code.width() + quiet, index % code.width() + quiet);
        assert_eq!(rows[row][column], color == qrcode::types::Color::Dark, "module {row},{column}");
    }
}

#[test]
fn a_qr_code_drops_the_hints_that_do_not_fit() {
    let routes: Vec<String> =
        (1..=8).map(|n| format!("/ip6/2001:db8:1:2:3:4:5:{n}/udp/7600/quic-v1")).collect();
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    let drawing = link(&routes).qr().unwrap();
    assert!(drawing.lines().count() < 24);
}

#[test]
fn a_proof_admits_its_caller_in_its_session_and_nobody_else() {
    let mut rng = rng::system();
    let (secret, other) = (Secret::generate(&mut rng), Secret::generate(&mut rng));
    let caller = PrivateKey::generate(&mut rng).public().thumbprint();
    let stranger = PrivateKey::generate(&mut rng).public().thumbprint();
    let (here, there) = (Sid::from_bytes([1; 32]), Sid::from_bytes([2; 32]));
    let proof = secret.proof(&here, &caller);

    assert!(secret.hash().admits(&proof, &here, &caller));
    assert!(!secret.hash().admits(&proof, &here, &stranger), "another caller");
    assert!(!secret.hash().admits(&proof, &there, &caller), "another session");
    assert!(!other.hash().admits(&proof, &here, &caller), "another link");
    for forged in ["", "AAAA", &proof[1..], &format!("{proof}A"), &secret.hash().to_string()] {
        assert!(!secret.hash().admits(forged, &here, &caller), "{forged:?}");
    }
}

#[test]
fn a_secret_is_not_in_what_is_logged() {
    let link = link(&[]);
    let logged = format!("{link:?}");
    assert!(logged.contains("Secret(…)"));
    let secret = data_encoding::BASE32_NOPAD.encode(link.secret.as_bytes()).to_lowercase();
    assert!(!logged.to_lowercase().contains(&secret));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in ".{0,300}") {
        let _ = text.parse::<Link>();
    }

    #[test]
    fn arbitrary_bodies_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        // With a check that holds, so that the parser gets to see all of it.
        let check = uri::check(LinkKind::Pairing, &body);
        let block = data_encoding::BASE32_NOPAD.encode(&[body.as_slice(), &check].concat());
        if let Ok(link) = format!("streembit:pair/{block}").parse::<Link>() {
            prop_assert!(link.hints.len() <= Link::MAX_HINTS);
            prop_assert_eq!(link.to_uri().parse::<Link>(), Ok(link));
        }
    }
}
