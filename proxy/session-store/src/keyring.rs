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

use hmac::{Hmac, Mac};
use sha2::Sha256;
use tokenbridge_bridge::{Secret, SecretBytes};
use zeroize::Zeroizing;

mod aead;
mod parse;
mod subkey;

use aead::{NONCE_LENGTH, TAG_LENGTH, ValueCipher};
pub use parse::{KeyProblem, KeyringError};
pub use subkey::Purpose;
use subkey::{KEY_LENGTH, NamedKey};

const VERSION: u8 = 1;
/// Bytes of the length before an associated value.
const LENGTH_WIDTH: usize = size_of::<u64>();

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
        let associated = associated_data(&header, associated);
        let length = plaintext.len().saturating_add(TAG_LENGTH);
        let mut sealed = Vec::with_capacity(header.len() + NONCE_LENGTH + length);
        sealed.extend_from_slice(&header);
        sealed.extend_from_slice(&nonce);
        // The cipher refuses only what is longer than 256 GiB, which no caller can hold.
        ValueCipher::new(self.first.subkey(purpose), &nonce)
            .and_then(|cipher| cipher.seal(&associated, plaintext, &mut sealed))
            .map_err(|_| RandomError)?;
        Ok(sealed)
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
    ) -> Result<SecretBytes, OpenError> {
        let (header, id, rest) = split_header(sealed).ok_or(OpenError)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(OpenError)?;
        let key = self
            .keys()
            .find(|key| key.id.as_bytes() == id)
            .ok_or(OpenError)?;
        let associated = associated_data(header, associated);
        ValueCipher::new(key.subkey(purpose), nonce)
            .and_then(|cipher| cipher.open(&associated, ciphertext))
            .map_err(|_| OpenError)
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
    let (_, id, _) = split_header(sealed)?;
    std::str::from_utf8(id)
        .ok()
        .filter(|id| parse::is_key_id(id))
}

fn header(id: &str) -> Vec<u8> {
    // An id has at most 32 characters.
    let [.., length] = id.len().to_be_bytes();
    [&[VERSION, length], id.as_bytes()].concat()
}

/// The header, the key id in it, and what follows.
fn split_header(sealed: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&version, rest) = sealed.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if version != VERSION {
        return None;
    }
    let (id, rest) = rest.split_at_checked(usize::from(length))?;
    let (header, _) = sealed.split_at_checked(sealed.len() - rest.len())?;
    Some((header, id, rest))
}

/// The header, then each value behind its length: no value can pose as a part of its neighbour.
fn associated_data(header: &[u8], values: &[&[u8]]) -> Vec<u8> {
    let lengths = values.iter().map(|value| LENGTH_WIDTH + value.len());
    let mut data = Vec::with_capacity(header.len() + lengths.sum::<usize>());
    data.extend_from_slice(header);
    for value in values {
        data.extend_from_slice(&(value.len() as u64).to_be_bytes());
        data.extend_from_slice(value);
    }
    data
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
