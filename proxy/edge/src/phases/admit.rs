//! Cookie to session to service token, by at most one round trip to the store; then a peer.

use std::sync::Arc;
use std::time::Duration;

use pingora_core::upstreams::peer::HttpPeer;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::admission::{Admission, Grant, admit, refused};
use tokenbridge_bridge::navigation::RequestKind;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::route::RouteAuth;
use tokenbridge_bridge::service::{Strategy, TokenPlan};
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::MintRefusalReason;

use super::{limits, streams};
use crate::epochs::Epoch;
use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::session_cache::Held;
use crate::session_end::Admitted;

/// A session's use is noted at most this often.
const NOTE_USE_EVERY: Duration = Duration::from_secs(60);

/// Admits a request of a session route and finds its token; tells what was admitted. A retry keeps
/// what was found.
///
/// # Errors
/// The refusal to answer with.
pub(crate) async fn session(
    gateway: &Gateway,
    exchange: &mut Exchange,
) -> Result<Option<Arc<Held>>, Refusal> {
    let Some(route) = exchange.route().map(|found| &found.route) else {
        return Err(Refusal::new(
            Rejection::Internal,
            "a request without a route came to upstream_peer",
        ));
    };
    if route.auth == RouteAuth::None || exchange.token.is_some() {
        return Ok(None);
    }
    let index = route.service_index;
    let (Some(key), Some(plan)) = (exchange.session, gateway.frontend.plan(index)) else {
        return Err(Refusal::new(
            Rejection::Internal,
            "a session route without session or service",
        ));
    };
    let now = gateway.frontend.clock.now();
    let seen = gateway.frontend.live_sessions.epoch(&key);
    let cache = &gateway.frontend.session_cache;
    let found = cache
        .find(&key, index, now)
        .filter(|held| is_current(gateway, plan, &held.grant));
    let held = match found {
        Some(held) => {
            gateway.frontend.metrics.cache_hits.inc();
            held
        }
        // Boxed: a request whose session is kept ready does not carry the room for this.
        None => Box::pin(load(gateway, exchange, (&key, plan), index)).await?,
    };
    note_use(gateway, &key, &held, now);
    if now >= due(gateway, &held.grant) {
        gateway.frontend.identity.renew(key, plan.service.clone());
    }
    tracing::debug!(target: "tokenbridge", request_id = exchange.request_id.as_str(), "token_found=True service={}", plan.service);
    exchange.token = Some(held.grant.token.clone());
    if let Some(watch) = &exchange.watch {
        let session = Admitted {
            key,
            epoch: seen,
            expires_at: held.grant.session_ends,
            idle_at: held
                .last_seen()
                .plus(gateway.frontend.served().session.idle.0),
        };
        watch.belongs_to(session, exchange.started);
    }
    Ok(Some(held))
}

/// Asks the store, and keeps what it brings.
async fn load(
    gateway: &Gateway,
    exchange: &mut Exchange,
    (key, plan): (&SessionKey, &TokenPlan),
    index: usize,
) -> Result<Arc<Held>, Refusal> {
    gateway.frontend.metrics.cache_misses.inc();
    let cache = &gateway.frontend.session_cache;
    let epoch = cache.epoch(key);
    match grant(gateway, exchange, key, (index, plan), epoch).await {
        Ok(grant) => Ok(cache.keep(key, index, grant, epoch)),
        Err(refusal) => Err(by_browser(gateway, exchange, (key, plan), refusal).await),
    }
}

/// Whether the token is still the one to send. A session's token is, for the store tells of every
/// other one; the gateway's own may have been replaced without any session's having changed.
fn is_current(gateway: &Gateway, plan: &TokenPlan, grant: &Grant) -> bool {
    plan.strategy != Strategy::ClientCredentials
        || gateway
            .frontend
            .identity
            .is_own_token(&plan.service, grant.token.issued_at())
}

/// The decision; where the token has ended, once more after a new one was had.
async fn grant(
    gateway: &Gateway,
    exchange: &Exchange,
    key: &SessionKey,
    (index, plan): (usize, &TokenPlan),
    epoch: Epoch,
) -> Result<Grant, Refusal> {
    let since = (epoch, gateway.frontend.clock.now());
    let cache = &gateway.frontend.session_cache;
    let first = cache.load(key, index, since, decide(gateway, key, plan));
    let session_since = match first.await? {
        Admission::Forward(grant) => return Ok(grant),
        Admission::Mint { session_since } => session_since,
    };
    let identity = &gateway.frontend.identity;
    if let Err(refusal) = identity.obtain_token(key, &plan.service).await {
        let navigates = exchange.kind == RequestKind::Navigation;
        return match navigates && identity.login_may_help(key, &plan.service, session_since) {
            true => Err(Refusal::new(Rejection::SessionExpired, refusal.detail)),
            false => Err(refusal),
        };
    }
    match decide(gateway, key, plan).await? {
        Admission::Forward(grant) => Ok(grant),
        Admission::Mint { .. } => Err(refused(
            plan,
            MintRefusalReason::Unavailable,
            "no token came in time",
        )),
    }
}

/// Where the browser has to go to the provider for the service: a navigation is sent there by
/// itself, but nobody while the provider does not answer.
async fn by_browser(
    gateway: &Gateway,
    exchange: &mut Exchange,
    (key, plan): (&SessionKey, &TokenPlan),
    refusal: Refusal,
) -> Refusal {
    if refusal.rejection != Rejection::InteractionRequired {
        return refusal;
    }
    let navigates = exchange.kind == RequestKind::Navigation;
    let identity = &gateway.frontend.identity;
    match identity.may_authorize(key, &plan.service, navigates).await {
        Ok(goes) => {
            exchange.goes_to_provider = goes;
            refusal
        }
        Err(away) => away,
    }
}

async fn decide(
    gateway: &Gateway,
    key: &SessionKey,
    plan: &TokenPlan,
) -> Result<Admission, Refusal> {
    let reading = gateway
        .store
        .read(key, &plan.service)
        .await
        .map_err(Refusal::from)?;
    let identity = &gateway.frontend.identity;
    let reading = identity.with_own_token(&plan.service, reading);
    admit(
        plan,
        reading,
        gateway.frontend.served().session.idle,
        gateway.frontend.clock.now(),
    )
}

fn due(gateway: &Gateway, grant: &Grant) -> UnixTime {
    gateway
        .frontend
        .timing
        .due_at(grant.token.issued_at(), grant.token.expires_at(), 0.0)
}

/// Last-seen is written behind the request's back: no request waits for it.
fn note_use(gateway: &Gateway, key: &SessionKey, held: &Held, now: UnixTime) {
    if now.since(held.last_seen()) < NOTE_USE_EVERY {
        return;
    }
    held.seen(now);
    let (store, key) = (gateway.frontend.background.store.clone(), *key);
    gateway.frontend.background.runtime.spawn(async move {
        if let Err(error) = store.touch(&key, now).await {
            tracing::debug!(target: "tokenbridge", "a session's use could not be noted: {error}");
        }
    });
}

/// A resolved peer of the route's service.
///
/// # Errors
/// The service's name does not resolve.
pub(crate) fn peer(gateway: &Gateway, exchange: &Exchange) -> Result<Box<HttpPeer>, Refusal> {
    let unresolved = || {
        Refusal::new(
            Rejection::UpstreamUnavailable,
            "the upstream's name does not resolve",
        )
    };
    let route = exchange
        .route()
        .map(|found| &found.route)
        .ok_or_else(unresolved)?;
    let upstream = gateway
        .frontend
        .upstreams
        .get(route.service_index)
        .ok_or_else(unresolved)?;
    let mut peer = upstream
        .peer(|| gateway.frontend.clock.now())
        .ok_or_else(unresolved)?;
    if let Some(timeout) = route.timeout {
        peer.options.read_timeout = Some(timeout);
    }
    if route.streaming {
        peer.options.read_timeout = Some(gateway.frontend.configuration.limits.stream_idle);
    }
    if let Some(left) = limits::time_left(gateway, exchange)? {
        let options = &mut peer.options;
        for timeout in [
            &mut options.read_timeout,
            &mut options.write_timeout,
            &mut options.total_connection_timeout,
        ] {
            *timeout = Some(timeout.map_or(left, |timeout| timeout.min(left)));
        }
    }
    streams::prepare(&mut peer, exchange);
    Ok(Box::new(peer))
}
