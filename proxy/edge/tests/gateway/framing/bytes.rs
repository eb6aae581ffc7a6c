//! Every byte at every place of a head: whatever the framework would make of it, the answer is
//! ours.

use crate::support::transport::Transport;

/// Heads with a byte in them; `HOST` stands for the gateway's.
const PLACES: [(&str, &str); 9] = [
    ("G", "T / HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    ("GET /a", "b HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    ("GET /?a", "b HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    ("GET http://HOST", "/ HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    ("GET / HTTP/1.", "\r\nHost: HOST\r\n\r\n"),
    ("GET / HTTP/1.1\r\nHost: HOST", "\r\n\r\n"),
    ("GET / HTTP/1.1\r\nHost: HOST\r\nX", "Y: a\r\n\r\n"),
    ("GET / HTTP/1.1\r\nHost: HOST\r\nX: a", "b\r\n\r\n"),
    ("GET / HTTP/1.1\r\nHost: HOST\r\nConnection: a", "b\r\n\r\n"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_byte_stands_anywhere_the_answer_is_the_gateways_own() {
    let transport = Transport::start().await;
    let host = transport.host();
    let mut foreign = Vec::new();
    for (before, after) in PLACES {
        for byte in u8::MIN..=u8::MAX {
            let shown = format!("{before:?} {byte:#04x} {after:?}");
            let (before, after) = (before.replace("HOST", &host), after.replace("HOST", &host));
            let mut client = transport.connect().await;
            client
                .send([before.as_bytes(), &[byte], after.as_bytes()].concat())
                .await;
            let answer = client.answer().await;
            let id = answer.header("x-request-id").map(str::len);
            let is_problem = answer.header("content-type") == Some("application/problem+json");
            let told = answer.status == 200 || (is_problem && !answer.code().is_empty());
            if id != Some(32) || answer.header("server").is_some() || !told {
                foreign.push(format!("{shown}: {}", answer.status));
            }
        }
    }
    assert!(foreign.is_empty(), "{foreign:#?}");
    let metrics = transport.metrics().await;
    assert!(
        metrics.contains("bff_malformed_requests_total 0"),
        "the framework refused none itself: {metrics}"
    );
}
