//! Sessions that are put into the store without a login each, as a login would leave them: a
//! login needs two signatures of the provider, and a million are wanted.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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

/// The bytes of an access token, as a provider's are.
pub const TOKEN: usize = 1_000;
/// Those of the ID token and of the refresh token.
const ID_TOKEN: usize = 900;
const REFRESH_TOKEN: usize = 64;
/// What was granted at the login.
const SCOPES: [&str; 5] = [
    "openid",
    "profile",
    "email",
    "offline_access",
    "application.all",
];
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
            idp_session: Some(format!("{number:0>43}")),
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
            refresh_token: Some(Secret::new(format!("{number:0>REFRESH_TOKEN$}"))),
            generation: Generation::FIRST,
            scopes: Some(SCOPES.map(Into::into).into()),
            access_token: Some((signed(number, TOKEN), now.plus(LIFE))),
            id_token: Some(signed(number, ID_TOKEN)),
        },
    }
}

fn slot(audience: &str, number: usize, now: UnixTime) -> TokenSlot {
    TokenSlot::Token(ServiceToken {
        value: signed(number, TOKEN),
        audiences: vec![Audience::new(audience)],
        scopes: vec!["application.all".into()],
        issued_at: now,
        expires_at: now.plus(LIFE),
        forced: false,
    })
}

/// A token of so many bytes that no two sessions share, in the form of a signed one (RFC 7515
/// § 7.1): header, payload, and a signature by RSA with 2,048 bits.
fn signed(number: usize, bytes: usize) -> Secret {
    let header = URL_SAFE_NO_PAD.encode([b'{'; 63]);
    let signature = URL_SAFE_NO_PAD.encode([number as u8; 256]);
    let payload = bytes.saturating_sub(header.len() + signature.len() + 2) / 4 * 3;
    let payload = URL_SAFE_NO_PAD.encode(format!("{number:0>payload$}"));
    Secret::new([header, payload, signature].join("."))
}

/// The bytes of all tokens that a session with so many services keeps: their own, and what the
/// login brought.
pub const fn bytes_of_tokens(services: usize) -> usize {
    (services + 1) * TOKEN + ID_TOKEN + REFRESH_TOKEN
}
