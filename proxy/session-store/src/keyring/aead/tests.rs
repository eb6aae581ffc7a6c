use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn seal(
    key: &[u8; KEY_LENGTH],
    nonce: &[u8; NONCE_LENGTH],
    associated: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    let mut sealed = Vec::new();
    let cipher = ValueCipher::new(key, nonce).unwrap();
    cipher.seal(associated, plaintext, &mut sealed).unwrap();
    sealed
}

fn open(
    key: &[u8; KEY_LENGTH],
    nonce: &[u8; NONCE_LENGTH],
    associated: &[u8],
    sealed: &[u8],
) -> Option<Vec<u8>> {
    let cipher = ValueCipher::new(key, nonce).unwrap();
    let opened = cipher.open(associated, sealed).ok()?;
    Some(opened.expose().to_vec())
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    std::array::from_fn(|index| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).unwrap())
}

/// Appendix A.3.1 of the draft.
#[test]
fn values_are_sealed_as_the_draft_has_it() {
    let key = std::array::from_fn(|index| 0x80 + index as u8);
    let nonce = std::array::from_fn(|index| 0x40 + index as u8);
    let associated: [u8; 12] = hex("50515253c0c1c2c3c4c5c6c7");
    let plaintext = b"Ladies and Gentlemen of the class of '99: \
        If I could offer you only one tip for the future, sunscreen would be it.";
    let expected: [u8; 130] = hex(
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39\
         ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9\
         21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49",
    );
    let sealed = seal(&key, &nonce, &associated, plaintext);
    assert_eq!(sealed, expected);
    let opened = open(&key, &nonce, &associated, &sealed);
    assert_eq!(opened.as_deref(), Some(plaintext.as_slice()));
}

#[test]
fn what_is_sealed_stands_behind_what_was_there() {
    let mut sealed = b"header".to_vec();
    let cipher = ValueCipher::new(&[1; KEY_LENGTH], &[2; NONCE_LENGTH]).unwrap();
    cipher.seal(b"", b"token", &mut sealed).unwrap();
    let alone = seal(&[1; KEY_LENGTH], &[2; NONCE_LENGTH], b"", b"token");
    assert_eq!(sealed, [b"header".as_slice(), &alone].concat());
}

proptest! {
    /// What was sealed by the crate that did it before opens, and the other way round.
    #[test]
    fn another_implementation_seals_the_same_bytes_and_opens_them(
        key in any::<[u8; KEY_LENGTH]>(),
        nonce in any::<[u8; NONCE_LENGTH]>(),
        associated in vec(any::<u8>(), 0..200),
        plaintext in vec(any::<u8>(), 0..2_000),
        changed in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let other = XChaCha20Poly1305::new(&key.into());
        let payload = Payload { msg: &plaintext, aad: &associated };
        let theirs = other.encrypt(&XNonce::from(nonce), payload).unwrap();
        let ours = seal(&key, &nonce, &associated, &plaintext);
        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(open(&key, &nonce, &associated, &theirs), Some(plaintext));

        let mut wrong = theirs;
        let place = changed.index(wrong.len());
        wrong[place] ^= 1 << bit;
        prop_assert_eq!(open(&key, &nonce, &associated, &wrong), None);
        prop_assert_eq!(open(&key, &nonce, &associated, &wrong[..place.min(TAG_LENGTH - 1)]), None);
    }
}
