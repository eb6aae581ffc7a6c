//! Answers of the gateway's own: they arrive, they keep the connection where it may live on, and
//! they tell whose fault it was.

use crate::support::raw::RawClient;
use crate::support::recorder::{Recorder, Reply};
use crate::support::transport::Transport;

const API: &str = "/api/v1/crud/items";

#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let transport =
        Transport::start_with(|folder| folder.add_settings("limits: {max_body: 1KiB}")).await;
    let host = transport.host();
    for (framing, prefix) in [
        ("Content-Length: 8000000", String::new()),
        ("Transfer-Encoding: chunked", "7A1200\r\n".to_owned()),
    ] {
        let mut client = transport.connect().await;
        let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\n{framing}\r\n\r\n{prefix}");
        client.send(head).await;
        client.send(vec![b'x'; 8_000_000]).await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.code()),
            (413, "BODY_TOO_LARGE".into()),
            "{framing}"
        );
        assert_eq!(answer.header("connection"), Some("close"), "{framing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_small_body_keeps_the_connection_and_the_next_request_is_read_right() {
    let transport = Transport::start().await;
    let host = transport.host();
    let mut client = transport.connect().await;
    let body = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    for _ in 0..3 {
        let length = body.len();
        client
            .send(format!(
                "POST {API} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}"
            ))
            .await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.code()),
            (401, "SESSION_MISSING".into())
        );
        assert_eq!(answer.header("connection"), Some("keep-alive"));
    }
    assert_eq!(client.get("/next", &host).await.status, 200);
    assert_eq!(transport.upstream.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_for_a_go_ahead_gets_its_refusal_at_once() {
    let transport = Transport::start().await;
    let host = transport.host();
    let mut client = transport.connect().await;
    client
        .send(format!(
            "POST {API} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        ))
        .await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 401);
    assert!(client.is_closed().await, "the body may or may not follow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_request_gets_the_fields_alone_and_keeps_the_connection() {
    let upstream = Recorder::start_with(|_| {
        Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec())
    })
    .await;
    let transport = Transport::start_at(upstream, |_| {}).await;
    let host = transport.host();
    let mut client = transport.connect().await;
    for (target, status) in [
        ("/", 200),
        ("/auth/session", 401),
        (API, 401),
        ("/auth/none", 404),
    ] {
        client
            .send(format!("HEAD {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await;
        let answer = client.answer_without_body().await;
        assert_eq!(answer.status, status, "{target}");
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        assert!(length > 0, "{target}: the length of what GET would get");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_tells_whether_the_upstream_or_the_gateway_failed() {
    let upstream = Recorder::start_with(|request| match request.line() {
        "GET /bad HTTP/1.1" => {
            Reply::Bytes(b"HTTP/1.1 503 Busy\r\nServer: x\r\nContent-Length: 0\r\n\r\n".to_vec())
        }
        "GET /broken HTTP/1.1" => Reply::Last(Vec::new()),
        "GET /cut HTTP/1.1" => Reply::Last(b"HTTP/1.1 200 O".to_vec()),
        "GET /garbage HTTP/1.1" => Reply::Last(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()),
        _ => Reply::ok(""),
    })
    .await;
    let transport = Transport::start_at(upstream, |_| {}).await;
    let host = transport.host();
    for (target, status, told) in [
        ("/bad", 503, Some("tokenbridge; received-status=503")),
        (
            "/broken",
            502,
            Some("tokenbridge; error=connection_terminated"),
        ),
        (
            "/cut",
            502,
            Some("tokenbridge; error=connection_terminated"),
        ),
        (
            "/garbage",
            502,
            Some("tokenbridge; error=http_protocol_error"),
        ),
        (
            "/auth/none",
            404,
            Some("tokenbridge; error=http_request_denied"),
        ),
        ("/", 200, None),
    ] {
        let mut client: RawClient = transport.connect().await;
        let answer = client.get(target, &host).await;
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(answer.header("proxy-status"), told, "{target}");
        assert_ne!(answer.header("server"), Some("Pingora"), "{target}");
    }
}
