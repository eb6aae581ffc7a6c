//! Requests whose end or meaning two servers could see differently: refused, or exactly one
//! request reaches the upstream, framed anew.

use crate::support::raw::RawClient;
use crate::support::recorder::{Recorder, Reply};
use crate::support::transport::Transport;

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n";

/// What a client sends after `POST / HTTP/1.1` and `Host`, and with which code it is refused.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "CL.TE",
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        "FRAMING_INVALID",
    ),
    (
        "TE.CL",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, two lines",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, a list",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, twice chunked",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, another coding first",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, a near miss",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, a vertical tab",
        "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "HEADER_INVALID",
    ),
    (
        "TE.TE, quoted",
        "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "TE.TE, space before the colon",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "HEADER_INVALID",
    ),
    (
        "TE.TE, on a folded line",
        "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HEADER_INVALID",
    ),
    (
        "TE.TE, behind a bare CR",
        "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HEADER_INVALID",
    ),
    (
        "TE.TE, another spelling",
        "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n",
        "FRAMING_INVALID",
    ),
    (
        "two equal lengths",
        "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "two lengths",
        "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "a list of lengths",
        "Content-Length: 5, 5\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "a signed length",
        "Content-Length: +5\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "a negative length",
        "Content-Length: -5\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "a hexadecimal length",
        "Content-Length: 0x5\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "an empty length",
        "Content-Length:\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "an overflowing length",
        "Content-Length: 18446744073709551621\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    (
        "another spelling of the length",
        "Content_Length: 5\r\n\r\nhello",
        "FRAMING_INVALID",
    ),
    ("NUL in a value", "X: a\0b\r\n\r\n", "HEADER_INVALID"),
    ("NUL in a name", "X\0: a\r\n\r\n", "HEADER_INVALID"),
    ("bare LF", "X: a\nY: b\r\n\r\n", "HEADER_INVALID"),
    ("bare LF at the end", "X: a\r\n\n", "HEADER_INVALID"),
    ("bare CR", "X: a\rb\r\n\r\n", "HEADER_INVALID"),
    ("obs-fold", "X: a\r\n b\r\n\r\n", "HEADER_INVALID"),
    ("a name with a space", "X Y: a\r\n\r\n", "HEADER_INVALID"),
    ("no name", ": a\r\n\r\n", "HEADER_INVALID"),
    ("no colon", "X\r\n\r\n", "HEADER_INVALID"),
    ("Host twice", "Host: HOST\r\n\r\n", "HOST_INVALID"),
];

/// Whole requests that are refused before anything else is done.
const REFUSED_LINES: &[(&str, u16, &str)] = &[
    (
        "POST / HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "FRAMING_INVALID",
    ),
    ("GET / HTTP/1.1\r\n\r\n", 400, "HOST_INVALID"),
    ("GET / HTTP/1.0\r\n\r\n", 400, "HOST_INVALID"),
    (
        "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        421,
        "HOST_UNKNOWN",
    ),
    (
        "GET / HTTP/1.1\r\nHost: u@HOST\r\n\r\n",
        400,
        "HOST_INVALID",
    ),
    (
        "GET http://evil.example/ HTTP/1.1\r\nHost: HOST\r\n\r\n",
        400,
        "HOST_INVALID",
    ),
    (
        "GET http:/\\HOST/ HTTP/1.1\r\nHost: HOST\r\n\r\n",
        400,
        "TARGET_INVALID",
    ),
    (
        "OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n",
        400,
        "TARGET_INVALID",
    ),
    (
        "GET /a/../b HTTP/1.1\r\nHost: HOST\r\n\r\n",
        400,
        "TARGET_INVALID",
    ),
    (
        "GET /a\\b HTTP/1.1\r\nHost: HOST\r\n\r\n",
        400,
        "TARGET_INVALID",
    ),
    (
        "GET  / HTTP/1.1\r\nHost: HOST\r\n\r\n",
        400,
        "HEADER_INVALID",
    ),
    (
        "GET / HTTP/1.1 x\r\nHost: HOST\r\n\r\n",
        400,
        "HEADER_INVALID",
    ),
    (
        "GET / HTTP/2.0\r\nHost: HOST\r\n\r\n",
        505,
        "VERSION_UNSUPPORTED",
    ),
    (
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        505,
        "VERSION_UNSUPPORTED",
    ),
    (
        "CONNECT HOST HTTP/1.1\r\nHost: HOST\r\n\r\n",
        405,
        "METHOD_NOT_ALLOWED",
    ),
    (
        "TRACE / HTTP/1.1\r\nHost: HOST\r\n\r\n",
        405,
        "METHOD_NOT_ALLOWED",
    ),
    (
        "BREW / HTTP/1.1\r\nHost: HOST\r\n\r\n",
        405,
        "METHOD_NOT_ALLOWED",
    ),
    (
        "get / HTTP/1.1\r\nHost: HOST\r\n\r\n",
        405,
        "METHOD_NOT_ALLOWED",
    ),
    ("\x16\x03\x01\x02\x00", 400, "HEADER_INVALID"),
];

/// What is one request, though a careless server would see two or none; and its body.
const ONE: &[(&str, &str, &str)] = &[
    ("a length", "Content-Length: 5\r\n\r\nhello", "hello"),
    (
        "chunks",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        "hello",
    ),
    (
        "chunk extensions",
        "Transfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n",
        "hello",
    ),
    (
        "trailers",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Forwarded-User: root\r\n\r\n",
        "hello",
    ),
    (
        "a request in the body",
        "Content-Length: 5\r\n\r\nhelloSMUGGLED",
        "hello",
    ),
    (
        "a request behind chunks",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nSMUGGLED",
        "hello",
    ),
    ("a request behind no body", "\r\nSMUGGLED", ""),
    (
        "a request behind an upgrade that is refused",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\nSMUGGLED",
        "",
    ),
    (
        "a request behind an unknown upgrade",
        "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nSMUGGLED",
        "",
    ),
    (
        "a request behind Expect",
        "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhelloSMUGGLED",
        "hello",
    ),
];

/// Chunks that end nowhere or twice: the upstream may see a beginning, never a second request.
const BROKEN_CHUNKS: &[&str] = &[
    "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "5\nhello\r\n0\r\n\r\n",
    "5;\nhello\r\n0\r\n\r\nSMUGGLED",
    "5;a\rb\r\nhello\r\n0\r\n\r\nSMUGGLED",
    "5\r\nhelloX\r\n0\r\n\r\nSMUGGLED",
    "2\r\nhello\r\n0\r\n\r\nSMUGGLED",
    "5\r\nhello0\r\n\r\nSMUGGLED",
    " 5 \r\nhello\r\n0\r\n\r\nSMUGGLED",
    "\r\n\r\nSMUGGLED",
];

fn filled(text: &str, host: &str) -> String {
    text.replace("SMUGGLED", SMUGGLED).replace("HOST", host)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ambiguous_is_refused_and_nothing_reaches_the_upstream() {
    let transport = Transport::start().await;
    let host = transport.host();
    let whole = REFUSED.iter().map(|(name, rest, code)| {
        let text = format!("POST / HTTP/1.1\r\nHost: HOST\r\n{rest}SMUGGLED");
        (*name, text, 400, *code)
    });
    let lines = REFUSED_LINES
        .iter()
        .map(|(line, status, code)| (*line, format!("{line}SMUGGLED"), *status, *code));
    for (name, text, status, code) in whole.chain(lines) {
        let mut client = transport.connect().await;
        client.send(filled(&text, &host)).await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{name}"
        );
        assert_eq!(answer.header("server"), None, "{name}");
        assert!(answer.header("proxy-status").is_some(), "{name}");
        assert!(client.is_closed().await, "{name}");
    }
    assert_eq!(transport.upstream.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_framed_anew_and_nothing_behind_it_becomes_a_second_one() {
    let transport = Transport::start().await;
    let host = transport.host();
    for (number, (name, rest, _)) in ONE.iter().enumerate() {
        let mut client = transport.connect().await;
        let text = format!("POST /{number} HTTP/1.1\r\nHost: HOST\r\n{rest}");
        client.send(filled(&text, &host)).await;
        assert_eq!(client.answer().await.status, 200, "{name}");
        if rest.contains("SMUGGLED") {
            assert!(client.is_closed().await, "{name}");
        }
    }
    let seen = transport.upstream.seen();
    assert_eq!(seen.len(), ONE.len(), "{seen:#?}");
    for (number, (request, (name, _, body))) in seen.iter().zip(ONE).enumerate() {
        assert_eq!(request.line(), format!("POST /{number} HTTP/1.1"), "{name}");
        assert_eq!(String::from_utf8_lossy(&request.body), *body, "{name}");
        let frames =
            request.values("content-length").len() + request.values("transfer-encoding").len();
        assert!(frames <= 1, "{name}: {}", request.head);
        assert!(request.values("x-forwarded-user").is_empty(), "{name}");
        assert!(request.values("http2-settings").is_empty(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_chunks_never_become_a_second_request() {
    let transport = Transport::start().await;
    let host = transport.host();
    for chunks in BROKEN_CHUNKS {
        let mut client = transport.connect().await;
        let head = "POST /broken HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send(filled(&format!("{head}{chunks}"), &host)).await;
        if let Some(answer) = client.try_answer(false).await {
            assert!(
                matches!(answer.status, 200 | 400),
                "{chunks:?}: {}",
                answer.status
            );
            assert!(client.is_closed().await, "{chunks:?}");
        }
    }
    assert_eq!(
        transport.connect().await.get("/last", &host).await.status,
        200
    );
    for request in transport.upstream.seen() {
        let line = request.line();
        assert!(!request.head.contains("smuggled"), "{}", request.head);
        assert!(
            line.starts_with("POST /broken ") || line.starts_with("GET /last "),
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_behind_a_body_never_reach_the_next_client_of_the_upstream() {
    // CVE-2025-4366 and CVE-2026-2833: the answer comes before the body is read.
    let upstream = Recorder::start_with(|request| match request.line().starts_with("POST") {
        true => Reply::ok(""),
        false => Reply::Last(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext".to_vec()),
    })
    .await;
    let transport = Transport::start_at(upstream, |_| {}).await;
    let host = transport.host();
    let mut attacker = transport.connect().await;
    let upgrade = "POST /ws HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Content-Length: 0\r\n\r\nSMUGGLED";
    attacker.send(filled(upgrade, &host)).await;
    attacker.answer().await;
    let mut victim = RawClient::connect(transport.folder.port()).await;
    let answer = victim.get("/victim", &host).await;
    assert_eq!(answer.body, b"next");
    let lines: Vec<String> = transport
        .upstream
        .seen()
        .iter()
        .map(|request| request.line().to_owned())
        .collect();
    assert_eq!(lines, ["POST /ws HTTP/1.1", "GET /victim HTTP/1.1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lives_on_where_it_may_and_ends_where_the_client_wants_it() {
    let transport = Transport::start().await;
    let host = transport.host();
    let mut client = transport.connect().await;
    for _ in 0..3 {
        assert_eq!(client.get("/", &host).await.status, 200);
    }
    client.send("\r\n\r\n").await;
    assert_eq!(client.get("/after-empty-lines", &host).await.status, 200);
    for ending in [
        "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: HOST\r\n\r\n",
        "GET /auth/session HTTP/1.0\r\nHost: HOST\r\n\r\n",
    ] {
        let mut client = transport.connect().await;
        client.send(filled(ending, &host)).await;
        assert_eq!(client.answer().await.header("connection"), Some("close"));
        assert!(client.is_closed().await, "{ending:?}");
    }
}
