//! Values on their way into and out of Redis: each sealed for its session and its field, so that
//! none can be moved to another place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::{Generation, GrantName, RefreshGrant};
use tokenbridge_bridge::session::{Profile, SessionFacts, SessionKey};
use tokenbridge_bridge::token::TokenSlot;

use super::fault::unavailable;
use super::names;
use super::record::{Reader, Writer};
use super::stored;
use crate::clock::Clock;
use crate::error::StoreError;
use crate::keyring::{Keyring, Purpose, claimed_key_id};

/// Unreadable values are logged at most this often.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// What a note is sealed for, beside its mark.
const NOTE: &str = "note";

pub(super) struct Codec {
    keys: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    /// When the last warning was given, in milliseconds of the monotonic clock, plus one.
    warned: AtomicU64,
}

impl Codec {
    pub(super) fn new(keys: Arc<Keyring>, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys,
            clock,
            warned: AtomicU64::new(0),
        }
    }

    pub(super) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// Facts and profile, which never change, in one value.
    pub(super) fn session(
        &self,
        key: &SessionKey,
        facts: &SessionFacts,
        profile: &Profile,
    ) -> Result<Vec<u8>, StoreError> {
        self.seal(key, names::FACTS, |writer| {
            stored::write_session(writer, facts, profile);
        })
    }

    pub(super) fn open_facts(&self, key: &SessionKey, sealed: &[u8]) -> Option<SessionFacts> {
        self.open(key, names::FACTS, sealed, stored::read_facts)
    }

    pub(super) fn open_session(
        &self,
        key: &SessionKey,
        sealed: &[u8],
    ) -> Option<(SessionFacts, Profile)> {
        self.open(key, names::FACTS, sealed, stored::read_session)
    }

    pub(super) fn slot(
        &self,
        key: &SessionKey,
        field: &str,
        slot: &TokenSlot,
    ) -> Result<Vec<u8>, StoreError> {
        self.seal(key, field, |writer| stored::write_slot(writer, slot))
    }

    pub(super) fn open_slot(
        &self,
        key: &SessionKey,
        field: &str,
        sealed: &[u8],
    ) -> Option<TokenSlot> {
        self.open(key, field, sealed, stored::read_slot)
    }

    /// A grant without its generation, which a script puts before it: see [`numbered`].
    pub(super) fn grant(
        &self,
        key: &SessionKey,
        name: &GrantName,
        grant: &RefreshGrant,
    ) -> Result<Vec<u8>, StoreError> {
        self.seal(key, &names::grant(name), |writer| {
            stored::write_grant(writer, grant);
        })
    }

    pub(super) fn open_grant(
        &self,
        key: &SessionKey,
        name: &GrantName,
        value: &[u8],
    ) -> Option<RefreshGrant> {
        let colon = value.iter().position(|byte| *byte == b':')?;
        let (number, sealed) = value.split_at_checked(colon)?;
        let generation = Generation::from_number(std::str::from_utf8(number).ok()?.parse().ok()?);
        self.open(key, &names::grant(name), sealed.get(1..)?, |reader| {
            stored::read_grant(reader, generation)
        })
    }

    /// A note; `key` stands for its mark.
    pub(super) fn note(&self, key: &SessionKey, text: &str) -> Result<Vec<u8>, StoreError> {
        self.seal(key, NOTE, |writer| writer.text(text))
    }

    pub(super) fn open_note(&self, key: &SessionKey, sealed: &[u8]) -> Option<String> {
        self.open(key, NOTE, sealed, |reader| reader.owned())
    }

    fn seal(
        &self,
        key: &SessionKey,
        field: &str,
        write: impl FnOnce(&mut Writer),
    ) -> Result<Vec<u8>, StoreError> {
        let mut writer = Writer::new();
        write(&mut writer);
        let associated: [&[u8]; 2] = [key.as_bytes(), field.as_bytes()];
        let sealed = self
            .keys
            .seal(Purpose::StoreField, &associated, writer.bytes());
        sealed.map_err(|error| unavailable(&error.to_string()))
    }

    fn open<T>(
        &self,
        key: &SessionKey,
        field: &str,
        sealed: &[u8],
        read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
    ) -> Option<T> {
        let associated: [&[u8]; 2] = [key.as_bytes(), field.as_bytes()];
        let plain = self.keys.open(Purpose::StoreField, &associated, sealed);
        let value = plain
            .ok()
            .and_then(|plain| read(&mut Reader::new(plain.expose())?));
        if value.is_none() {
            self.warn(field, sealed);
        }
        value
    }

    fn warn(&self, field: &str, sealed: &[u8]) {
        let now = u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX);
        let last = self.warned.load(Ordering::Relaxed);
        let pause = u64::try_from(WARN_EVERY.as_millis()).unwrap_or(u64::MAX);
        if last != 0 && now < last.saturating_add(pause) {
            return;
        }
        self.warned.store(now.saturating_add(1), Ordering::Relaxed);
        tracing::warn!(
            field,
            key_id = claimed_key_id(sealed).unwrap_or("none"),
            "a stored value cannot be read; if its key was removed from session.encryption_keys, \
             put it back behind the first one until its sessions are over"
        );
    }
}

/// A grant as a field holds it.
pub(super) fn numbered(generation: Generation, sealed: &[u8]) -> Vec<u8> {
    [generation.number().to_string().as_bytes(), b":", sealed].concat()
}
