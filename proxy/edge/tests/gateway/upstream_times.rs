//! Each step toward an upstream has its time, and retries have an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Barrier;

use crate::support::recorder::Recorder;
use crate::support::transport::Transport;

/// More kept connections than there are attempts.
const CLIENTS: usize = 5;
/// Longer than any wait here.
const LONG: Duration = Duration::from_secs(30);

/// A gateway whose pages come from an address, with keys of that service.
async fn at(url: &str, keys: &str) -> Transport {
    let upstream = Recorder::start().await;
    let recorder = format!("\"{}\"", upstream.url());
    Transport::start_at(upstream, |folder| {
        folder.add_settings("runtime: {threads: 1}\nlimits: {max_body: 64MiB}");
        folder.replace("routes.yaml", &recorder, &format!("\"{url}\"\n    {keys}"));
    })
    .await
}

fn url(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_does_not_come_about_is_given_up() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    // Nobody accepts, so further ones wait.
    let mut waiting = Vec::new();
    while let Ok(connection) =
        tokio::time::timeout(Duration::from_millis(500), TcpStream::connect(address)).await
    {
        waiting.push(connection.unwrap());
    }
    let transport = at(&url(&full), "connect_timeout: 1s").await;
    let mut client = transport.connect().await;
    let answer = client.get("/", &transport.host()).await;
    assert_eq!(
        (answer.status, answer.code()),
        (504, "UPSTREAM_TIMEOUT".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_takes_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let transport = at(&url(&listener), "write_timeout: 1s\n    timeout: 2s").await;
    let taken = tokio::spawn(async move { listener.accept().await });
    let mut client = transport.connect().await;
    let (host, length) = (transport.host(), 48 << 20);
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n"
        ))
        .await;
    let sending = client.send(vec![b'x'; length]);
    // The gateway stops reading where the upstream does.
    let _ = tokio::time::timeout(Duration::from_secs(5), sending).await;
    let answer = client.try_answer(false).await;
    let answer = answer.unwrap_or_else(|| panic!("no answer:\n{}", transport.gateway.log()));
    assert_eq!(
        (answer.status, answer.code()),
        (504, "UPSTREAM_TIMEOUT".into())
    );
    drop(taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_nobody_uses_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let transport = at(&url(&listener), "idle_timeout: 1s").await;
    let upstream = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 4 * 1024];
        let _ = stream.read(&mut bytes).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        stream.read(&mut bytes).await
    });
    let mut client = transport.connect().await;
    assert_eq!(client.get("/", &transport.host()).await.status, 200);
    let end = tokio::time::timeout(LONG, upstream).await;
    let end = end.expect("the connection ends").unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

/// Answers a connection's first request once all clients have one, and closes at its second.
async fn answer_once(mut stream: TcpStream, all: Arc<Barrier>, again: Arc<AtomicUsize>) {
    let mut bytes = [0; 4 * 1024];
    let _ = stream.read(&mut bytes).await.unwrap();
    all.wait().await;
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(answer).await.unwrap();
    if matches!(stream.read(&mut bytes).await, Ok(1..)) {
        again.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_tried_again_twice_at_most() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let transport = at(&url(&listener), "timeout: 10s").await;
    let (all, again) = (
        Arc::new(Barrier::new(CLIENTS)),
        Arc::new(AtomicUsize::new(0)),
    );
    let counted = again.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_once(stream, all.clone(), counted.clone()));
        }
    });
    let host = transport.host();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(transport.connect().await);
    }
    let first = clients.iter_mut().map(|client| client.get("/", &host));
    for answer in futures_util::future::join_all(first).await {
        assert_eq!(answer.status, 200);
    }
    let answer = clients[0].get("/again", &host).await;
    assert_eq!(
        (answer.status, answer.code()),
        (502, "UPSTREAM_FAILED".into())
    );
    assert_eq!(
        again.load(Ordering::Relaxed),
        3,
        "the first time and two more"
    );
}
