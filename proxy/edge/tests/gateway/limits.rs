//! What one client may take: room, time, connections.

use std::time::Duration;

use http::Request;

use crate::support::ConfigurationFolder;
use crate::support::h2::H2Client;
use crate::support::raw::RawClient;
use crate::support::recorder::{Recorder, Reply};
use crate::support::transport::Transport;

const TICK: Duration = Duration::from_millis(50);

async fn limited(limits: &str) -> Transport {
    Transport::start_with(|folder| folder.add_settings(&format!("limits: {{{limits}}}"))).await
}

/// Sends a byte again and again until the gateway answers or closes.
async fn drip(client: &mut RawClient, byte: &[u8]) -> Option<u16> {
    for _ in 0..600 {
        client.send(byte).await;
        let answered = tokio::time::timeout(TICK, client.try_answer(false)).await;
        if let Ok(answer) = answered {
            return answer.map(|answer| answer.status);
        }
    }
    panic!("a client that sends a byte now and then is served for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_one_deadline_however_its_bytes_come() {
    let transport = limited("header_timeout: 1s").await;
    let host = transport.host();
    let mut fresh = transport.connect().await;
    fresh.send("GET / HTTP/1.1\r\nX: ").await;
    assert_eq!(drip(&mut fresh, b"x").await, Some(408));
    let mut used = transport.connect().await;
    assert_eq!(used.get("/", &host).await.status, 200);
    used.send("GET / HTTP/1.1\r\nX: ").await;
    assert_eq!(drip(&mut used, b"x").await, Some(408));
    assert_eq!(transport.upstream.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_closed_without_a_word() {
    let transport = limited("keepalive_timeout: 1s").await;
    let mut fresh = transport.connect().await;
    assert!(fresh.is_closed().await);
    let mut used = transport.connect().await;
    assert_eq!(used.get("/", &transport.host()).await.status, 200);
    assert!(used.is_closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_have_a_size_that_is_checked_while_they_arrive() {
    let transport = limited("max_target: 1KiB, max_header_bytes: 4KiB, max_headers: 20").await;
    let host = transport.host();
    for (begin, endless, status) in [
        ("GET /".to_owned(), "aaaaaaaa", 414),
        (
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: "),
            "aaaaaaaa",
            431,
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n"),
            "X: a\r\n",
            431,
        ),
    ] {
        let mut client = transport.connect().await;
        client.send(begin).await;
        client.send(endless.repeat(2_000)).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, status);
        assert!(client.is_closed().await);
    }
    // What is whole and only a little too large keeps the connection.
    let mut client = transport.connect().await;
    let long = format!("/{}", "a".repeat(1_030));
    assert_eq!(client.get(&long, &host).await.status, 414);
    assert_eq!(client.get("/", &host).await.status, 200);
    assert_eq!(transport.upstream.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_a_number_of_connections_and_gets_it_back() {
    let transport = limited("connections_per_address: 3").await;
    let host = transport.host();
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut client = transport.connect().await;
        // The connections that the start itself needed may still be closing.
        while client.try_get("/", &host).await.is_none() {
            client = transport.connect().await;
        }
        held.push(client);
    }
    assert!(
        transport
            .connect()
            .await
            .try_get("/", &host)
            .await
            .is_none()
    );
    held.pop();
    let mut again = transport.connect().await;
    while again.try_get("/", &host).await.is_none() {
        again = transport.connect().await;
    }
    let metrics = transport.metrics().await;
    assert!(
        metrics.contains("bff_connections_refused_total{reason=\"per_address\"}"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxys_connections_are_those_of_many_clients() {
    let transport = Transport::start_with(|folder| {
        folder.add_settings("limits: {connections_per_address: 1}\ntrusted_proxies: [127.0.0.1]");
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..5 {
        let mut client = transport.connect().await;
        assert_eq!(client.get("/", &transport.host()).await.status, 200);
        held.push(client);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_a_number_of_requests() {
    let transport = limited("requests_per_connection: 2").await;
    let host = transport.host();
    let mut client = transport.connect().await;
    let first = client.get("/", &host).await;
    assert_eq!(first.header("connection"), Some("keep-alive"));
    let second = client.get("/auth/session", &host).await;
    assert_eq!(
        (second.status, second.header("connection")),
        (401, Some("close"))
    );
    assert!(client.is_closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_the_gateway_takes_are_told_to_come_back() {
    let upstream = Recorder::start_with(|request| match request.line() {
        "GET /held HTTP/1.1" => Reply::Silence,
        _ => Reply::ok(""),
    })
    .await;
    let transport = Transport::start_at(upstream, |folder| {
        folder.add_settings("limits: {requests_in_flight: 1}");
    })
    .await;
    let host = transport.host();
    let mut held = transport.connect().await;
    held.send(format!("GET /held HTTP/1.1\r\nHost: {host}\r\n\r\n"))
        .await;
    while transport.upstream.seen().is_empty() {
        tokio::time::sleep(TICK).await;
    }
    let mut client = transport.connect().await;
    let answer = client.get("/", &host).await;
    assert_eq!((answer.status, answer.code()), (503, "OVERLOADED".into()));
    assert!(answer.header("retry-after").is_some());
    drop(held);
    while client.get("/", &host).await.status != 200 {
        tokio::time::sleep(TICK).await;
    }
}

fn total_timeout(folder: &ConfigurationFolder, keys: &str) {
    folder.edit("routes.yaml", |text| {
        let at = text.find("demo_app:").unwrap() + "demo_app:".len();
        format!(
            "{}\n    total_timeout: 1s{}{keys}",
            &text[..at],
            &text[at..]
        )
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_a_deadline_before_and_during_its_answer_unless_it_streams() {
    let drops = |count: usize| vec![b"1\r\nx\r\n".to_vec(); count];
    let upstream = Recorder::start_with(move |request| {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let (parts, end) = match request.line() {
            "GET /silent HTTP/1.1" => return Reply::Silence,
            "GET /dripping HTTP/1.1" => (drops(1_000), Vec::new()),
            _ => (drops(50), vec![b"0\r\n\r\n".to_vec()]),
        };
        Reply::Slowly([vec![head], parts, end].concat(), TICK)
    })
    .await;
    let transport = Transport::start_at(upstream, |folder| {
        let streaming = "\n  - id: streaming\n    path: /stream\n    target_service: demo_app\n    \
                         upstream_path: /stream\n    auth: none\n    streaming: true\n";
        total_timeout(folder, streaming);
    })
    .await;
    let host = transport.host();
    let silent = transport.connect().await.get("/silent", &host).await;
    assert_eq!(
        (silent.status, silent.code()),
        (504, "UPSTREAM_TIMEOUT".into())
    );
    let mut dripping = transport.connect().await;
    dripping
        .send(format!("GET /dripping HTTP/1.1\r\nHost: {host}\r\n\r\n"))
        .await;
    let all = String::from_utf8(dripping.rest().await).unwrap();
    assert!(
        all.starts_with("HTTP/1.1 200") && !all.ends_with("0\r\n\r\n"),
        "{all}"
    );
    transport
        .gateway
        .logs("it took longer than total_timeout")
        .await;
    let streamed = transport.connect().await.get("/stream", &host).await;
    assert!(streamed.body.ends_with(b"0\r\n\r\n"), "{streamed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_and_a_route_may_allow_less() {
    let transport = Transport::start_with(|folder| {
        let own = "tls:\n      certificates:";
        let limits = "limits: {max_target: 100, max_headers: 5, max_body: 10}\n    ";
        folder.replace("settings.yaml", own, &format!("{limits}{own}"));
        folder.edit("routes.yaml", |text| {
            format!(
                "{text}\n  - id: narrow\n    path: /narrow\n    target_service: demo_app\n    \
                 upstream_path: /narrow\n    auth: none\n    max_target: 20\n    \
                 max_headers: 4\n    max_header_bytes: 200\n"
            )
        });
    })
    .await;
    let host = transport.host();
    let long = format!("/{}", "a".repeat(150));
    let many = |target: &str, count: usize| {
        let fields = "X-A: b\r\n".repeat(count);
        format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")
    };
    let mut plain = transport.connect().await;
    assert_eq!(plain.get(&long, &host).await.status, 200);
    for (request, status) in [
        (many("/", 10), 200),
        (many("/narrow", 2), 200),
        (many("/narrow", 10), 431),
        (many("/narrow?a=0123456789012345", 0), 414),
        (
            many("/narrow", 0).replace("\r\n\r\n", &format!("\r\nX: {}\r\n\r\n", "a".repeat(200))),
            431,
        ),
    ] {
        plain.send(&request).await;
        assert_eq!(plain.answer().await.status, status, "{request}");
    }
    let tls = H2Client::connect(&transport.authority, transport.tls_port).await;
    let uri = |target: &str| format!("https://localhost:{}{target}", transport.tls_port);
    assert_eq!(tls.get(&uri("/")).await.status(), 200);
    assert_eq!(tls.get(&uri(&long)).await.status(), 414);
    let body = Request::post(uri("/"))
        .header("content-length", "11")
        .body(());
    let answer = tls.send(body.unwrap(), b"hello world").await.unwrap();
    assert_eq!(
        (answer.status(), answer.code()),
        (413, "BODY_TOO_LARGE".into())
    );
    let stream = transport
        .authority
        .connect(transport.tls_port, "localhost", &[])
        .await;
    let mut old = RawClient::over(stream.unwrap());
    old.send(many("/", 10)).await;
    assert_eq!(old.answer().await.status, 431);
}
