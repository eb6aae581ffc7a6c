//! Reading `session.encryption_keys`, with an error that helps and shows nothing.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tokenbridge_bridge::Secret;
use zeroize::Zeroizing;

use super::Keyring;
use super::subkey::{KEY_LENGTH, NamedKey};

const LONGEST_ID: usize = 32;
/// The standard alphabet, with or without padding: what `openssl rand -base64 32` prints.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is wrong with the configured keys. It shows no part of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// There is no key at all.
    #[error(
        "there is no encryption key; add one entry id:KEY, where KEY is what `openssl rand -base64 32` prints"
    )]
    Empty,
    /// One entry is wrong.
    #[error("encryption key number {position}: {problem}")]
    Entry {
        /// Its place in the list, counted from 1.
        position: usize,
        /// What is wrong with it.
        problem: KeyProblem,
    },
}

/// What is wrong with one entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// There is no colon.
    #[error("it has no key id; write id:KEY, where KEY is what `openssl rand -base64 32` prints")]
    NoId,
    /// The id is empty, too long, or has other characters than letters, digits, `-` and `_`.
    #[error("its key id must be 1 to 32 letters, digits, - or _")]
    Id,
    /// The same id stands in an earlier entry.
    #[error("its key id {0} is already taken; give each key its own")]
    DuplicateId(String),
    /// The key is not base64.
    #[error("the key of {0} is no base64; make one with `openssl rand -base64 32`")]
    Base64(String),
    /// The key has another length.
    #[error("the key of {id} has {bytes} bytes; it must have 32 (`openssl rand -base64 32`)")]
    Length {
        /// Its id.
        id: String,
        /// How many bytes it decodes to.
        bytes: usize,
    },
    /// All bytes are the same: a placeholder, not a key.
    #[error(
        "the key of {0} is one byte repeated, which is no secret; make one with `openssl rand -base64 32`"
    )]
    Placeholder(String),
}

pub(super) fn keyring(entries: &[Secret]) -> Result<Keyring, KeyringError> {
    let mut keys: Vec<NamedKey> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let position = index.saturating_add(1);
        let key = named_key(entry).map_err(|problem| KeyringError::Entry { position, problem })?;
        if keys.iter().any(|earlier| earlier.id == key.id) {
            return Err(KeyringError::Entry {
                position,
                problem: KeyProblem::DuplicateId(key.id),
            });
        }
        keys.push(key);
    }
    let mut keys = keys.into_iter();
    let first = keys.next().ok_or(KeyringError::Empty)?;
    Ok(Keyring {
        first,
        others: keys.collect(),
    })
}

fn named_key(entry: &Secret) -> Result<NamedKey, KeyProblem> {
    let (id, encoded) = entry
        .expose()
        .trim()
        .split_once(':')
        .ok_or(KeyProblem::NoId)?;
    if !is_key_id(id) {
        return Err(KeyProblem::Id);
    }
    let id = id.to_owned();
    let Ok(decoded) = BASE64.decode(encoded.trim()).map(Zeroizing::new) else {
        return Err(KeyProblem::Base64(id));
    };
    let Ok(key) = <&[u8; KEY_LENGTH]>::try_from(decoded.as_slice()) else {
        return Err(KeyProblem::Length {
            id,
            bytes: decoded.len(),
        });
    };
    if key.iter().all(|byte| Some(byte) == key.first()) {
        return Err(KeyProblem::Placeholder(id));
    }
    Ok(NamedKey::new(id, key))
}

/// Ids are shown in logs and stored in clear, so they are short and plain.
pub(super) fn is_key_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(plain)
}
