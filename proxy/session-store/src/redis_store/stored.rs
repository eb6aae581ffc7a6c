//! The forms in which values are stored inside their seal: one byte for the form's version, then
//! JSON. A form that is not known counts as unreadable.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokenbridge_bridge::grant::{Generation, RefreshGrant};
use tokenbridge_bridge::service::Audience;
use tokenbridge_bridge::session::{Profile, SessionFacts, Subject};
use tokenbridge_bridge::token::{MintRefusal, MintRefusalReason, ServiceToken, TokenSlot};
use tokenbridge_bridge::{Secret, UnixTime};
use zeroize::Zeroizing;

const VERSION: u8 = 1;

type Text<'a> = Cow<'a, str>;

/// A value as stored. The bytes are wiped when dropped: they may hold a token.
pub(super) fn encode(value: &impl Serialize) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![VERSION]);
    serde_json::to_writer(&mut *bytes, value).ok()?;
    Some(bytes)
}

/// A stored value, if its form is known.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match bytes.split_first() {
        Some((&VERSION, json)) => serde_json::from_slice(json).ok(),
        Some(_) | None => None,
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredFacts<'a> {
    iss: Text<'a>,
    sub: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    sid: Option<Text<'a>>,
    created: u64,
    expires: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    auth_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    acr: Option<Text<'a>>,
}

impl<'a> From<&'a SessionFacts> for StoredFacts<'a> {
    fn from(facts: &'a SessionFacts) -> Self {
        Self {
            iss: Cow::Borrowed(&facts.subject.issuer),
            sub: Cow::Borrowed(&facts.subject.subject),
            sid: facts.idp_session.as_deref().map(Cow::Borrowed),
            created: facts.created_at.seconds(),
            expires: facts.expires_at.seconds(),
            auth_time: facts.authenticated_at.map(UnixTime::seconds),
            acr: facts.acr.as_deref().map(Cow::Borrowed),
        }
    }
}

impl From<StoredFacts<'_>> for SessionFacts {
    fn from(stored: StoredFacts<'_>) -> Self {
        Self {
            subject: Subject {
                issuer: stored.iss.into_owned(),
                subject: stored.sub.into_owned(),
            },
            idp_session: stored.sid.map(Cow::into_owned),
            created_at: UnixTime::from_seconds(stored.created),
            expires_at: UnixTime::from_seconds(stored.expires),
            authenticated_at: stored.auth_time.map(UnixTime::from_seconds),
            acr: stored.acr.map(Cow::into_owned),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredProfile<'a> {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    name: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    preferred_username: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    email: Option<Text<'a>>,
}

impl<'a> From<&'a Profile> for StoredProfile<'a> {
    fn from(profile: &'a Profile) -> Self {
        Self {
            name: profile.name.as_deref().map(Cow::Borrowed),
            preferred_username: profile.preferred_username.as_deref().map(Cow::Borrowed),
            email: profile.email.as_deref().map(Cow::Borrowed),
        }
    }
}

impl From<StoredProfile<'_>> for Profile {
    fn from(stored: StoredProfile<'_>) -> Self {
        Self {
            name: stored.name.map(Cow::into_owned),
            preferred_username: stored.preferred_username.map(Cow::into_owned),
            email: stored.email.map(Cow::into_owned),
        }
    }
}

/// A grant without its generation, which stands beside it in clear: scripts compare it.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredGrant<'a> {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    refresh: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    scopes: Option<Cow<'a, [String]>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    access: Option<(Text<'a>, u64)>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    id: Option<Text<'a>>,
}

impl<'a> From<&'a RefreshGrant> for StoredGrant<'a> {
    fn from(grant: &'a RefreshGrant) -> Self {
        let access = grant.access_token.as_ref();
        Self {
            refresh: grant.refresh_token.as_ref().map(exposed),
            scopes: grant.scopes.as_deref().map(Cow::Borrowed),
            access: access.map(|(token, expires)| (exposed(token), expires.seconds())),
            id: grant.id_token.as_ref().map(exposed),
        }
    }
}

impl StoredGrant<'_> {
    pub(super) fn with_generation(self, generation: Generation) -> RefreshGrant {
        let access = self.access;
        RefreshGrant {
            refresh_token: self.refresh.map(secret),
            generation,
            scopes: self.scopes.map(Cow::into_owned),
            access_token: access
                .map(|(token, expires)| (secret(token), UnixTime::from_seconds(expires))),
            id_token: self.id.map(secret),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) enum StoredSlot<'a> {
    #[serde(rename = "token")]
    Token {
        value: Text<'a>,
        aud: Vec<Text<'a>>,
        scopes: Cow<'a, [String]>,
        issued: u64,
        expires: u64,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        forced: bool,
    },
    #[serde(rename = "refused")]
    Refused {
        reason: Text<'a>,
        detail: Text<'a>,
        at: u64,
    },
}

impl<'a> From<&'a TokenSlot> for StoredSlot<'a> {
    fn from(slot: &'a TokenSlot) -> Self {
        match slot {
            TokenSlot::Token(token) => Self::Token {
                value: exposed(&token.value),
                aud: token
                    .audiences
                    .iter()
                    .map(|one| Cow::Borrowed(one.as_str()))
                    .collect(),
                scopes: Cow::Borrowed(&token.scopes),
                issued: token.issued_at.seconds(),
                expires: token.expires_at.seconds(),
                forced: token.forced,
            },
            TokenSlot::Refused(refusal) => Self::Refused {
                reason: Cow::Borrowed(refusal.reason.as_str()),
                detail: Cow::Borrowed(&refusal.detail),
                at: refusal.at.seconds(),
            },
        }
    }
}

impl StoredSlot<'_> {
    /// `None` for a reason that this version does not know.
    pub(super) fn into_slot(self) -> Option<TokenSlot> {
        Some(match self {
            Self::Token {
                value,
                aud,
                scopes,
                issued,
                expires,
                forced,
            } => TokenSlot::Token(ServiceToken {
                value: secret(value),
                audiences: aud.iter().map(|one| Audience::new(one)).collect(),
                scopes: scopes.into_owned(),
                issued_at: UnixTime::from_seconds(issued),
                expires_at: UnixTime::from_seconds(expires),
                forced,
            }),
            Self::Refused { reason, detail, at } => TokenSlot::Refused(MintRefusal {
                reason: MintRefusalReason::ALL
                    .into_iter()
                    .find(|one| one.as_str() == reason)?,
                detail: detail.into_owned(),
                at: UnixTime::from_seconds(at),
            }),
        })
    }
}

fn exposed(secret: &Secret) -> Text<'_> {
    Cow::Borrowed(secret.expose())
}

fn secret(text: Text<'_>) -> Secret {
    Secret::new(text.into_owned())
}
