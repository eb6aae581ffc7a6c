//! Requests whose end or meaning two servers could see differently: refused, or exactly one
//! request reaches the upstream, framed anew.

mod bytes;
mod corpus;

use corpus::{BROKEN_CHUNKS, ONE, REFUSED, REFUSED_LINES, SMUGGLED};

use crate::support::raw::RawClient;
use crate::support::recorder::{Recorder, Reply};
use crate::support::transport::Transport;

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
async fn broken_chunks_are_refused_and_nothing_of_them_reaches_the_upstream() {
    let transport = Transport::start().await;
    let host = transport.host();
    let head = "POST /broken HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n";
    for chunks in BROKEN_CHUNKS {
        // With the head, behind it, and behind a chunk that is whole.
        for (waits, first) in [("", ""), ("Expect: 100-continue\r\n", "3;a\r\nabc\r\n")] {
            let mut client = transport.connect().await;
            client
                .send(filled(&format!("{head}{waits}\r\n"), &host))
                .await;
            if !waits.is_empty() {
                client.until(b"100 Continue\r\n\r\n").await;
            }
            client
                .send(filled(&format!("{first}{chunks}"), &host))
                .await;
            let answer = client.answer().await;
            let told = (answer.status, answer.code());
            assert_eq!(told, (400, "FRAMING_INVALID".to_owned()), "{chunks:?}");
            assert!(client.is_closed().await, "{chunks:?}");
        }
        let mut client = transport.connect().await;
        client
            .send(filled(&format!("{head}\r\n{chunks}"), &host))
            .await;
        assert_eq!(
            client.answer().await.code(),
            "FRAMING_INVALID",
            "{chunks:?}"
        );
    }
    assert_eq!(transport.upstream.connections(), 0);
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
