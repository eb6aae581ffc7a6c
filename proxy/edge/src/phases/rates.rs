//! Rate limits, before anything expensive is done for a request.

use std::fmt::Write;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderName;
use tokenbridge_bridge::client_address::client_network;
use tokenbridge_bridge::rate::Level;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_config::limits::RatePer;
use tokenbridge_session_store::{Purpose, SharedRates, StoreError};

use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::rates::{Limit, Whose};

/// What is left of a limit (draft-ietf-httpapi-ratelimit-headers-10).
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The limits themselves.
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What the client is told of the limits that its request drew from.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) policy: String,
    pub(crate) state: String,
}

/// Takes a token of each bucket that the request draws from.
///
/// # Errors
/// One of them is empty.
pub(crate) async fn check(gateway: &Gateway, exchange: &mut Exchange) -> Result<(), Refusal> {
    let is_limited = gateway.frontend.rates.of(&exchange.place).next().is_some();
    match is_limited {
        false => Ok(()),
        // Boxed: a request without limits does not carry the room for this.
        true => Box::pin(draw(gateway, exchange)).await,
    }
}

async fn draw(gateway: &Gateway, exchange: &mut Exchange) -> Result<(), Refusal> {
    let rates = &gateway.frontend.rates;
    let mut told = Told::default();
    let mut empty: Option<(&Limit, Level)> = None;
    for (number, limit) in rates.of(&exchange.place) {
        let whose = match limit.per {
            RatePer::Address => exchange.client.map(client_network).map(Whose::Address),
            RatePer::Session => exchange.session.as_ref().map(Whose::Session),
            RatePer::Route => exchange.route().map(|found| Whose::Route(&found.route.id)),
        };
        let Some(whose) = whose else {
            continue;
        };
        let level = take(gateway, (number, limit), whose).await;
        tell(&mut told, limit, &level);
        if !level.allowed && empty.is_none_or(|(_, other)| other.wait < level.wait) {
            empty = Some((limit, level));
        }
    }
    if !told.policy.is_empty() {
        exchange.rates = Some(Box::new(told));
    }
    let Some((limit, level)) = empty else {
        return Ok(());
    };
    gateway.frontend.metrics.rate_limited(&limit.name);
    let why = format!("rate_limits.{} is used up", limit.name);
    Err(Refusal::retry_after(
        Rejection::TooManyRequests,
        why,
        level.wait,
    ))
}

/// Takes a token: of the bucket that replicas share, or of this replica's own where there is none
/// or the store does not answer. A client is not refused because Redis is away.
async fn take(gateway: &Gateway, (number, limit): (usize, &Limit), whose: Whose<'_>) -> Level {
    if let (true, Some(shared)) = (limit.shared, &gateway.rates) {
        match take_shared(gateway, shared, limit, whose).await {
            Ok(level) => return level,
            Err(_) => gateway.frontend.metrics.rate_limit_fallback(&limit.name),
        }
    }
    let elapsed = gateway.frontend.clock.monotonic().as_nanos();
    let now = u64::try_from(elapsed).unwrap_or(u64::MAX);
    let local = &gateway.frontend.rates.local;
    local.take((number, whose), &limit.bucket, now)
}

async fn take_shared(
    gateway: &Gateway,
    shared: &SharedRates,
    limit: &Limit,
    whose: Whose<'_>,
) -> Result<Level, StoreError> {
    let (name, bucket) = (&limit.name, &limit.bucket);
    // Nobody's address can be read off a name in the store.
    let named = |part: &[u8], kind: &[u8]| {
        let mac = gateway
            .frontend
            .keyring
            .mac(Purpose::RateLimit, &[kind, part]);
        URL_SAFE_NO_PAD.encode(mac)
    };
    let whose = match whose {
        Whose::Session(key) => return shared.take_of_session(name, key, bucket).await,
        Whose::Address(IpAddr::V4(address)) => named(&address.octets(), b"address"),
        Whose::Address(IpAddr::V6(address)) => named(&address.octets(), b"address"),
        Whose::Route(id) => named(id.as_bytes(), b"route"),
    };
    shared.take(name, &whose, bucket).await
}

fn tell(told: &mut Told, limit: &Limit, level: &Level) {
    let separator = if told.policy.is_empty() { "" } else { ", " };
    let (name, bucket) = (&limit.name, &limit.bucket);
    let seconds = |time: std::time::Duration| time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let (quota, window) = (bucket.capacity(), seconds(bucket.window()));
    let (remaining, wait) = (level.remaining, seconds(level.wait));
    // Writing to a string cannot fail.
    let _ = write!(told.policy, "{separator}\"{name}\";q={quota};w={window}");
    let _ = write!(told.state, "{separator}\"{name}\";r={remaining};t={wait}");
}
