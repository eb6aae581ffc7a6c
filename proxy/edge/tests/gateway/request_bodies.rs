//! Bodies of requests: their beginning comes before an upstream is asked for a connection, and all of
//! it arrives.

use std::time::Duration;

use http::Request;

use crate::support::h2::H2Client;
use crate::support::raw::RawClient;
use crate::support::transport::Transport;

const TICK: Duration = Duration::from_millis(20);
/// What is announced with a length is read whole up to here.
const WHOLE: usize = 64 * 1024;

/// Waits until so many requests are under way.
async fn under_way(transport: &Transport, requests: u64) {
    for _ in 0..1500 {
        if transport.health().await["requests_in_flight"] == requests {
            return;
        }
        tokio::time::sleep(TICK).await;
    }
    panic!("there are never {requests} requests under way");
}

/// Waits until the upstream has so many connections.
async fn connections(transport: &Transport, number: usize) {
    for _ in 0..1500 {
        if transport.upstream.connections() == number {
            return;
        }
        tokio::time::sleep(TICK).await;
    }
    panic!("the upstream never has {number} connections");
}

/// Bytes that tell where they stand.
fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32 / 4 + 1)
        .flat_map(u32::to_be_bytes)
        .take(length)
        .collect()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let chunks = body.chunks(size).flat_map(|chunk| {
        let line = format!("{:x}\r\n", chunk.len()).into_bytes();
        [line, chunk.to_vec(), b"\r\n".to_vec()].concat()
    });
    chunks.chain(*b"0\r\n\r\n").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_slow_with_its_body_holds_no_upstream_connection() {
    let transport = Transport::start().await;
    let host = transport.host();
    let mut slow = Vec::new();
    for (framing, begun, rest) in [
        ("Content-Length: 10", "01234", "56789"),
        ("Content-Length: 65536", "01234", ""),
        ("Content-Length: 9000000", "01234", ""),
        (
            "Transfer-Encoding: chunked",
            "5\r\n01234\r\n",
            "5\r\n56789\r\n0\r\n\r\n",
        ),
        (
            "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 10",
            "01234",
            "56789",
        ),
    ] {
        let mut client = transport.connect().await;
        let head = format!("POST /slow HTTP/1.1\r\nHost: {host}\r\n{framing}\r\n\r\n{begun}");
        client.send(head).await;
        slow.push((client, rest));
    }
    let h2 = H2Client::connect(&transport.authority, transport.tls_port).await;
    let request = Request::post(format!("https://localhost:{}/slow", transport.tls_port));
    let request = request.header("content-type", "application/grpc");
    let (answer, mut body) = h2.open(request.body(()).unwrap()).await.unwrap();
    body.send_data("01234".into(), false).unwrap();
    under_way(&transport, slow.len() as u64 + 1).await;
    let healthy = transport.connect().await.get("/healthy", &host).await;
    assert_eq!(healthy.status, 200);
    assert_eq!(transport.upstream.connections(), 1, "the healthy one's");
    for (client, rest) in slow.iter_mut().filter(|(_, rest)| !rest.is_empty()) {
        client.send(*rest).await;
        assert_eq!(client.answer().await.status, 200);
    }
    body.send_data("56789".into(), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    let seen = transport.upstream.seen();
    let whole = seen.iter().filter(|request| request.body == b"0123456789");
    assert_eq!(whole.count(), 4, "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_any_size_arrives_whole_however_it_is_framed_and_cut() {
    let transport = Transport::start().await;
    let host = transport.host();
    let h2 = H2Client::connect(&transport.authority, transport.tls_port).await;
    let uri = format!("https://localhost:{}/", transport.tls_port);
    let mut sent = 0;
    for length in [
        0,
        1,
        20_000,
        32_768,
        WHOLE - 1,
        WHOLE,
        WHOLE + 1,
        98_304,
        131_072,
        500_000,
    ] {
        let body = bytes(length);
        let with_length = format!("Content-Length: {length}");
        let in_chunks = "Transfer-Encoding: chunked".to_owned();
        for (framing, wire) in [
            (&with_length, body.clone()),
            (&in_chunks, chunked(&body, 7_000)),
            (&in_chunks, chunked(&body, 40_000)),
            (&in_chunks, chunked(&body, length.max(1))),
        ] {
            let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\n{framing}\r\n\r\n");
            let mut plain = transport.connect().await;
            let tls = transport
                .authority
                .connect(transport.tls_port, "localhost", &[]);
            let mut tls = RawClient::over(tls.await.unwrap());
            plain.send([head.as_bytes(), &wire].concat()).await;
            assert_eq!(plain.answer().await.status, 200, "{length} {framing}");
            tls.send(head).await;
            for part in wire.chunks(25_000) {
                tls.send(part).await;
            }
            assert_eq!(
                tls.answer().await.status,
                200,
                "{length} {framing} over TLS"
            );
            sent += 2;
            let seen = transport.upstream.seen();
            let mut arrived = seen.iter().skip(sent - 2);
            assert!(
                arrived.all(|request| request.body == body),
                "{length} {framing}"
            );
            assert_eq!(seen.len(), sent);
        }
        let answer = h2.send(Request::post(&uri).body(()).unwrap(), &body).await;
        assert_eq!(answer.unwrap().status(), 200, "{length} over HTTP/2");
        sent += 1;
        let seen = transport.upstream.seen();
        assert!(seen.last().unwrap().body == body, "{length} over HTTP/2");
    }
    let mut client = transport.connect().await;
    for length in [10, 100_000] {
        let body = bytes(length);
        let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n");
        client
            .send([head.as_bytes(), &chunked(&body, 30)].concat())
            .await;
        assert_eq!(client.answer().await.status, 200, "the connection lives on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_for_a_go_ahead_gets_one_and_its_body_arrives() {
    let transport = Transport::start().await;
    let host = transport.host();
    for framing in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let mut client = transport.connect().await;
        client
            .send(format!(
                "POST / HTTP/1.1\r\nHost: {host}\r\n{framing}\r\nExpect: 100-Continue\r\n\r\n"
            ))
            .await;
        let interim = client.until(b"\r\n\r\n").await;
        assert_eq!(interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        let body = match framing.starts_with('C') {
            true => b"hello".to_vec(),
            false => chunked(b"hello", 2),
        };
        client.send(body).await;
        let answer = String::from_utf8(client.until(b"ok").await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let seen = transport.upstream.seen();
        let request = seen.last().unwrap();
        assert_eq!(request.body, b"hello");
        assert!(request.values("expect").is_empty(), "{}", request.head);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_on_a_streaming_route_is_passed_on_as_it_comes() {
    let transport = Transport::start_with(|folder| {
        let route = "\n  - id: streaming\n    path: /stream\n    target_service: demo_app\n    \
                     upstream_path: /stream\n    auth: none\n    streaming: true\n";
        folder.edit("routes.yaml", |text| format!("{text}{route}"));
    })
    .await;
    let host = transport.host();
    let mut client = transport.connect().await;
    client
        .send(format!(
            "POST /stream HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\nx"
        ))
        .await;
    connections(&transport, 1).await;
    client.send("y").await;
    assert_eq!(client.answer().await.status, 200);
}
