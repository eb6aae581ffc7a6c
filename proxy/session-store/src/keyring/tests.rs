use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

fn entry(id: &str, seed: u8) -> Secret {
    let key: Vec<u8> = (0..32).map(|step| seed.wrapping_add(step)).collect();
    Secret::new(format!("{id}:{}", STANDARD.encode(key)))
}

fn keyring(entries: &[Secret]) -> Keyring {
    Keyring::parse(entries).unwrap()
}

#[test]
fn what_was_sealed_opens_with_the_same_purpose_and_associated_data_only() {
    let keys = keyring(&[entry("k1", 1)]);
    let sealed = keys
        .seal(Purpose::StoreField, &[b"session", b"field"], b"token")
        .unwrap();
    let open = |purpose, associated: &[&[u8]]| {
        keys.open(purpose, associated, &sealed)
            .map(|plain| plain.expose().to_vec())
    };
    assert_eq!(
        open(Purpose::StoreField, &[b"session", b"field"]),
        Ok(b"token".to_vec())
    );
    assert_eq!(
        open(Purpose::LoginFlowCookie, &[b"session", b"field"]),
        Err(OpenError)
    );
    assert_eq!(
        open(Purpose::StoreField, &[b"session", b"other"]),
        Err(OpenError)
    );
    assert_eq!(
        open(Purpose::StoreField, &[b"sessionf", b"ield"]),
        Err(OpenError)
    );
    assert_eq!(
        open(Purpose::StoreField, &[b"sessionfield"]),
        Err(OpenError)
    );
    assert_eq!(
        open(Purpose::StoreField, &[b"session", b"field", b""]),
        Err(OpenError)
    );
}

/// Made by the chacha20poly1305 crate, which sealed before AWS-LC did, for a nonce of 0xa0 to 0xb7.
#[test]
fn what_was_sealed_before_opens() {
    let sealed = "01026b31a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7\
                  3cb59894f6bc6346b43df846aae940a6b0f988bc33";
    let sealed: Vec<u8> = (0..sealed.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&sealed[at..at + 2], 16).unwrap())
        .collect();
    let opened =
        keyring(&[entry("k1", 1)]).open(Purpose::StoreField, &[b"session", b"field"], &sealed);
    assert_eq!(opened.unwrap().expose(), b"token");
}

#[test]
fn any_changed_or_missing_byte_keeps_a_value_closed() {
    let keys = keyring(&[entry("k1", 1)]);
    let sealed = keys.seal(Purpose::StoreField, &[], b"token").unwrap();
    for position in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[position] ^= 1;
        assert!(
            keys.open(Purpose::StoreField, &[], &changed).is_err(),
            "byte {position}"
        );
        assert!(
            keys.open(Purpose::StoreField, &[], &sealed[..position])
                .is_err(),
            "cut at {position}"
        );
    }
}

#[test]
fn the_same_value_is_never_sealed_to_the_same_bytes() {
    let keys = keyring(&[entry("k1", 1)]);
    let seal = || keys.seal(Purpose::StoreField, &[], b"token").unwrap();
    assert_ne!(seal(), seal());
}

#[test]
fn the_first_key_seals_and_every_key_opens() {
    let old = keyring(&[entry("k1", 1)]);
    let rotated = keyring(&[entry("k2", 2), entry("k1", 1)]);
    let by_old = old.seal(Purpose::StoreField, &[], b"token").unwrap();
    let by_new = rotated.seal(Purpose::StoreField, &[], b"token").unwrap();
    assert_eq!(claimed_key_id(&by_old), Some("k1"));
    assert_eq!(claimed_key_id(&by_new), Some("k2"));
    assert!(rotated.open(Purpose::StoreField, &[], &by_old).is_ok());
    assert!(rotated.open(Purpose::StoreField, &[], &by_new).is_ok());
    assert!(old.open(Purpose::StoreField, &[], &by_new).is_err());
}

#[test]
fn a_mac_is_verified_by_any_configured_key_over_the_same_parts() {
    let old = keyring(&[entry("k1", 1)]);
    let rotated = keyring(&[entry("k2", 2), entry("k1", 1)]);
    let mac = old.mac(Purpose::Csrf, &[b"a", b"bc"]);
    assert!(rotated.verify_mac(Purpose::Csrf, &[b"a", b"bc"], &mac));
    assert_ne!(rotated.mac(Purpose::Csrf, &[b"a", b"bc"]), mac);
    assert!(!rotated.verify_mac(Purpose::Csrf, &[b"ab", b"c"], &mac));
    assert!(!rotated.verify_mac(Purpose::StoreField, &[b"a", b"bc"], &mac));
    assert!(!rotated.verify_mac(Purpose::Csrf, &[b"a", b"bc"], &mac[..31]));
    assert!(!keyring(&[entry("k3", 3)]).verify_mac(Purpose::Csrf, &[b"a", b"bc"], &mac));
}

#[test]
fn a_keyring_shows_its_key_ids_alone() {
    let shown = format!("{:?}", keyring(&[entry("k2", 2), entry("k1", 1)]));
    assert_eq!(shown, r#"Keyring { key_ids: ["k2", "k1"], .. }"#);
}

#[test]
fn a_wrong_entry_is_named_without_showing_it() {
    let short = STANDARD.encode([7; 16]);
    let zeros = STANDARD.encode([0; 32]);
    let at = |position, problem| KeyringError::Entry { position, problem };
    for (entries, expected) in [
        (vec![], KeyringError::Empty),
        (vec![Secret::new("no-colon")], at(1, KeyProblem::NoId)),
        (vec![Secret::new(":AAAA")], at(1, KeyProblem::Id)),
        (vec![Secret::new("k 1:AAAA")], at(1, KeyProblem::Id)),
        (
            vec![entry("k1", 1), Secret::new("k2:not base64!")],
            at(2, KeyProblem::Base64("k2".into())),
        ),
        (
            vec![Secret::new(format!("k1:{short}"))],
            at(
                1,
                KeyProblem::Length {
                    id: "k1".into(),
                    bytes: 16,
                },
            ),
        ),
        (
            vec![Secret::new(format!("k1:{zeros}"))],
            at(1, KeyProblem::Placeholder("k1".into())),
        ),
        (
            vec![entry("k1", 1), entry("k1", 2)],
            at(2, KeyProblem::DuplicateId("k1".into())),
        ),
    ] {
        let error = Keyring::parse(&entries).unwrap_err();
        assert_eq!(error, expected);
        for secret in [&short, &zeros, "not base64!"] {
            assert!(!error.to_string().contains(secret), "{error}");
        }
    }
}

#[test]
fn keys_are_read_with_and_without_padding_and_surrounding_blanks() {
    let padded = entry("k1", 1);
    let bare = Secret::new(format!(" {}\n", padded.expose().trim_end_matches('=')));
    let sealed = keyring(&[padded])
        .seal(Purpose::StoreField, &[], b"x")
        .unwrap();
    assert!(
        keyring(&[bare])
            .open(Purpose::StoreField, &[], &sealed)
            .is_ok()
    );
}
