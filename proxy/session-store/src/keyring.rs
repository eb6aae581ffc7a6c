//! The keys that seal what is stored and what a cookie carries, by purpose and by key id.
//!
//! Each configured key is expanded (HKDF-SHA256, RFC 5869) into one subkey per [`Purpose`], so
//! that no two uses share a key. The first configured key seals, all of them open. A sealed value
//! is `version (1 byte) | length of the key id (1 byte) | key id | nonce (24 bytes) |
//! ciphertext and tag`, by XChaCha20-Poly1305: its nonce is long enough to be random for years of
//! writes.
//!
//! To rotate: add the new key behind the first one on every replica, then put it first, and remove
//! the old one once the last session that it sealed is over. A replica that does not know a key
//! takes the sessions sealed with it for absent.

use std::fmt;

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tokenbridge_bridge::Secret;
use zeroize::Zeroizing;

mod parse;
mod subkey;

pub use parse::{KeyProblem, KeyringError};
pub use subkey::Purpose;
use subkey::{KEY_LENGTH, NamedKey};

const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 24;

/// The operating system's random source failed, so nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random source failed")]
pub struct RandomError;

/// No configured key sealed this value for this purpose with this associated data. It does not
/// say more: what exactly is wrong would help whoever made the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value cannot be opened")]
pub struct OpenError;

/// All configured keys. The first one seals.
pub struct Keyring {
    first: NamedKey,
    others: Vec<NamedKey>,
}

impl Keyring {
    /// Reads entries of the form `id:BASE64_OF_32_BYTES`.
    ///
    /// # Errors
    /// Which entry is wrong and how; never what it holds.
    pub fn parse(entries: &[Secret]) -> Result<Self, KeyringError> {
        parse::keyring(entries)
    }

    /// One fresh key: for a store that does not outlive the process.
    ///
    /// # Errors
    /// The operating system's random source failed.
    pub fn random() -> Result<Self, RandomError> {
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        getrandom::fill(key.as_mut()).map_err(|_| RandomError)?;
        Ok(Self {
            first: NamedKey::new("random".to_owned(), &key),
            others: Vec::new(),
        })
    }

    /// Seals `plaintext`. It opens only for the same purpose and the same list of associated
    /// values; the list is encoded so that no two lists look alike.
    ///
    /// # Errors
    /// The operating system's random source failed.
    pub fn seal(
        &self,
        purpose: Purpose,
        associated: &[&[u8]],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, RandomError> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(|_| RandomError)?;
        let header = header(&self.first.id);
        let aad = associated_data(&header, associated);
        let payload = Payload {
            msg: plaintext,
            aad: &aad,
        };
        // The cipher refuses only what is longer than 256 GiB, which no caller can hold.
        let ciphertext = self
            .first
            .cipher(purpose)
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| RandomError)?;
        Ok([header.as_slice(), &nonce, &ciphertext].concat())
    }

    /// Opens what any of the keys sealed. The plaintext is wiped when dropped.
    ///
    /// # Errors
    /// The same for everything that can be wrong.
    pub fn open(
        &self,
        purpose: Purpose,
        associated: &[&[u8]],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (id, rest) = split_header(sealed).ok_or(OpenError)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(OpenError)?;
        let key = self
            .keys()
            .find(|key| key.id.as_bytes() == id)
            .ok_or(OpenError)?;
        let aad = associated_data(&header(&key.id), associated);
        let payload = Payload {
            msg: ciphertext,
            aad: &aad,
        };
        let plaintext = key.cipher(purpose).decrypt(&XNonce::from(*nonce), payload);
        plaintext.map(Zeroizing::new).map_err(|_| OpenError)
    }

    /// HMAC-SHA256 over a list of values, by the first key.
    pub fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        keyed(self.first.subkey(purpose), parts)
            .finalize()
            .into_bytes()
            .into()
    }

    /// Whether any of the keys made this MAC over this list of values; in constant time.
    pub fn verify_mac(&self, purpose: Purpose, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.keys()
            .any(|key| keyed(key.subkey(purpose), parts).verify_slice(mac).is_ok())
    }

    fn keys(&self) -> impl Iterator<Item = &NamedKey> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys().map(|key| key.id.as_str()).collect();
        formatter
            .debug_struct("Keyring")
            .field("key_ids", &ids)
            .finish_non_exhaustive()
    }
}

/// The id of the key that a value claims to be sealed with; an operator may be told.
pub(crate) fn claimed_key_id(sealed: &[u8]) -> Option<&str> {
    let (id, _) = split_header(sealed)?;
    std::str::from_utf8(id)
        .ok()
        .filter(|id| parse::is_key_id(id))
}

fn header(id: &str) -> Vec<u8> {
    let mut header = vec![VERSION];
    push_with_length(&mut header, id.as_bytes(), 1);
    header
}

fn split_header(sealed: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&version, rest) = sealed.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if version != VERSION {
        return None;
    }
    rest.split_at_checked(usize::from(length))
}

/// The header, then each value behind its length: no value can pose as a part of its neighbour.
fn associated_data(header: &[u8], values: &[&[u8]]) -> Vec<u8> {
    let mut data = header.to_vec();
    for value in values {
        push_with_length(&mut data, value, 8);
    }
    data
}

/// Appends the last `width` bytes of the value's length (big-endian), then the value.
fn push_with_length(data: &mut Vec<u8>, value: &[u8], width: usize) {
    let length = (value.len() as u64).to_be_bytes();
    data.extend(length.iter().skip(length.len().saturating_sub(width)));
    data.extend_from_slice(value);
}

fn keyed(subkey: &[u8; KEY_LENGTH], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = subkey::hmac(subkey);
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests;
