//! What a session takes in Redis beyond its tokens, index entries included.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::{Generation, RefreshGrant, Written};
use tokenbridge_bridge::service::Audience;
use tokenbridge_bridge::session::{Profile, SessionFacts, SessionKey, Subject};
use tokenbridge_bridge::token::{ServiceToken, TokenSlot};
use tokenbridge_session_store::{Clock, NewSession, RedisStore, SessionStore, SystemClock};

use crate::bench::{keyring, open, service};
use crate::server::RedisServer;

/// Bytes beyond its tokens that a session with two service tokens may take, where the tokens are
/// signed ones, as an ID token always is.
const BOUND: usize = 2_048;
/// The same where no token is base64url, so that none is stored in fewer bytes than it has. Redis's
/// allocator rounds large values up, by a fifth at worst.
const BOUND_OF_OPAQUE: usize = 2_816;
/// So many that the due sets are what they are among a million, and Redis's tables have just
/// doubled: half of them is empty.
const SESSIONS: usize = 3_000;
const AT_ONCE: usize = 100;
const TOKEN: usize = 1_000;
const ID_TOKEN: usize = 900;
const REFRESH_TOKEN: usize = 600;
const SERVICES: [(&str, &str); 2] = [
    ("analytics_service", "https://analytics.example"),
    ("crud_service", "https://crud.example"),
];

/// How a provider's tokens look.
#[derive(Clone, Copy, Debug)]
enum Form {
    Jwt,
    Opaque,
}

impl Form {
    fn token(self, length: usize) -> Secret {
        Secret::new(match self {
            Self::Jwt => {
                // A header, and a signature by RSA with 2,048 bits.
                let payload = (length - 84 - 342 - 2) / 4 * 3;
                [random(63), random(payload), random(256)].join(".")
            }
            Self::Opaque => format!("{:~<length$}", "opaque"),
        })
    }
}

fn random(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).unwrap();
    URL_SAFE_NO_PAD.encode(random)
}

/// What a login leaves: who it is, what the page shows, and the provider's answer.
fn session(number: usize, form: Form, now: UnixTime) -> NewSession {
    let mut key = [0; 32];
    getrandom::fill(&mut key).unwrap();
    NewSession {
        key: SessionKey::from_bytes(key),
        facts: SessionFacts {
            subject: Subject {
                issuer: "https://login.example.com/realms/main".into(),
                subject: format!("3c2f9c0e-8b1a-4f3e-9d57-{number:012}"),
            },
            idp_session: Some(random(32)),
            created_at: now,
            expires_at: now.plus(Duration::from_secs(12 * 3_600)),
            authenticated_at: Some(now),
            acr: Some("1".into()),
        },
        profile: Profile {
            name: Some(format!("Alice Liddell {number}")),
            preferred_username: Some(format!("alice-{number}")),
            email: Some(format!("alice-{number}@wonderland.example")),
        },
        grant: RefreshGrant {
            refresh_token: Some(form.token(REFRESH_TOKEN)),
            generation: Generation::FIRST,
            scopes: Some(
                [
                    "openid",
                    "profile",
                    "email",
                    "offline_access",
                    "application.all",
                ]
                .map(Into::into)
                .into(),
            ),
            access_token: Some((form.token(TOKEN), now.plus(Duration::from_secs(300)))),
            id_token: Some(form.token(ID_TOKEN)),
        },
    }
}

async fn log_in(store: &RedisStore, number: usize, form: Form) {
    let now = SystemClock::default().now();
    let session = session(number, form, now);
    store.create(&session).await.unwrap();
    for (name, audience) in SERVICES {
        let slot = TokenSlot::Token(ServiceToken {
            value: form.token(TOKEN),
            audiences: vec![Audience::new(audience)],
            scopes: vec!["application.all".into()],
            issued_at: now,
            expires_at: now.plus(Duration::from_secs(300)),
            forced: false,
        });
        let put = store
            .put_slot(&session.key, &service(name), &slot, None)
            .await;
        assert_eq!(put.unwrap(), Written::Stored);
    }
    let due = now.plus(Duration::from_secs(200));
    store.schedule(&session.key, due).await.unwrap();
}

async fn used(server: &RedisServer) -> usize {
    let memory: String = server.ask(redis::cmd("INFO").arg("memory")).await;
    let used = memory
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    used.unwrap().trim().parse().unwrap()
}

/// Bytes of one session beyond all its tokens, of many.
async fn beyond_the_tokens(form: Form) -> usize {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("2026-11", 1));
    log_in(&store, 0, form).await;
    let before = used(&server).await;
    for begin in (0..SESSIONS).step_by(AT_ONCE) {
        let logins = (begin..begin + AT_ONCE).map(|number| log_in(&store, number + 1, form));
        futures_util::future::join_all(logins).await;
    }
    let bytes = (used(&server).await - before) / SESSIONS;
    // Signed tokens may take less than they have.
    bytes.saturating_sub((SERVICES.len() + 1) * TOKEN + REFRESH_TOKEN + ID_TOKEN)
}

#[tokio::test]
async fn a_session_takes_little_beyond_its_tokens_in_redis() {
    for (form, bound) in [(Form::Jwt, BOUND), (Form::Opaque, BOUND_OF_OPAQUE)] {
        let beyond = beyond_the_tokens(form).await;
        assert!(beyond <= bound, "{form:?}: {beyond} bytes, {bound} may be");
    }
}
