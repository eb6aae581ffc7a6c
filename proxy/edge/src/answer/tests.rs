//! When an early answer is written, on a clock that moves only while everybody waits.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

use super::*;

const NAMED: Stamp<'static> = Stamp {
    request_id: "id",
    hsts: None,
};

/// A client that has sent `text`, and the gateway's end of its connection after the head was read.
async fn connected(text: &str) -> (DuplexStream, HttpSession) {
    let (mut client, server) = tokio::io::duplex(256 * 1024);
    client.write_all(text.as_bytes()).await.unwrap();
    let mut http = HttpSession::new_h1(Box::new(server));
    assert!(http.as_downstream_mut().read_request().await.unwrap());
    http.set_keepalive(Some(60));
    (client, http)
}

/// Answers a client that sends no more than `text`: what it reads first, and how long that took.
async fn answered(text: &str) -> (String, Duration) {
    let (mut client, mut http) = connected(text).await;
    let begun = Instant::now();
    let reading = async {
        let mut bytes = vec![0; 4096];
        let length = client.read(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        (text, begun.elapsed())
    };
    let answer = Answer::empty(StatusCode::PAYLOAD_TOO_LARGE);
    let (read, sent) = tokio::join!(reading, answer.send(&mut http, &NAMED));
    sent.unwrap();
    read
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sent_the_head_alone_is_answered_without_its_body() {
    for (framing, most) in [
        ("Content-Length: 200000", Duration::ZERO),
        ("Content-Length: 5", DRAINED_PAUSE * 2),
        ("Transfer-Encoding: chunked", DRAINED_PAUSE * 2),
    ] {
        let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
        let (answer, after) = answered(&text).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{framing}: {answer}");
        let told = answer.to_ascii_lowercase().contains("connection: close");
        assert!(told, "{framing}: {answer}");
        assert!(after <= most, "{framing}: {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_body_that_is_there_keeps_the_connection() {
    let text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let (answer, after) = answered(text).await;
    assert_eq!(after, Duration::ZERO);
    let told = answer.to_ascii_lowercase();
    assert!(told.contains("connection: keep-alive"), "{answer}");
}
