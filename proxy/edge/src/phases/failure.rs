//! A refusal or failure after the request filter becomes one answer, here.

use http::StatusCode;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, ErrorSource, ErrorType};
use pingora_proxy::{FailToProxy, Session as HttpSession};
use tokenbridge_bridge::rejection::{Refusal, Rejection};

use super::{respond, streams};
use crate::exchange::Exchange;
use crate::gateway::Gateway;

/// Notes a refusal, and makes the error that ends the framework's walk.
pub(crate) fn refused(exchange: &mut Exchange, refusal: Refusal) -> Box<Error> {
    exchange.refusal = Some(Box::new(refusal));
    let mut error = Error::new_in(ErrorType::Custom("refused"));
    error.set_retry(false);
    error
}

/// Nothing was sent yet, so another address may be tried, whatever the method.
pub(crate) fn unreachable_peer(
    gateway: &Gateway,
    peer: &HttpPeer,
    exchange: &Exchange,
    mut error: Box<Error>,
) -> Box<Error> {
    let upstream = exchange
        .route()
        .and_then(|found| gateway.frontend.upstreams.get(found.route.service_index));
    if let (Some(upstream), Some(socket)) = (upstream, peer._address.as_inet()) {
        upstream.refused(socket, gateway.frontend.clock.now());
    }
    error.set_retry(true);
    error
}

/// Answers, unless an answer has begun or nobody is there to read it.
pub(crate) async fn answer(
    gateway: &Gateway,
    http: &mut HttpSession,
    error: &Error,
    exchange: &mut Exchange,
) -> FailToProxy {
    let cut = exchange.watch.as_ref().and_then(|watch| watch.stream.cut());
    let begun = http.response_written().is_some() && !interim(http);
    if let (Some(cut), true) = (cut, begun) {
        streams::end(http, cut, exchange).await;
        return ended();
    }
    let watch = exchange.watch.as_ref();
    let broken = watch.and_then(|watch| watch.broken_body());
    let refusal = match (exchange.refusal.take(), cut, broken) {
        (Some(refusal), ..) => *refusal,
        (None, Some(cut), _) => streams::refusal(cut),
        (None, None, Some(problem)) => problem.into(),
        (None, None, None) => judge(error, http.is_body_done()),
    };
    let rejection = refusal.rejection;
    let gone = cut.is_none() && broken.is_none() && is_client_gone(error);
    if begun || gone {
        exchange.refusal = Some(Box::new(refusal));
        return FailToProxy {
            error_code: rejection.status(),
            can_reuse_downstream: false,
        };
    }
    // After this phase the framework closes the connection; the client is told.
    http.set_keepalive(None);
    if let Err(error) = respond::refusal(gateway, refusal, http, exchange).await {
        tracing::debug!(target: "tokenbridge", "the refusal could not be sent: {}", error.etype().as_str());
    }
    FailToProxy {
        error_code: rejection.status(),
        can_reuse_downstream: false,
    }
}

/// Whether the client has had nothing yet but an answer before its answer, such as 100 Continue.
pub(super) fn interim(http: &HttpSession) -> bool {
    let written = http.response_written().map(|written| written.status);
    written.is_some_and(|status| {
        status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
    })
}

/// The connection of a stream that was ended is not used again.
fn ended() -> FailToProxy {
    FailToProxy {
        error_code: 0,
        can_reuse_downstream: false,
    }
}

fn is_client_gone(error: &Error) -> bool {
    let broken = matches!(
        error.etype(),
        ErrorType::WriteError
            | ErrorType::WriteTimedout
            | ErrorType::ReadError
            | ErrorType::ConnectionClosed
    );
    *error.esource() == ErrorSource::Downstream && broken
}

/// What a failure of the framework amounts to. Its own text may hold addresses, but no secrets.
fn judge(error: &Error, body_is_done: bool) -> Refusal {
    use ErrorType as E;
    let rejection = match (error.esource(), error.etype()) {
        // An upstream cannot answer what it has not got.
        (ErrorSource::Upstream, E::ReadTimedout) if !body_is_done => Rejection::RequestTimeout,
        (ErrorSource::Downstream, E::ReadTimedout) => Rejection::RequestTimeout,
        (ErrorSource::Upstream, E::InvalidCert) => Rejection::UpstreamUntrusted,
        (ErrorSource::Upstream, E::TLSHandshakeFailure) if is_about_certificate(error) => {
            Rejection::UpstreamUntrusted
        }
        (
            ErrorSource::Upstream,
            E::ConnectTimedout | E::TLSHandshakeTimedout | E::ReadTimedout | E::WriteTimedout,
        ) => Rejection::UpstreamTimeout,
        (
            ErrorSource::Upstream,
            E::ConnectRefused
            | E::ConnectNoRoute
            | E::ConnectError
            | E::ConnectProxyFailure
            | E::SocketError,
        ) => Rejection::UpstreamUnavailable,
        (
            ErrorSource::Upstream,
            E::InvalidHTTPHeader | E::InvalidH2 | E::Custom("InvalidChunk" | "InvalidTrailerEnd"),
        ) => Rejection::UpstreamAnswerInvalid,
        (ErrorSource::Upstream, _) => Rejection::UpstreamFailed,
        (ErrorSource::Downstream, E::InvalidHTTPHeader) => Rejection::HeaderInvalid,
        (ErrorSource::Downstream, E::Custom("InvalidChunk" | "InvalidTrailerEnd")) => {
            Rejection::FramingInvalid
        }
        (ErrorSource::Downstream, _) => Rejection::ClientGone,
        (ErrorSource::Internal | ErrorSource::Unset, E::HTTPStatus(400)) => {
            Rejection::HeaderInvalid
        }
        (ErrorSource::Internal | ErrorSource::Unset, _) => Rejection::Internal,
    };
    Refusal::new(
        rejection,
        format!("{}: {}", error.esource().as_str(), error.etype().as_str()),
    )
}

/// Whether a handshake failed because the upstream could not prove who it is. The framework keeps
/// nothing but the text of the cause; a test holds it.
fn is_about_certificate(error: &Error) -> bool {
    let context = error.context.as_ref().map(|context| context.as_str());
    context.is_some_and(|context| context.contains("invalid peer certificate"))
}
