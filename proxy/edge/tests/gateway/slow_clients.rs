//! Clients that send or take next to nothing hold neither a request nor an upstream connection.

use std::time::Duration;

use http::Request;

use crate::support::h2::H2Client;
use crate::support::raw::{RawAnswer, RawClient};
use crate::support::recorder::{Recorder, Reply};
use crate::support::transport::Transport;

const TICK: Duration = Duration::from_millis(50);

async fn impatient() -> Transport {
    impatient_at(Recorder::start().await).await
}

async fn impatient_at(upstream: Recorder) -> Transport {
    Transport::start_at(upstream, |folder| {
        folder.add_settings("limits: {body_timeout: 1s, min_body_rate: 1000}");
    })
    .await
}

/// Sends so many bytes one by one, unless an answer comes before.
async fn drip(client: &mut RawClient, count: u32) -> Option<RawAnswer> {
    for _ in 0..count {
        client.send("x").await;
        if let Ok(given) = tokio::time::timeout(TICK, client.answer()).await {
            return Some(given);
        }
    }
    None
}

/// Waits until no request is under way.
async fn rests(transport: &Transport) {
    for _ in 0..600 {
        if transport.health().await["requests_in_flight"] == 0 {
            return;
        }
        tokio::time::sleep(TICK).await;
    }
    panic!("a request is still under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_coming_is_408() {
    let transport = impatient().await;
    let mut client = transport.connect().await;
    let host = transport.host();
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\nx"
        ))
        .await;
    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.code()),
        (408, "REQUEST_TIMEOUT".into())
    );
    rests(&transport).await;
    assert_eq!(transport.upstream.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_is_408_and_a_streaming_route_takes_it() {
    let transport = Transport::start_with(|folder| {
        folder.add_settings("limits: {body_timeout: 1s, min_body_rate: 1000}");
        let route = "\n  - id: streaming\n    path: /stream\n    target_service: demo_app\n    \
                     upstream_path: /stream\n    auth: none\n    streaming: true\n";
        folder.edit("routes.yaml", |text| format!("{text}{route}"));
    })
    .await;
    let host = transport.host();
    for (path, status) in [("/", 408), ("/stream", 200)] {
        let mut client = transport.connect().await;
        client
            .send(format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 40\r\n\r\n"
            ))
            .await;
        let answer = match drip(&mut client, 40).await {
            Some(answer) => answer,
            None => client.answer().await,
        };
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_beginning_of_a_body_pays_for_no_slow_rest() {
    let transport = impatient().await;
    let mut client = transport.connect().await;
    let host = transport.host();
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 200000\r\n\r\n"
        ))
        .await;
    // As much as a whole minute of the least pace has.
    client.send(vec![b'x'; 60_000]).await;
    let answer = drip(&mut client, 600).await;
    let answer = answer.expect("an answer before the minute is over");
    assert_eq!(
        (answer.status, answer.code()),
        (408, "REQUEST_TIMEOUT".into())
    );
    rests(&transport).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_coming_over_http2_ends_its_request_and_no_other() {
    let transport = impatient().await;
    let client = H2Client::connect(&transport.authority, transport.tls_port).await;
    let uri = format!("https://localhost:{}/", transport.tls_port);
    let request = Request::post(&uri).body(()).unwrap();
    let (answer, mut body) = client.open(request).await.unwrap();
    body.send_data("x".into(), false).unwrap();
    let answered = answer.await;
    assert!(answered.is_err() || answered.is_ok_and(|answer| answer.status() == 408));
    rests(&transport).await;
    assert_eq!(client.get(&uri).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_loses_its_connection() {
    let large = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n".to_vec(),
        vec![b'x'; 30_000_000],
    ]
    .concat();
    let upstream = Recorder::start_with(move |_| Reply::Bytes(large.clone())).await;
    let transport = impatient_at(upstream).await;
    let mut client = transport.connect().await;
    let host = transport.host();
    client
        .send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
        .await;
    let h2 = H2Client::connect(&transport.authority, transport.tls_port).await;
    let uri = format!("https://localhost:{}/", transport.tls_port);
    // Its window is never opened again.
    let request = Request::get(&uri).body(()).unwrap();
    let _unread = h2.start(request).await.unwrap().await.unwrap();
    while transport.upstream.seen().len() < 2 {
        tokio::time::sleep(TICK).await;
    }
    rests(&transport).await;
    assert!(client.rest().await.len() < 30_000_000);
}
