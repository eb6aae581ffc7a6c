//! Leading browsers to https and keeping them there.

use crate::support::ConfigurationFolder;
use crate::support::raw::RawClient;
use crate::support::recorder::Reply;
use crate::support::transport::Transport;

const PUBLIC: &str = "app.example.com";

/// The public URL of a deployment behind a load balancer.
fn public(folder: &ConfigurationFolder) {
    let local = format!("public_url: http://localhost:{}", folder.port());
    folder.replace(
        "settings.yaml",
        &local,
        &format!("public_url: https://{PUBLIC}"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_keeps_browsers_on_https() {
    let upstream = crate::support::recorder::Recorder::start_with(|_| {
        Reply::ok("Strict-Transport-Security: max-age=0\r\n")
    })
    .await;
    let transport = Transport::start_at(upstream, |folder| public(folder)).await;
    let mut client = transport.connect().await;
    for (target, status) in [("/", 200), ("/auth/nothing", 404), ("/auth/session", 401)] {
        let answer = client.get(target, PUBLIC).await;
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(
            answer.headers("strict-transport-security"),
            ["max-age=31536000"],
            "{target}"
        );
    }
    client.send("GET / HTTP/1.1\r\nX: a\0\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(
        answer.headers("strict-transport-security"),
        ["max-age=31536000"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_browsers_are_told_is_as_configured_and_nothing_on_a_loopback_host() {
    let plain = Transport::start().await;
    let answer = plain.connect().await.get("/", &plain.host()).await;
    assert_eq!(answer.header("strict-transport-security"), None);
    for (hsts, expected) in [
        ("{max_age: 0s}", None),
        (
            "{max_age: 730d, include_subdomains: true, preload: true}",
            Some("max-age=63072000; includeSubDomains; preload"),
        ),
    ] {
        let transport = Transport::start_with(|folder| {
            public(folder);
            folder.edit("settings.yaml", |text| format!("{text}\nhsts: {hsts}\n"));
        })
        .await;
        let answer = transport.connect().await.get("/", PUBLIC).await;
        assert_eq!(answer.header("strict-transport-security"), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_redirect_listener_leads_to_the_public_url_and_forwards_nothing() {
    let mut port = 0;
    let transport = Transport::start_with(|folder| {
        public(folder);
        port = crate::support::free_port();
        let anchor = format!("listen:\n  - 127.0.0.1:{}", folder.port());
        let redirecting =
            format!("{anchor}\n  - {{address: 127.0.0.1:{port}, redirect_to_https: true}}");
        folder.replace("settings.yaml", &anchor, &redirecting);
    })
    .await;
    for (target, led_to) in [
        ("/", "/"),
        ("/a/%7eb?x=%2F&y", "/a/~b?x=%2F&y"),
        ("/a%2fb", "/a%2Fb"),
    ] {
        let answer = RawClient::connect(port)
            .await
            .get(target, "evil.example")
            .await;
        assert_eq!(answer.status, 301, "{target}");
        let location = answer.header("location").unwrap();
        assert_eq!(location, format!("https://{PUBLIC}{led_to}"));
        assert_eq!(answer.header("strict-transport-security"), None);
        assert_eq!(answer.header("set-cookie"), None);
    }
    for (request, status) in [
        ("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n", 301),
        (
            "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
            405,
        ),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("GET //evil.example HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\\evil.example HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a\r\n\r\n", 400),
    ] {
        let mut client = RawClient::connect(port).await;
        client.send(request).await;
        let answer = client.answer_without_body().await;
        assert_eq!(answer.status, status, "{request:?}");
        assert_eq!(answer.header("connection"), Some("close"));
        let hsts = answer.header("strict-transport-security");
        assert_eq!(hsts, None, "{request:?}");
        let allowed = (status == 405).then_some("GET, HEAD");
        assert_eq!(answer.header("allow"), allowed, "{request:?}");
    }
    assert!(transport.upstream.seen().is_empty());
}
