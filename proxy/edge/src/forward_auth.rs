//! `/auth/verify`: other proxies ask whether a request may pass, and with which token. It has a
//! listener and a list of clients of its own: on the public listener, behind a trusted load
//! balancer, any page could read a token through it. Requests are judged as if they were proxied.

mod listener;
mod question;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use pingora_core::server::ShutdownWatch;
use pingora_core::services::background::BackgroundService;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_config::Configuration;

use crate::answer::{Answer, X_REQUEST_ID};
use crate::drain::Drain;
use crate::exchange::{Exchange, UnderWay};
use crate::frontend::Frontend;
use crate::gateway::Gateway;
use crate::phases::{admit, place, rates, respond, summary};
use crate::request_id::IdSource;
use crate::session_cache::Held;
use crate::store::Opened;
use crate::upgrade::{Handover, Use};
use listener::{Listener, Peer};
use question::Question;

/// Tells services of one process apart (see [`IdSource`]).
const SALT: u64 = u64::MAX;
/// Who the user is, for the asking proxy to pass on.
const X_USER_SUBJECT: HeaderName = HeaderName::from_static("x-user-subject");

/// Listens where the configuration says, if it does.
///
/// # Errors
/// The address is taken.
pub(crate) fn bind(
    configuration: &Configuration,
    handover: &mut Handover,
) -> Result<Option<TcpListener>, String> {
    let configured = configuration.forward_auth.as_ref();
    configured
        .map(|forward_auth| handover.listen(Use::ForwardAuth, forward_auth.listen))
        .transpose()
}

/// The background service that answers.
pub(crate) struct ForwardAuthService {
    listener: Mutex<Option<TcpListener>>,
    gateway: Arc<Gateway>,
}

impl ForwardAuthService {
    pub(crate) fn new(listener: TcpListener, frontend: &Arc<Frontend>, opened: Opened) -> Self {
        Self {
            listener: Mutex::new(Some(listener)),
            gateway: Arc::new(Gateway {
                frontend: Arc::clone(frontend),
                store: opened.store,
                rates: opened.rates,
                ids: IdSource::new(SALT),
            }),
        }
    }

    fn take_listener(&self, stop: ShutdownWatch) -> std::io::Result<Listener> {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        let listener = listener
            .take()
            .ok_or_else(|| std::io::Error::other("it was started twice"))?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(Listener::new(listener, stop))
    }
}

#[async_trait]
impl BackgroundService for ForwardAuthService {
    async fn start(&self, stop: ShutdownWatch) {
        let router = Router::new()
            .route("/auth/verify", any(verify))
            .with_state(Arc::clone(&self.gateway));
        let drain = self.gateway.frontend.drain.clone();
        // A stop waits for what was accepted here as it does for other connections.
        let _open = drain.connected();
        let served = async {
            let service = router.into_make_service_with_connect_info::<Peer>();
            let listener = self.take_listener(stop.clone())?;
            drain.note_listening();
            axum::serve(listener, service)
                .with_graceful_shutdown(over(drain.clone(), stop))
                .await
        };
        if let Err(error) = served.await {
            tracing::error!(target: "tokenbridge", "the forward auth listener stopped: {error}");
        }
    }
}

async fn over(drain: Arc<Drain>, mut stop: ShutdownWatch) {
    drain.over(&mut stop).await;
}

async fn verify(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let (asking, _) = request.into_parts();
    let mut exchange = summary::begin(&gateway);
    exchange.under_way = Some(UnderWay::begin(gateway.frontend.clone(), None));
    let answer = match allowed(&gateway, peer) {
        Ok(()) => judge(&gateway, peer, &asking, &mut exchange).await,
        Err(refusal) => respond::refusal_answer(&gateway, refusal.into(), &mut exchange),
    };
    summary::record(
        &gateway.frontend,
        &asking.method,
        (answer.status().as_u16(), false),
        &exchange,
    );
    let mut response = write(answer, exchange.request_id.as_str());
    if gateway.frontend.drain.is_handed_over() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

fn allowed(gateway: &Gateway, peer: SocketAddr) -> Result<(), Refusal> {
    let peer = peer.ip().to_canonical();
    let configured = gateway.frontend.configuration.forward_auth.as_ref();
    let listed = configured.is_some_and(|forward_auth| {
        let mut clients = forward_auth.clients.iter();
        clients.any(|network| network.contains(&peer))
    });
    match listed {
        true => Ok(()),
        false => Err(Refusal::new(
            Rejection::ClientNotAllowed,
            format!("{peer} is none of forward_auth.clients"),
        )),
    }
}

async fn judge(
    gateway: &Gateway,
    peer: SocketAddr,
    asking: &Parts,
    exchange: &mut Exchange,
) -> Answer {
    let redirects = !matches!(asking.uri.query(), Some(query) if has_no_redirect(query));
    match question::read(&asking.headers) {
        Ok(question) => match decide(gateway, peer, &question, exchange).await {
            Ok(admitted) => pass(exchange, admitted),
            Err(refusal) => refuse(gateway, refusal, redirects, exchange),
        },
        Err(refusal) => refuse(gateway, refusal, redirects, exchange),
    }
}

/// `?redirect=no`: for proxies that understand no answer but 2xx, 401 and 403.
fn has_no_redirect(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| name == "redirect" && value == "no")
}

/// The same steps as those of a proxied request.
async fn decide(
    gateway: &Gateway,
    peer: SocketAddr,
    question: &Question,
    exchange: &mut Exchange,
) -> Result<Option<Arc<Held>>, Refusal> {
    question.check_scheme(&gateway.frontend)?;
    let request = &question.request;
    exchange.kind = place::kind(request);
    exchange.client = Some(question.client(&gateway.frontend, peer.ip()));
    summary::continue_trace(request, &gateway.ids, exchange);
    let found = place::find(gateway, request, exchange)?;
    rates::check(gateway, exchange).await?;
    match found {
        place::Found::Route => admit::session(gateway, exchange).await,
        // The gateway itself judges these when they reach it.
        place::Found::Endpoint(_) => Ok(None),
        place::Found::Preflight(asked) => {
            crate::cors::preflight(&gateway.frontend, &asked)?;
            Ok(None)
        }
    }
}

/// What the asking proxy copies into the request. Never a cookie.
fn pass(exchange: &mut Exchange, admitted: Option<Arc<Held>>) -> Answer {
    exchange.status = StatusCode::OK.as_u16();
    let mut answer = Answer::empty(StatusCode::OK);
    let token = exchange.token.as_ref().map(|token| token.authorization());
    if let Some(Ok(authorization)) = token.map(HeaderValue::to_str) {
        answer = answer.with(header::AUTHORIZATION, authorization);
    }
    // A subject is ASCII (OpenID Connect Core § 2); another one stands in the token alone.
    let subject = admitted
        .as_ref()
        .map(|held| held.grant.subject.subject.as_str());
    if let Some(subject) = subject.filter(|text| HeaderValue::try_from(*text).is_ok()) {
        answer = answer.with(X_USER_SUBJECT, subject);
    }
    answer
}

fn refuse(
    gateway: &Gateway,
    mut refusal: Refusal,
    redirects: bool,
    exchange: &mut Exchange,
) -> Answer {
    // The browser's cookie is the public listener's business.
    refusal.cookie = tokenbridge_bridge::rejection::CookieFate::Untouched;
    let answer = respond::refusal_answer(gateway, refusal.into(), exchange);
    match answer.status().is_redirection() && !redirects {
        true => answer.with_status(StatusCode::UNAUTHORIZED),
        false => answer,
    }
}

fn write(answer: Answer, request_id: &str) -> Response {
    let (status, fields, body) = answer.into_parts();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    let id = (X_REQUEST_ID, request_id.to_owned());
    for (name, value) in fields.into_iter().chain([id]) {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(name, value);
        }
    }
    response
}
