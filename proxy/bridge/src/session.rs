//! Sessions: their ids, their facts, and when they end.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::time::UnixTime;
use crate::token::TokenSlot;

/// 256 random bits that only the browser holds; a store knows their hash alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId([u8; 32]);

impl SessionId {
    /// Length of the base64url text in a cookie.
    pub const TEXT_LENGTH: usize = 43;

    /// From random bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh id from the operating system's random source.
    ///
    /// # Errors
    /// The source failed.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads a cookie's value; anything but 43 canonical base64url characters is no session id.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        let whole = text.len() == Self::TEXT_LENGTH;
        let written = whole
            .then(|| URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok())
            .flatten();
        (written == Some(bytes.len())).then_some(Self(bytes))
    }

    /// The value for the cookie.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What a store knows of it.
    pub fn key(&self) -> SessionKey {
        SessionKey(Sha256::digest(self.0).into())
    }
}

impl Drop for SessionId {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionId")
    }
}

/// The SHA-256 of a session id: names a session in stores, never in logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// From a hash, as a store gives it back.
    pub const fn from_bytes(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionKey")
    }
}

/// Who somebody is: a subject is unique only within its issuer (OpenID Connect Core § 5.7).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
}

impl fmt::Debug for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Subject")
    }
}

/// What is known of a session from its login on. It never changes while the session lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// Whose session it is.
    pub subject: Subject,
    /// The provider's own session (`sid`), where it named one.
    pub idp_session: Option<String>,
    /// When it began.
    pub created_at: UnixTime,
    /// When it ends whatever happens.
    pub expires_at: UnixTime,
    /// When the user last proved who they are (`auth_time`).
    pub authenticated_at: Option<UnixTime>,
    /// The authentication context class (`acr`).
    pub acr: Option<String>,
}

/// What the page may show about the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// `name`.
    pub name: Option<String>,
    /// `preferred_username`.
    pub preferred_username: Option<String>,
    /// `email`.
    pub email: Option<String>,
}

/// How long a session may go unused. Enforced by the reader, not only by the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleTimeout(pub Duration);

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Its absolute lifetime has passed.
    Absolute,
    /// It was not used for too long.
    Idle,
}

impl SessionFacts {
    /// Whether the session is over at `now`.
    ///
    /// # Errors
    /// Why it is over.
    pub fn check_alive(
        &self,
        last_seen: UnixTime,
        idle: IdleTimeout,
        now: UnixTime,
    ) -> Result<(), Expiry> {
        if now >= self.expires_at {
            return Err(Expiry::Absolute);
        }
        // Another replica's clock may be ahead: a last-seen in the future is no idleness.
        if now.since(last_seen) >= idle.0 {
            return Err(Expiry::Idle);
        }
        Ok(())
    }
}

/// What a store says about a session id, for one service, in one round trip.
#[derive(Clone, Debug)]
pub enum Reading {
    /// The session is there.
    Found(Box<FoundSession>),
    /// A new login replaced it less than a minute ago.
    Replaced,
    /// It is not there, or no longer.
    Absent,
    /// It is there, but this replica has no key that opens it. Another one may.
    Unreadable,
}

/// A session as read for one service.
#[derive(Clone, Debug)]
pub struct FoundSession {
    /// What is known since the login.
    pub facts: SessionFacts,
    /// When it was last used.
    pub last_seen: UnixTime,
    /// What stands where the service's token belongs; `None` when nothing was ever stored.
    pub slot: Option<TokenSlot>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> SessionFacts {
        SessionFacts {
            subject: Subject {
                issuer: "https://idp".into(),
                subject: "alice".into(),
            },
            idp_session: None,
            created_at: UnixTime::from_seconds(1_000),
            expires_at: UnixTime::from_seconds(5_000),
            authenticated_at: None,
            acr: None,
        }
    }

    #[test]
    fn idle_and_absolute_lifetime_both_end_a_session() {
        let idle = IdleTimeout(Duration::from_secs(100));
        let check = |last_seen, now| {
            facts().check_alive(
                UnixTime::from_seconds(last_seen),
                idle,
                UnixTime::from_seconds(now),
            )
        };
        assert_eq!(check(1_000, 1_099), Ok(()));
        assert_eq!(check(1_000, 1_100), Err(Expiry::Idle));
        assert_eq!(check(4_999, 4_999), Ok(()));
        assert_eq!(check(4_999, 5_000), Err(Expiry::Absolute));
        assert_eq!(check(2_000, 1_500), Ok(()));
    }

    #[test]
    fn only_canonical_ids_are_read() {
        let id = SessionId::from_bytes([7; 32]);
        let text = id.expose();
        assert_eq!(SessionId::parse(text.as_bytes()), Some(id));
        for broken in [
            "",
            "a",
            &text[1..],
            &format!("{text}A"),
            &text.replace('w', "+"),
            &format!("{}d", &text[..42]),
        ] {
            assert_eq!(SessionId::parse(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn neither_id_nor_key_show_themselves() {
        let id = SessionId::from_bytes([7; 32]);
        assert_eq!(format!("{id:?} {:?}", id.key()), "SessionId SessionKey");
    }
}
