//! WebSockets: what is upgraded and what is not, silence, and what passes through.

use std::time::Duration;

use http::Request;

use crate::support::certificates::Authority;
use crate::support::h2::H2Client;
use crate::support::live::{
    GOING_AWAY, HELLO, Live, MASKED_HELLO, SESSION_OVER, SWITCHED, UPGRADE,
};
use crate::support::live_upstream::{OPEN, Taken, WITH_SESSION};
use crate::support::raw::RawClient;

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_silent_only_when_neither_side_talks() {
    let live = Live::start_with(|folder| {
        folder.add_settings("limits: {websocket_idle: 2s, body_timeout: 1s}");
    })
    .await;
    for from_client in [true, false] {
        let (mut client, mut taken) = live.websocket(live.port(), OPEN).await;
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if from_client {
                client.send(MASKED_HELLO).await;
                taken.connection.until(MASKED_HELLO).await;
            } else {
                taken.connection.send(HELLO).await;
                client.until(HELLO).await;
            }
        }
        assert_eq!(client.rest().await, GOING_AWAY);
        assert!(taken.connection.is_closed().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_through_a_websocket_is_no_request_body() {
    let live = Live::start_with(|folder| {
        folder.add_settings("limits: {max_body: 64KiB, body_timeout: 1s, min_body_rate: 1MiB}");
    })
    .await;
    let (mut client, mut taken) = live.websocket(live.port(), OPEN).await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(600)).await;
        let mut message = b"\x82\xfe\xff\xff\x00\x00\x00\x00".to_vec();
        message.resize(8 + 0xffff, b'x');
        client.send(&message).await;
        taken.connection.until(&message).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_does_not_answer_an_upgrade_is_given_up() {
    let live = Live::start_with(|folder| {
        folder.replace(
            "routes.yaml",
            "- id: \"live\"",
            "- id: \"live\"\n    timeout: 1s",
        );
    })
    .await;
    let (mut client, mut taken) = live.ask(live.port(), OPEN, UPGRADE).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, &*answer.code()), (504, "UPSTREAM_TIMEOUT"));
    assert!(taken.connection.is_closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_upgrade_is_an_answer_and_what_follows_it_is_no_request() {
    let live = Live::start().await;
    for refusal in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno",
    ] {
        let smuggled = format!("{UPGRADE}\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n");
        let (mut client, mut taken) = live.ask(live.port(), OPEN, &smuggled).await;
        taken.connection.send(refusal).await;
        let answer = client.answer().await;
        assert_eq!(answer.body, b"no");
        assert!(client.is_closed().await);
        // Whichever connection the next request comes on, nothing stands before it.
        let mut next = RawClient::connect(live.port()).await;
        let fields = &live.fields;
        next.send(format!("GET {OPEN}?next HTTP/1.1\r\n{fields}\r\n"))
            .await;
        let mut next_taken = tokio::select! {
            Some(head) = taken.connection.head() => {
                Taken { head, connection: taken.connection }
            }
            next_taken = live.upstream.take() => next_taken,
        };
        let head = next_taken.head;
        let line = format!("GET {OPEN}?next HTTP/1.1\r\n");
        assert!(head.starts_with(&line), "{head}");
        // Unanswered, it could be sent once more, and be what the next round takes for its own.
        next_taken.connection.send(refusal).await;
        assert_eq!(next.answer().await.body, b"no");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_upgrade_is_forwarded_or_taken_from_an_upstream() {
    let live = Live::start().await;
    for asked in [
        "Connection: Upgrade\r\nUpgrade: tls/1.0\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "",
    ] {
        let (mut client, mut taken) = live.ask(live.port(), OPEN, asked).await;
        let head = taken.head.to_ascii_lowercase();
        assert!(
            !head.contains("upgrade:") && !head.contains("http2-settings"),
            "{head}"
        );
        taken.connection.send(format!("{SWITCHED}\r\nsecret")).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 502, "{asked:?}");
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!body.contains("secret"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_cannot_set_our_cookies_with_an_upgrade_either() {
    let live = Live::start().await;
    let (mut client, mut taken) = live.ask(live.port(), WITH_SESSION, UPGRADE).await;
    let cookies = "Set-Cookie: bff_session=theirs\r\nSet-Cookie: theme=dark\r\nX-A: b\r\n";
    taken
        .connection
        .send(format!("{SWITCHED}{cookies}\r\n"))
        .await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.headers("set-cookie"), ["theme=dark"]);
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    assert_eq!(answer.header("x-request-id").map(str::len), Some(32));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_websocket_is_closed_with_4401_as_well() {
    let authority = Authority::new();
    let mut port = 0;
    let live = Live::start_with(|folder| port = folder.listen_tls(&authority)).await;
    let stream = authority.connect(port, "localhost", &["http/1.1"]).await;
    let mut client = RawClient::over(stream.unwrap());
    let fields = &live.fields;
    client
        .send(format!(
            "GET {WITH_SESSION} HTTP/1.1\r\n{fields}{UPGRADE}\r\n"
        ))
        .await;
    let mut taken = live.upstream.take().await;
    taken.connection.send(format!("{SWITCHED}\r\n")).await;
    assert_eq!(client.answer().await.status, 101);
    taken.connection.send(HELLO).await;
    client.until(HELLO).await;
    live.log_out().await;
    client.until(&SESSION_OVER).await;
    assert!(client.is_closed().await);
    assert!(taken.connection.is_closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_over_http2_is_refused_and_not_offered() {
    // RFC 8441.
    let authority = Authority::new();
    let mut port = 0;
    let live = Live::start_with(|folder| port = folder.listen_tls(&authority)).await;
    let client = H2Client::connect(&authority, port).await;
    let uri = format!("https://localhost:{port}/auth/client.js");
    assert_eq!(client.get(&uri).await.status(), 200);
    assert!(!client.offers_websockets());
    let asked = Request::builder()
        .method("CONNECT")
        .uri(format!("https://localhost:{port}{OPEN}"))
        .extension(h2::ext::Protocol::from_static("websocket"));
    let answer = client.send(asked.body(()).unwrap(), b"").await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() >= 400));
    // The connection serves on, and nothing came before this request.
    let next = format!("https://localhost:{port}{OPEN}?next");
    let (_, taken) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(1), client.get(&next)),
        live.upstream.take()
    );
    assert!(taken.head.starts_with("GET /live?next "), "{}", taken.head);
}
