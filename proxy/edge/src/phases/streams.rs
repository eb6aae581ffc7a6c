//! Answers that last: WebSockets and server-sent events. What ends them from outside is watched
//! beside the request (`connections::stream_watch`); here they are recognised, and ended as their
//! protocol wants it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, Method, StatusCode, Version, header};
use pingora::http::RequestHeader;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_proxy::Session as HttpSession;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::websocket::{CloseCode, FrameFollower};

use crate::connections::{Cut, ToldUpstream};
use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::live_sessions::Over;

/// How long a client may take to answer a close frame.
const CLOSING: Duration = Duration::from_secs(2);

/// An answer that lasts.
pub(crate) enum Stream {
    /// The client asked for a WebSocket.
    Asked,
    /// A client of HTTP/2 asked for events, or uses a route that streams.
    EventsAsked,
    /// It is open; the frames that the client is sent.
    WebSocket(FrameFollower),
    /// Server-sent events.
    Events,
}

impl Stream {
    /// Whether the request's body is no body: what passes after an upgrade has no length or rate.
    pub(crate) fn is_websocket(&self) -> bool {
        match self {
            Self::Asked | Self::WebSocket(_) => true,
            Self::EventsAsked | Self::Events => false,
        }
    }
}

/// Whether a request asks for a WebSocket (RFC 6455 § 4.1): by GET, and without a body, which would
/// have neither a limit nor a pace. The framework forwards no other upgrade.
pub(crate) fn asks_for_websocket(request: &RequestHeader) -> bool {
    let fields = &request.headers;
    let length = fields.get(header::CONTENT_LENGTH);
    let has_body = fields.contains_key(header::TRANSFER_ENCODING)
        || length.is_some_and(|length| length.as_bytes() != b"0");
    if request.method != Method::GET || has_body {
        return false;
    }
    let protocols = request.headers.get_all(header::UPGRADE).iter();
    let mut protocols = protocols.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    request.version == Version::HTTP_11
        && protocols.any(|name| name.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

/// Whether the answer may be events: a script that reads them by itself need not say so.
fn may_bring_events(request: &RequestHeader, exchange: &Exchange) -> bool {
    let streams = exchange.route().is_some_and(|found| found.route.streaming);
    streams || asks_for_events(request)
}

fn asks_for_events(request: &RequestHeader) -> bool {
    let accepted = request.headers.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    accepted.any(is_event_stream)
}

/// Notes a request for an answer that will last. The client of a WebSocket may be silent for as long
/// as the upstream is not.
///
/// # Errors
/// The request is over already; this is one more attempt.
pub(crate) fn expect(http: &mut HttpSession, exchange: &mut Exchange) -> Result<(), Refusal> {
    let cut = exchange.watch.as_ref().and_then(|watch| watch.stream.cut());
    if let Some(cut) = cut {
        return Err(refusal(cut));
    }
    if asks_for_websocket(http.req_header()) {
        http.set_read_timeout(None);
        exchange.stream = Some(Stream::Asked);
    } else if http.is_http2() && may_bring_events(http.req_header(), exchange) {
        exchange.stream = Some(Stream::EventsAsked);
    }
    Ok(())
}

/// Makes a peer ready for an answer that will last.
pub(super) fn prepare(peer: &mut HttpPeer, exchange: &Exchange) {
    match exchange.stream {
        Some(Stream::Asked) => prepare_websocket(peer, exchange),
        Some(Stream::EventsAsked) => prepare_events(peer, exchange),
        Some(Stream::WebSocket(_) | Stream::Events) | None => {}
    }
}

/// Whoever reads from the upstream is told of the end: nobody reads from a client of HTTP/2. On a
/// connection of HTTP/2 to the upstream nobody in this task does either.
fn prepare_events(peer: &mut HttpPeer, exchange: &Exchange) {
    if let (1, Some(watch)) = (peer.options.alpn.get_max_http_version(), &exchange.watch) {
        peer.options.custom_l4 = Some(Arc::new(ToldUpstream));
        peer.group_key = peer.group_key.wrapping_add(1);
        watch.stream.note_reader();
    }
}

/// HTTP/1.1, and silence is measured over both directions.
fn prepare_websocket(peer: &mut HttpPeer, exchange: &Exchange) {
    let options = &mut peer.options;
    options.set_http_version(1, 1);
    let connect = options.total_connection_timeout.unwrap_or_default();
    if let (Some(watch), Some(read)) = (&exchange.watch, options.read_timeout.take()) {
        // Until the upstream answers.
        watch.stream.silent_at_most(connect + read);
    }
}

/// Checks that a switch of protocols was asked for: the framework passes others on (RFC 9110
/// § 15.2.2).
///
/// # Errors
/// It was not.
pub(super) fn check_switch(exchange: &Exchange) -> Result<(), Refusal> {
    match exchange.is_websocket() {
        true => Ok(()),
        false => Err(Refusal::new(
            Rejection::UpstreamAnswerInvalid,
            "the upstream switched protocols, which nobody asked for",
        )),
    }
}

/// Notes that an answer lasts.
pub(super) fn begin(gateway: &Gateway, answer: &Parts, exchange: &mut Exchange) {
    let Some(watch) = &exchange.watch else { return };
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        exchange.stream = Some(Stream::WebSocket(FrameFollower::default()));
        let limits = &gateway.frontend.configuration.limits;
        watch.stream.silent_at_most(limits.websocket_idle);
        watch.stream.begin_endless();
    } else if is_events(&answer.headers) {
        exchange.stream = Some(Stream::Events);
        watch.stream.begin_endless();
        if exchange
            .route()
            .is_some_and(|found| found.route.limits.total_timeout.is_none())
        {
            watch.endless();
        }
    }
}

fn is_events(fields: &HeaderMap) -> bool {
    let media_type = fields.get(header::CONTENT_TYPE);
    media_type.is_some_and(|media_type| is_event_stream(media_type.as_bytes()))
}

fn is_event_stream(media_type: &[u8]) -> bool {
    let essence = media_type.split(|byte| *byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"text/event-stream")
}

/// Notes what the client is sent.
pub(crate) fn sent(body: Option<&Bytes>, exchange: &mut Exchange) {
    if let (Some(Stream::WebSocket(frames)), Some(body)) = (&mut exchange.stream, body) {
        frames.follow(body);
    }
    heard(exchange);
}

/// Notes that one of the two sides said something.
pub(crate) fn heard(exchange: &Exchange) {
    if let (true, Some(watch)) = (exchange.is_websocket(), &exchange.watch) {
        watch.stream.active();
    }
}

/// What a request is refused with that was cut before it had an answer.
pub(super) fn refusal(cut: Cut) -> Refusal {
    match cut {
        Cut::SessionOver(Over::Ended) => {
            Refusal::deleting_cookie(Rejection::SessionExpired, cut.words())
        }
        Cut::SessionOver(Over::Replaced) => Refusal::new(Rejection::SessionReplaced, cut.words()),
        Cut::Silence => Refusal::new(Rejection::UpstreamTimeout, cut.words()),
        Cut::Stopping => Refusal::new(Rejection::UpstreamUnavailable, cut.words()),
    }
}

/// Ends an answer that was cut after it had begun. What is neither a WebSocket nor events is left
/// without its end, so that nobody takes a part for the whole.
pub(super) async fn end(http: &mut HttpSession, cut: Cut, exchange: &mut Exchange) {
    exchange.remark = Some(format!("stream ended: {}", cut.words()));
    let ended = match &exchange.stream {
        Some(Stream::WebSocket(frames)) if frames.may_close() => close(http, cut).await,
        Some(Stream::Events) => http.write_response_body(None, true).await,
        Some(Stream::Asked | Stream::EventsAsked | Stream::WebSocket(_)) | None => Ok(()),
    };
    if let Err(error) = ended {
        tracing::debug!(target: "tokenbridge", "a stream's end could not be sent: {}", error.etype().as_str());
    }
}

/// Sends a close frame, and lets the client answer: a close with unread bytes resets the connection,
/// and a reset can take the frame from a client that is still sending.
async fn close(http: &mut HttpSession, cut: Cut) -> pingora_core::Result<()> {
    let code = match cut {
        Cut::SessionOver(_) => CloseCode::SessionOver,
        Cut::Silence | Cut::Stopping => CloseCode::GoingAway,
    };
    let frame = Bytes::copy_from_slice(&code.frame());
    http.write_response_body(Some(frame), false).await?;
    let reading = async { while let Ok(Some(_)) = http.read_request_body().await {} };
    // A client that does not answer loses nothing but the connection.
    let _ = tokio::time::timeout(CLOSING, reading).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_sent_events_are_known_by_their_media_type() {
        for (value, expected) in [
            ("text/event-stream", true),
            ("Text/Event-Stream ; charset=utf-8", true),
            ("text/event-stream-of-mine", false),
            ("text/plain; a=text/event-stream", false),
        ] {
            assert_eq!(is_event_stream(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn only_http_1_1_asks_for_a_websocket() {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        request
            .insert_header(header::UPGRADE, "h2c, WebSocket")
            .unwrap();
        assert!(asks_for_websocket(&request));
        request.set_version(Version::HTTP_10);
        assert!(!asks_for_websocket(&request));
        request.set_version(Version::HTTP_11);
        request.insert_header(header::UPGRADE, "h2c").unwrap();
        assert!(!asks_for_websocket(&request));
    }

    #[test]
    fn what_has_a_body_or_writes_asks_for_no_websocket() {
        for (method, field, value, expected) in [
            ("GET", header::CONTENT_LENGTH, "0", true),
            ("GET", header::CONTENT_LENGTH, "1", false),
            ("GET", header::TRANSFER_ENCODING, "chunked", false),
            ("POST", header::CONTENT_LENGTH, "0", false),
        ] {
            let mut request = RequestHeader::build(method, b"/", None).unwrap();
            request.insert_header(header::UPGRADE, "websocket").unwrap();
            request.insert_header(&field, value).unwrap();
            let asks = asks_for_websocket(&request);
            assert_eq!(asks, expected, "{method} {field}: {value}");
        }
    }
}
