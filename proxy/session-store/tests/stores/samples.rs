//! Sessions, tokens and grants to store.

use std::time::Duration;

use tokenbridge_bridge::grant::{Generation, GrantName, Holder, RefreshGrant};
use tokenbridge_bridge::service::Audience;
use tokenbridge_bridge::session::{
    FoundSession, Profile, Reading, SessionFacts, SessionKey, Subject,
};
use tokenbridge_bridge::token::{ServiceToken, TokenSlot};
use tokenbridge_bridge::{Secret, UnixTime};
use tokenbridge_session_store::{Lease, NewSession, SessionStore};

use crate::bench::service;

pub const HOUR: Duration = Duration::from_secs(3_600);
pub const ISSUER: &str = "https://idp.example";

pub fn key(number: u8) -> SessionKey {
    SessionKey::from_bytes([number; 32])
}

pub fn subject(name: &str) -> Subject {
    Subject {
        issuer: ISSUER.into(),
        subject: name.into(),
    }
}

/// A session of alice's that lasts an hour.
pub fn session(number: u8, now: UnixTime) -> NewSession {
    session_of("alice", number, now, HOUR)
}

pub fn session_of(name: &str, number: u8, now: UnixTime, lifetime: Duration) -> NewSession {
    NewSession {
        key: key(number),
        facts: SessionFacts {
            subject: subject(name),
            idp_session: Some(format!("sid-of-{name}")),
            created_at: now,
            expires_at: now.plus(lifetime),
            authenticated_at: Some(now.minus(Duration::from_secs(5))),
            acr: Some("urn:mace:incommon:iap:silver".into()),
        },
        profile: Profile {
            name: Some("Alice Liddell".into()),
            preferred_username: Some(name.into()),
            email: None,
        },
        grant: grant("first", Generation::FIRST),
    }
}

pub fn grant(mark: &str, generation: Generation) -> RefreshGrant {
    RefreshGrant {
        refresh_token: Some(Secret::new(format!("refresh-token-{mark}"))),
        generation,
        scopes: Some(vec!["openid".into(), "application.all".into()]),
        access_token: Some((
            Secret::new(format!("login-access-token-{mark}")),
            UnixTime::from_seconds(77),
        )),
        id_token: Some(Secret::new(format!("id-token-{mark}"))),
    }
}

pub fn token(mark: &str) -> TokenSlot {
    TokenSlot::Token(ServiceToken {
        value: Secret::new(format!("access-token-{mark}")),
        audiences: vec![
            Audience::new("https://analytics.example"),
            Audience::new("account"),
        ],
        scopes: vec!["application.all".into()],
        issued_at: UnixTime::from_seconds(1_000),
        expires_at: UnixTime::from_seconds(2_000),
        forced: false,
    })
}

pub fn lease(number: u8, holder: u128) -> Lease {
    Lease {
        session: key(number),
        grant: GrantName::Login,
        holder: Holder(holder),
    }
}

pub fn service_grant(name: &str) -> GrantName {
    GrantName::Service(service(name))
}

pub async fn found(store: &dyn SessionStore, number: u8, name: &str) -> FoundSession {
    match store.read(&key(number), &service(name)).await.unwrap() {
        Reading::Found(found) => *found,
        other @ (Reading::Replaced | Reading::Absent | Reading::Unreadable) => {
            panic!("not found: {other:?}")
        }
    }
}

pub async fn is_absent(store: &dyn SessionStore, number: u8) -> bool {
    matches!(
        store.read(&key(number), &service("any")).await.unwrap(),
        Reading::Absent
    )
}

pub async fn is_replaced(store: &dyn SessionStore, number: u8) -> bool {
    matches!(
        store.read(&key(number), &service("any")).await.unwrap(),
        Reading::Replaced
    )
}

pub fn sorted(mut keys: Vec<SessionKey>) -> Vec<SessionKey> {
    keys.sort();
    keys
}
