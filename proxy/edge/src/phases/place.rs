//! Where a request belongs: our own endpoint, or a route that it may use.

use std::time::Duration;

use http::{HeaderName, Method, header};
use pingora::http::RequestHeader;
use pingora_core::Result;
use pingora_proxy::Session as HttpSession;
use tokenbridge_bridge::cors::Preflight;
use tokenbridge_bridge::navigation::{BrowserHints, RequestKind};
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::route::{NoRoute, Route, RouteAuth, RouteMatch};
use tokenbridge_bridge::target::{EncodedSlash, RequestTarget, TargetProblem};

use super::{browser, hop, limits};
use crate::connections::Watch;
use crate::cors;
use crate::endpoints::Endpoint;
use crate::exchange::{Exchange, Place, UnderWay};
use crate::frontend::Frontend;
use crate::gateway::Gateway;
use crate::host;

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// What answers a request.
pub(crate) enum Found {
    /// One of our own endpoints.
    Endpoint(Endpoint),
    /// The upstream of a route.
    Route,
    /// A browser that asks whether a page of another origin may send a request.
    Preflight(Preflight),
}

/// How long a client may take to send what the gateway throws away.
const DRAIN: Duration = Duration::from_secs(5);

/// Sets what the framework leaves unlimited (its keep-alive, drain and write times) and tells who
/// asks.
///
/// # Errors
/// None; a refusal is made in [`find`], where it gets an answer that keeps the connection.
pub(crate) fn receive(
    gateway: &Gateway,
    http: &mut HttpSession,
    exchange: &mut Exchange,
) -> Result<()> {
    exchange.watch = Watch::current();
    let limits = limits::of(&gateway.frontend, exchange);
    // The framework has noted who wants, or must have, the connection closed.
    if http.get_keepalive().is_some() {
        http.set_keepalive(Some(limits.keepalive_timeout.as_secs().max(1)));
    }
    http.set_read_timeout(Some(limits.body_timeout));
    http.set_write_timeout(Some(limits.body_timeout));
    http.set_total_drain_timeout(Some(DRAIN));
    if let Some(watch) = &exchange.watch {
        watch.accept();
    }
    let request = http.req_header();
    let method = Some(request.method.clone());
    exchange.under_way = Some(UnderWay::begin(gateway.frontend.clone(), method));
    exchange.kind = kind(request);
    let peer = http
        .client_addr()
        .and_then(|address| address.as_inet())
        .map(std::net::SocketAddr::ip);
    exchange.client = peer.map(|peer| gateway.frontend.client_address(peer, request));
    if gateway.frontend.trusts(peer) {
        super::summary::continue_trace(request, &gateway.ids, exchange);
    }
    Ok(())
}

/// Finds the endpoint or the route, and checks all that needs no store.
///
/// # Errors
/// The refusal to answer with.
pub(crate) fn find(
    gateway: &Gateway,
    request: &RequestHeader,
    exchange: &mut Exchange,
) -> Result<Found, Refusal> {
    let frontend = &*gateway.frontend;
    limits::check_load(frontend)?;
    limits::check_sizes(limits::of(frontend, exchange), request)?;
    host::check(&frontend.served().public_url, request)?;
    hop::check_loop(frontend, request)?;
    let (target, slashes_kept) = read_target(request)?;
    check_method(frontend, request, &target, exchange)?;
    if let Some(asked) = cors::asked(frontend, request, &target, exchange) {
        exchange.target = Some(target);
        return Ok(Found::Preflight(asked));
    }
    if let Some(endpoint) = endpoint(&target, request, exchange)? {
        exchange.target = Some(target);
        browser::enter(frontend, endpoint, request, exchange)?;
        return Ok(Found::Endpoint(endpoint));
    }
    let found = find_route(frontend, (&target, slashes_kept), request, exchange);
    exchange.target = Some(target);
    enter_route(frontend, found?, request, exchange)?;
    Ok(Found::Route)
}

fn find_route(
    frontend: &Frontend,
    (target, slashes_kept): (&RequestTarget, bool),
    request: &RequestHeader,
    exchange: &mut Exchange,
) -> Result<RouteMatch, Refusal> {
    let found = frontend.served().routes.matches(target, &request.method);
    found.map_err(|problem| match problem {
        NoRoute::Unknown if slashes_kept => target_refusal(TargetProblem::EncodedSlash),
        NoRoute::Unknown => Refusal::new(Rejection::RouteNotFound, "no route matches the path"),
        NoRoute::MethodNotAllowed(allowed) => {
            if has_session_route(frontend, target, &allowed) {
                browser::note_reader(frontend, request, exchange);
            }
            exchange.allowed = allowed;
            Refusal::new(
                Rejection::MethodNotAllowed,
                "the route does not take the method",
            )
        }
    })
}

/// Whether one of the methods that a path takes belongs to a route with a session.
fn has_session_route(frontend: &Frontend, target: &RequestTarget, allowed: &[Method]) -> bool {
    let routes = &frontend.served().routes;
    let mut found = allowed
        .iter()
        .filter_map(|method| routes.matches(target, method).ok());
    found.any(|found| found.route.auth == RouteAuth::Session)
}

fn enter_route(
    frontend: &Frontend,
    found: RouteMatch,
    request: &RequestHeader,
    exchange: &mut Exchange,
) -> Result<(), Refusal> {
    let entered = check_route(frontend, &found.route, request, exchange);
    exchange.place = Place::Route(found);
    entered
}

fn check_route(
    frontend: &Frontend,
    route: &Route,
    request: &RequestHeader,
    exchange: &mut Exchange,
) -> Result<(), Refusal> {
    if route.auth == RouteAuth::Session {
        browser::note_reader(frontend, request, exchange);
    }
    limits::check_route_sizes(&route.limits, request)?;
    let max_body = limits::of(frontend, exchange).max_body;
    limits::check_body_length(route.limits.max_body.unwrap_or(max_body), request)?;
    match route.auth {
        RouteAuth::None => {}
        RouteAuth::Session => {
            let session = browser::session(frontend, request, exchange)?;
            exchange.session = Some(session.ok_or_else(no_cookie)?);
        }
    }
    Ok(())
}

fn no_cookie() -> Refusal {
    Refusal::new(
        Rejection::SessionMissing,
        "the request has no session cookie",
    )
}

/// The canonical target. An encoded slash is read on trial: only a route that keeps it may match.
fn read_target(request: &RequestHeader) -> Result<(RequestTarget, bool), Refusal> {
    let raw = request.raw_path();
    // Absolute form (RFC 9112 § 3.2.2): the framework has checked its authority against Host.
    let origin_form = match raw.first() {
        Some(b'/') => raw,
        Some(b'h' | b'H') => request
            .uri
            .path_and_query()
            .map(|target| target.as_str().as_bytes())
            .unwrap_or_default(),
        _ => b"",
    };
    if !request.raw_path_is_utf8() {
        return Err(target_refusal(TargetProblem::NotUtf8));
    }
    match RequestTarget::parse(origin_form, EncodedSlash::Refuse) {
        Ok(target) => Ok((target, false)),
        Err(TargetProblem::EncodedSlash) => RequestTarget::parse(origin_form, EncodedSlash::Keep)
            .map(|target| (target, true))
            .map_err(target_refusal),
        Err(problem) => Err(target_refusal(problem)),
    }
}

fn target_refusal(problem: TargetProblem) -> Refusal {
    Refusal::new(Rejection::TargetInvalid, format!("the path {problem}"))
}

fn endpoint(
    target: &RequestTarget,
    request: &RequestHeader,
    exchange: &mut Exchange,
) -> Result<Option<Endpoint>, Refusal> {
    let Some(endpoint) = Endpoint::at(target.path()) else {
        // The whole prefix is ours, so that no route can ever stand in for an endpoint.
        return match target.path().starts_with("/auth/") {
            true => Err(Refusal::new(
                Rejection::RouteNotFound,
                "no such endpoint below /auth/",
            )),
            false => Ok(None),
        };
    };
    exchange.place = Place::Endpoint(endpoint);
    if !endpoint.methods().contains(&request.method) {
        exchange.allowed = endpoint.methods().to_vec();
        return Err(Refusal::new(
            Rejection::MethodNotAllowed,
            "the endpoint does not take the method",
        ));
    }
    Ok(Some(endpoint))
}

/// A navigation or a fetch.
pub(crate) fn kind(request: &RequestHeader) -> RequestKind {
    // Constants: a name as text would be read and checked anew for each request.
    let field = |name: &HeaderName| request.headers.get(name).map(http::HeaderValue::as_bytes);
    let (mode, destination) = (field(&SEC_FETCH_MODE), field(&SEC_FETCH_DEST));
    // The rest counts where a browser says neither.
    let is_silent = mode.is_none() && destination.is_none();
    let hints = BrowserHints {
        fetch_mode: mode,
        fetch_destination: destination,
        accept: is_silent.then(|| field(&header::ACCEPT)).flatten(),
        requested_with: is_silent && request.headers.contains_key(&X_REQUESTED_WITH),
    };
    RequestKind::of(&request.method, &hints)
}

/// The methods that are forwarded at all. CONNECT and TRACE are not, nor is anything unknown.
pub(crate) const KNOWN_METHODS: [Method; 7] = [
    Method::DELETE,
    Method::GET,
    Method::HEAD,
    Method::OPTIONS,
    Method::PATCH,
    Method::POST,
    Method::PUT,
];

fn check_method(
    frontend: &Frontend,
    request: &RequestHeader,
    target: &RequestTarget,
    exchange: &mut Exchange,
) -> Result<(), Refusal> {
    if KNOWN_METHODS.contains(&request.method) {
        return Ok(());
    }
    if has_session_route(frontend, target, &KNOWN_METHODS) {
        browser::note_reader(frontend, request, exchange);
    }
    exchange.allowed = KNOWN_METHODS.to_vec();
    Err(Refusal::new(
        Rejection::MethodNotAllowed,
        "the gateway forwards no such method",
    ))
}
