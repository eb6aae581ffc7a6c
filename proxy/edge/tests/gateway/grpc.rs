//! gRPC: HTTP/2 on both sides, trailers, both directions at once.

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokenbridge_devkit::browser::BrowserRequest;

use crate::support::Installation;
use crate::support::certificates::Authority;
use crate::support::h2::H2Client;
use crate::support::live_upstream::{LiveUpstream, OPEN, WITH_SESSION};
use crate::support::raw::PATIENCE;

/// One message of a call, as it is framed.
const PING: &[u8] = b"\0\0\0\0\x04ping";
const PONG: &[u8] = b"\0\0\0\0\x04pong";

/// A gateway between a client of its TLS listener and a server of HTTP/2 without TLS.
struct Calls {
    installation: Installation,
    upstream: LiveUpstream,
    client: H2Client,
    port: u16,
}

/// A call as the server has it.
struct Call {
    head: http::request::Parts,
    body: RecvStream,
    answer: h2::server::SendResponse<Bytes>,
}

impl Calls {
    async fn start(more_of_route: &str) -> Self {
        let upstream = LiveUpstream::start().await;
        let authority = Authority::new();
        let mut port = 0;
        let installation = Installation::start_with(|folder| {
            upstream.stand_in(folder);
            port = folder.listen_tls(&authority);
            let url = upstream.url();
            folder.edit("routes.yaml", |text| {
                let url = format!("base_url: \"{url}\"");
                let text = text.replace(&url, &format!("{url}\n    http2: true"));
                let more = format!("auth: \"none\"{more_of_route}");
                let text = text.replace("auth: \"none\"", &more);
                text.replace(
                    "auth: \"session\"",
                    &format!("auth: \"session\"{more_of_route}"),
                )
            });
        })
        .await;
        let client = H2Client::connect(&authority, port).await;
        Self {
            installation,
            upstream,
            client,
            port,
        }
    }

    fn request(&self, path: &str) -> http::request::Builder {
        Request::post(format!("https://localhost:{}{path}", self.port))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", "20S")
    }

    /// The server's side of the next connection, which is then driven to its end.
    async fn call(&self) -> Call {
        let stream = self.upstream.accept().await.stream;
        let mut incoming = h2::server::handshake(stream).await.unwrap();
        let (request, answer) = incoming.accept().await.unwrap().unwrap();
        tokio::spawn(async move { while incoming.accept().await.is_some() {} });
        let (head, body) = request.into_parts();
        Call { head, body, answer }
    }
}

impl Call {
    fn begin(&mut self) -> SendStream<Bytes> {
        let head = Response::builder().header("content-type", "application/grpc");
        let head = head.body(()).unwrap();
        self.answer.send_response(head, false).unwrap()
    }
}

fn status(code: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.parse().unwrap());
    trailers
}

/// Bytes of a body up to this many.
async fn read(body: &mut RecvStream, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let chunk = tokio::time::timeout(PATIENCE, body.data()).await;
        let chunk = chunk.expect("a message comes").unwrap().unwrap();
        let _ = body.flow_control().release_capacity(chunk.len());
        bytes.extend_from_slice(&chunk);
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_has_its_trailers_both_ways() {
    let calls = Calls::start("").await;
    let request = calls.request(OPEN).body(()).unwrap();
    let (answer, mut sending) = calls.client.open(request).await.unwrap();
    sending.send_data(Bytes::from_static(PING), true).unwrap();
    let mut call = calls.call().await;
    assert_eq!(call.head.headers["te"], "trailers");
    assert_eq!(call.head.headers["content-type"], "application/grpc");
    assert_eq!(call.head.headers["grpc-timeout"], "20S");
    assert_eq!(read(&mut call.body, PING.len()).await, PING);
    let mut server = call.begin();
    server.send_data(Bytes::from_static(PONG), false).unwrap();
    let mut trailers = status("0");
    for value in ["bff_session=theirs", "theme=dark"] {
        trailers.append("set-cookie", value.parse().unwrap());
    }
    trailers.insert("clear-site-data", "\"cookies\"".parse().unwrap());
    server.send_trailers(trailers).unwrap();
    let (head, mut body) = answer.await.unwrap().into_parts();
    assert_eq!(head.status, 200);
    assert_eq!(read(&mut body, PONG.len()).await, PONG);
    let trailers = body.trailers().await.unwrap().unwrap();
    // What belongs in a head reaches no browser by them.
    assert_eq!(trailers, status("0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_without_a_message_is_passed_on() {
    let calls = Calls::start("").await;
    let request = calls.request(OPEN).body(()).unwrap();
    let (answer, mut sending) = calls.client.open(request).await.unwrap();
    sending.send_data(Bytes::from_static(PING), true).unwrap();
    let mut call = calls.call().await;
    let head = Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", "5");
    let end = call.answer.send_response(head.body(()).unwrap(), true);
    end.unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "5");
    assert!(answer.body().is_end_stream());
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_of_a_call_stream_at_once_and_a_cancelled_one_is_cancelled_upstream() {
    let calls = Calls::start("\n    streaming: true").await;
    let request = calls.request(OPEN).body(()).unwrap();
    let (answer, mut sending) = calls.client.open(request).await.unwrap();
    let mut call = calls.call().await;
    let mut server = call.begin();
    let mut body = answer.await.unwrap().into_body();
    for _ in 0..3 {
        sending.send_data(Bytes::from_static(PING), false).unwrap();
        assert_eq!(read(&mut call.body, PING.len()).await, PING);
        server.send_data(Bytes::from_static(PONG), false).unwrap();
        assert_eq!(read(&mut body, PONG.len()).await, PONG);
    }
    sending.send_reset(h2::Reason::CANCEL);
    let ended = tokio::time::timeout(
        PATIENCE,
        std::future::poll_fn(|context| server.poll_reset(context)),
    );
    ended.await.expect("the upstream knows").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_with_its_session() {
    let calls = Calls::start("\n    streaming: true").await;
    let browser = calls.installation.logged_in("alice").await;
    let cookie = calls.installation.session_cookie(&browser).unwrap();
    let token = calls.installation.get(&browser, "/auth/csrf").await;
    let token = token.json::<serde_json::Value>().unwrap()["csrf_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let request = calls
        .request(WITH_SESSION)
        .header("cookie", format!("bff_session={cookie}"))
        .header("x-csrf-token", token)
        .body(())
        .unwrap();
    let (answer, mut sending) = calls.client.open(request).await.unwrap();
    sending.send_data(Bytes::from_static(PING), false).unwrap();
    let mut call = calls.call().await;
    let bearer = call.head.headers["authorization"].to_str().unwrap();
    assert!(bearer.starts_with("Bearer "));
    let mut server = call.begin();
    server.send_data(Bytes::from_static(PONG), false).unwrap();
    let mut body = answer.await.unwrap().into_body();
    assert_eq!(read(&mut body, PONG.len()).await, PONG);
    let logout = BrowserRequest::post(calls.installation.url("/auth/logout"));
    assert_eq!(calls.installation.send(&browser, logout).await.status, 200);
    let next = tokio::time::timeout(PATIENCE, body.data()).await;
    let next = next.expect("it ends");
    assert!(next.is_none_or(|part| part.is_err()), "nothing more comes");
    let ended = tokio::time::timeout(
        PATIENCE,
        std::future::poll_fn(|context| server.poll_reset(context)),
    );
    ended.await.expect("the upstream knows").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_refused_has_a_status_that_clients_of_grpc_understand() {
    // UNAUTHENTICATED, PERMISSION_DENIED (doc/http-grpc-status-mapping.md of gRPC).
    let calls = Calls::start("").await;
    let without = calls.request(WITH_SESSION).body(()).unwrap();
    assert_eq!(
        calls.client.send(without, PING).await.unwrap().status(),
        401
    );
    let browser = calls.installation.logged_in("alice").await;
    let cookie = calls.installation.session_cookie(&browser).unwrap();
    let unproven = calls
        .request(WITH_SESSION)
        .header("cookie", format!("bff_session={cookie}"));
    let unproven = unproven.body(()).unwrap();
    assert_eq!(
        calls.client.send(unproven, PING).await.unwrap().status(),
        403
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_longer_than_its_route_allows_is_ended() {
    let calls = Calls::start("\n    total_timeout: 1s").await;
    let request = calls.request(OPEN).body(()).unwrap();
    let (answer, mut sending) = calls.client.open(request).await.unwrap();
    sending.send_data(Bytes::from_static(PING), true).unwrap();
    let _call = calls.call().await;
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    // UNAVAILABLE.
    assert_eq!(answer.expect("it ends").unwrap().status(), 504);
}
