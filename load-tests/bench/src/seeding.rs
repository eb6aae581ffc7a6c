//! Sessions that are put into the store without a login each, as a login would leave them: a
//! login needs two signatures of the provider, and a million are wanted.

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::grant::{Generation, RefreshGrant, Written};
use tokenbridge_bridge::service::{Audience, ServiceName};
use tokenbridge_bridge::session::{Profile, SessionFacts, SessionId, Subject};
use tokenbridge_bridge::token::{ServiceToken, TokenSlot};
use tokenbridge_bridge::{Secret, UnixTime};
use tokenbridge_session_store::{
    Clock, Keyring, NewSession, RedisOptions, RedisStore, SessionStore, SystemClock,
};

use crate::Outcome;
use crate::gateway::{AUDIENCE, STORE_KEY};
use crate::stage::Stage;

/// The bytes of a token, as a provider's are.
pub const TOKEN: usize = 1_000;
/// How long a seeded session and its token live.
const LIFE: Duration = Duration::from_secs(8 * 3_600);

/// Puts sessions of the run's one service into a Redis; their cookies.
///
/// # Errors
/// The store refuses one.
pub fn sessions(stage: &Stage, redis: &str, count: usize) -> Outcome<Vec<String>> {
    let store = open(redis)?;
    stage.wait(async {
        let now = SystemClock::default().now();
        let mut cookies = Vec::with_capacity(count);
        for number in 0..count {
            let id = SessionId::random().map_err(|error| error.to_string())?;
            seed(&store, &id, number, now, &["crud_service"]).await?;
            cookies.push(format!("bff_session={}", id.expose()));
        }
        Ok(cookies)
    })
}

/// The store as the gateway has it.
///
/// # Errors
/// The address cannot be used.
pub fn open(url: &str) -> Outcome<RedisStore> {
    let keys = Keyring::parse(&[Secret::new(STORE_KEY)])?;
    let mut options = RedisOptions::new(Secret::new(url), "main");
    // Here nobody waits for an answer: a busy machine must not end a run.
    options.connect_timeout = Duration::from_secs(10);
    options.response_timeout = Duration::from_secs(10);
    let clock = Arc::new(SystemClock::default());
    Ok(RedisStore::open(&options, Arc::new(keys), clock)?)
}

/// Stores one session with a token for each service, the first of them for the run's audience.
///
/// # Errors
/// The store refuses it.
pub async fn seed(
    store: &RedisStore,
    id: &SessionId,
    number: usize,
    now: UnixTime,
    services: &[&str],
) -> Outcome<()> {
    let key = id.key();
    store.create(&new_session(id, number, now)).await?;
    for (index, service) in services.iter().enumerate() {
        let audience = match index {
            0 => AUDIENCE.to_owned(),
            index => format!("https://service-{index}.example"),
        };
        let name = ServiceName::new(service);
        let slot = slot(&audience, number, now);
        let written = store.put_slot(&key, &name, &slot, None).await?;
        if written != Written::Stored {
            return Err("a session that was just stored is gone".into());
        }
    }
    Ok(())
}

fn new_session(id: &SessionId, number: usize, now: UnixTime) -> NewSession {
    NewSession {
        key: id.key(),
        facts: SessionFacts {
            subject: Subject {
                issuer: "http://localhost:8081".into(),
                subject: format!("user-{number}"),
            },
            idp_session: Some(format!("provider-session-{number}")),
            created_at: now,
            expires_at: now.plus(LIFE),
            authenticated_at: Some(now),
            acr: None,
        },
        profile: Profile {
            name: Some(format!("User {number}")),
            preferred_username: Some(format!("user-{number}")),
            email: Some(format!("user-{number}@example.com")),
        },
        grant: RefreshGrant {
            refresh_token: Some(Secret::new(text(number, 64))),
            generation: Generation::FIRST,
            scopes: None,
            access_token: None,
            id_token: None,
        },
    }
}

fn slot(audience: &str, number: usize, now: UnixTime) -> TokenSlot {
    TokenSlot::Token(ServiceToken {
        value: Secret::new(text(number, TOKEN)),
        audiences: vec![Audience::new(audience)],
        scopes: vec!["application.all".into()],
        issued_at: now,
        expires_at: now.plus(LIFE),
        forced: false,
    })
}

/// A text of so many bytes that no two sessions share.
fn text(number: usize, bytes: usize) -> String {
    format!("{number:0>bytes$}")
}
