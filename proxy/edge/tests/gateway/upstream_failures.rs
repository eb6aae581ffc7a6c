//! What a client is told when an upstream fails, and what is never sent twice.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use crate::support::ConfigurationFolder;
use crate::support::raw::RawAnswer;
use crate::support::recorder::{Recorded, Recorder, Reply, find};
use crate::support::transport::Transport;

/// Adds keys to the service of the pages.
fn service_keys(folder: &ConfigurationFolder, keys: &str) {
    folder.edit("routes.yaml", |text| {
        let at = text.find("demo_app:").unwrap() + "demo_app:".len();
        format!("{}\n    {keys}{}", &text[..at], &text[at..])
    });
}

/// Answers the first request of each connection, and closes at the second without a word.
fn closes_at_the_second(used: &Mutex<HashSet<usize>>, request: &Recorded) -> Reply {
    match used.lock().unwrap().insert(request.connection) {
        true => Reply::ok(""),
        false => Reply::Last(Vec::new()),
    }
}

async fn one_thread(upstream: Recorder) -> Transport {
    // With one thread there is one pool of upstream connections.
    Transport::start_at(upstream, |folder| {
        folder.add_settings("runtime: {threads: 1}")
    })
    .await
}

async fn ask(transport: &Transport, method: &str, path: &str, body: &str) -> RawAnswer {
    let mut client = transport.connect().await;
    let (host, length) = (transport.host(), body.len());
    client
        .send(format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await;
    client.answer().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_that_the_upstream_closed_costs_a_read_nothing_and_a_write_is_sent_once()
{
    let used = Mutex::new(HashSet::new());
    let upstream = Recorder::start_with(move |request| closes_at_the_second(&used, request)).await;
    let transport = one_thread(upstream).await;
    let lines = |seen: &[Recorded]| -> Vec<String> {
        seen.iter()
            .map(|request| request.line().to_owned())
            .collect()
    };
    assert_eq!(ask(&transport, "GET", "/1", "").await.status, 200);
    assert_eq!(ask(&transport, "GET", "/2", "").await.status, 200);
    let seen = transport.upstream.seen();
    assert_eq!(
        lines(&seen),
        ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1", "GET /2 HTTP/1.1"]
    );
    let answer = ask(&transport, "POST", "/3", "once").await;
    assert_eq!(
        (answer.status, answer.code()),
        (502, "UPSTREAM_FAILED".into())
    );
    assert_eq!(lines(&transport.upstream.seen()[3..]), ["POST /3 HTTP/1.1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_sent_again_is_whole_and_counts_once_against_its_limit() {
    let used = Mutex::new(HashSet::new());
    let upstream = Recorder::start_with(move |request| closes_at_the_second(&used, request)).await;
    let transport = Transport::start_at(upstream, |folder| {
        folder.add_settings("runtime: {threads: 1}\nlimits: {max_body: 1KiB}");
    })
    .await;
    let body = "x".repeat(1_000);
    assert_eq!(ask(&transport, "PUT", "/1", "").await.status, 200);
    assert_eq!(ask(&transport, "PUT", "/2", &body).await.status, 200);
    let seen = transport.upstream.seen();
    assert_eq!(seen.len(), 3);
    assert!(
        seen[1..]
            .iter()
            .all(|request| request.body == body.as_bytes())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_upstream_is_a_timeout_and_its_connection_is_given_up() {
    let upstream = Recorder::start_with(|_| Reply::Silence).await;
    let transport =
        Transport::start_at(upstream, |folder| service_keys(folder, "timeout: 1s")).await;
    let answer = ask(&transport, "GET", "/", "").await;
    assert_eq!(
        (answer.status, answer.code()),
        (504, "UPSTREAM_TIMEOUT".into())
    );
    assert_eq!(
        answer.header("proxy-status"),
        Some("tokenbridge; error=http_response_timeout")
    );
    assert_eq!(
        transport.upstream.seen().len(),
        1,
        "a timeout is not tried again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_is_not_completed() {
    let parts = vec![
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec(),
        b"5\r\nhel".to_vec(),
    ];
    let upstream =
        Recorder::start_with(move |_| Reply::Slowly(parts.clone(), Duration::from_millis(50)))
            .await;
    let transport = Transport::start_at(upstream, |_| {}).await;
    let mut client = transport.connect().await;
    let host = transport.host();
    client
        .send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
        .await;
    let all = client.rest().await;
    assert!(find(&all, b"hello").is_some());
    assert!(
        find(&all, b"\r\n0\r\n").is_none(),
        "the end must show that it is none"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_of_an_upstream_is_not_passed_on() {
    for nonsense in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        "nothing at all\r\n\r\n",
        "HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
    ] {
        let upstream = Recorder::start_with(|_| Reply::Last(nonsense.into())).await;
        let transport = Transport::start_at(upstream, |_| {}).await;
        let answer = ask(&transport, "POST", "/", "x").await;
        assert_eq!(
            (answer.status, answer.code()),
            (502, "UPSTREAM_ANSWER_INVALID".into()),
            "{nonsense:?}"
        );
        assert_eq!(
            answer.header("proxy-status"),
            Some("tokenbridge; error=http_protocol_error"),
            "{nonsense:?}"
        );
        assert_eq!(transport.upstream.seen().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_not_there_is_named_unavailable() {
    let transport = Transport::start_with(|folder| {
        folder.edit("routes.yaml", |text| {
            let at = text.find("demo_app:").unwrap();
            let (before, rest) = text.split_at(at);
            let (_, after) = rest.split_once("base_url: ").unwrap();
            let (_, after) = after.split_once('\n').unwrap();
            format!("{before}demo_app:\n    base_url: http://127.0.0.1:9\n{after}")
        });
    })
    .await;
    let answer = ask(&transport, "POST", "/", "x").await;
    assert_eq!(
        (answer.status, answer.code()),
        (503, "UPSTREAM_UNAVAILABLE".into())
    );
    assert!(answer.header("retry-after").is_some());
}
