//! What ends at each hop, and the marks that a hop leaves.

mod forwarding;

use crate::support::ConfigurationFolder;
use crate::support::h2::H2Client;
use crate::support::raw::RawAnswer;
use crate::support::recorder::{Recorder, Reply};
use crate::support::transport::Transport;

async fn send(transport: &Transport, fields: &str) -> RawAnswer {
    let mut client = transport.connect().await;
    let host = transport.host();
    client
        .send(format!("GET /x HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"))
        .await;
    client.answer().await
}

fn add_routes(folder: &ConfigurationFolder, routes: &str) {
    folder.edit("routes.yaml", |text| format!("{text}\n{routes}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hop_adds_itself_to_via_in_both_directions() {
    let upstream = Recorder::start_with(|_| Reply::ok("Via: 1.1 inner\r\n")).await;
    let transport = Transport::start_at(upstream, |_| {}).await;
    let answer = send(&transport, "Via: 1.0 outer (a, b)\r\n").await;
    let via = transport.upstream.seen()[0].values("via");
    let us = via[0].strip_prefix("1.0 outer (a, b), 1.1 ").unwrap();
    assert!(us.starts_with("tokenbridge-"), "{via:?}");
    assert_eq!(
        answer.headers("via").join(", "),
        format!("1.1 inner, 1.1 {us}")
    );
    let mut old = transport.connect().await;
    let host = transport.host();
    old.send(format!("GET /x HTTP/1.0\r\nHost: {host}\r\n\r\n"))
        .await;
    old.answer().await;
    assert_eq!(
        transport.upstream.seen()[1].values("via"),
        [format!("1.0 {us}")]
    );
    let client = H2Client::connect(&transport.authority, transport.tls_port).await;
    let uri = format!("https://localhost:{}/", transport.tls_port);
    assert_eq!(client.get(&uri).await.status(), 200);
    assert_eq!(
        transport.upstream.seen()[2].values("via"),
        [format!("2 {us}")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_its_own_upstream_notices_it() {
    let upstream = Recorder::start().await;
    let recorder = upstream.url();
    let transport = Transport::start_at(upstream, |folder| {
        let own = format!("http://127.0.0.1:{}", folder.port());
        folder.replace("routes.yaml", &recorder, &own);
    })
    .await;
    let answer = send(&transport, "").await;
    assert_eq!(
        (answer.status, answer.code()),
        (508, "LOOP_DETECTED".into())
    );
    let told = answer.headers("proxy-status").join(", ");
    assert!(
        told.starts_with("tokenbridge; error=proxy_loop_detected"),
        "{told}"
    );
    assert_eq!(
        answer
            .headers("via")
            .join(", ")
            .matches("tokenbridge-")
            .count(),
        2
    );
    transport.gateway.logs("LOOP_DETECTED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circle_over_http2_is_noticed_as_well() {
    let upstream = Recorder::start().await;
    let recorder = upstream.url();
    let transport = Transport::start_at(upstream, |folder| {
        let settings = std::fs::read_to_string(folder.path().join("settings.yaml")).unwrap();
        let (_, after) = settings.split_once("- address: 127.0.0.1:").unwrap();
        let port = after.split('\n').next().unwrap();
        let own = format!(
            "https://localhost:{port}\"\n    tls_verify: false\n    http2: true\n    timeout: \"30s"
        );
        folder.replace("routes.yaml", &recorder, &own);
    })
    .await;
    let client = H2Client::connect(&transport.authority, transport.tls_port).await;
    let uri = format!("https://localhost:{}/", transport.tls_port);
    let answer = client.get(&uri).await;
    assert_eq!(
        (answer.status(), answer.code()),
        (508, "LOOP_DETECTED".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_says_of_its_connection_does_not_reach_the_client() {
    let fields = "Connection: X-Secret, keep-alive, Upgrade\r\nUpgrade: h2c\r\nX-Secret: a\r\nKeep-Alive: timeout=9\r\n\
                  Proxy-Authenticate: Basic\r\nProxy-Connection: x\r\nTE: trailers\r\n\
                  Trailer: X-Later\r\nX-Stays: b\r\n";
    let upstream = Recorder::start_with(move |_| Reply::ok(fields)).await;
    let transport = Transport::start_at(upstream, |_| {}).await;
    let answer = send(&transport, "").await;
    assert_eq!(answer.header("x-stays"), Some("b"));
    assert_eq!(answer.headers("connection"), ["keep-alive"]);
    let client = H2Client::connect(&transport.authority, transport.tls_port).await;
    let uri = format!("https://localhost:{}/", transport.tls_port);
    let over_h2 = client.get(&uri).await;
    assert_eq!(over_h2.header("x-stays"), Some("b"));
    for name in [
        "x-secret",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
    ] {
        assert_eq!(answer.header(name), None, "{name}");
        assert_eq!(over_h2.header(name), None, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_can_neither_set_nor_delete_our_cookies_nor_send_its_own_hops_before_its_answer()
 {
    let upstream = Recorder::start_with(|_| {
        let cookies = "Set-Cookie: bff_session=theirs; Path=/\r\nset-cookie: theme=dark\r\n\
                       Set-Cookie: bff_session=; Max-Age=0\r\nSet-Cookie:  bff_session_login_1=x\r\n\
                       Set-Cookie: =bff_session=nameless\r\nSet-Cookie: = bff_session=x; Path=/\r\n\
                       Clear-Site-Data: \"cookies\", \"cache\"\r\nClear-Site-Data: \"storage\", \"*\"\r\n";
        let early = "Connection: X-Secret\r\nX-Secret: a\r\nKeep-Alive: timeout=9\r\nLink: </a>\r\n";
        Reply::Bytes(
            format!(
                "HTTP/1.1 103 Early Hints\r\n{early}{cookies}\r\n\
                 HTTP/1.1 200 OK\r\n{cookies}Content-Length: 2\r\n\r\nok"
            )
            .into_bytes(),
        )
    })
    .await;
    let transport = Transport::start_at(upstream, |_| {}).await;
    let (mut client, host) = (transport.connect().await, transport.host());
    client
        .send(format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        ))
        .await;
    let all = String::from_utf8(client.rest().await).unwrap();
    assert!(all.ends_with("ok") && all.contains("theme=dark"), "{all}");
    for name in [
        "bff_session",
        "X-Secret",
        "Keep-Alive",
        "cookies",
        "storage",
        "*",
    ] {
        assert!(!all.contains(name), "{name}: {all}");
    }
    let client = H2Client::connect(&transport.authority, transport.tls_port).await;
    let uri = format!("https://localhost:{}/", transport.tls_port);
    let answer = client.get(&uri).await;
    let cookies = answer.head.headers().get_all("set-cookie").iter();
    assert_eq!(cookies.collect::<Vec<_>>(), ["theme=dark"]);
    assert_eq!(answer.header("clear-site-data"), Some("\"cache\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_says_of_its_connection_does_not_reach_the_upstream() {
    // CVE-2026-105299: the next hop must not drop what we add.
    let transport = Transport::start().await;
    let fields = "Connection: authorization, cookie, via, x-request-id, X-Nominated\r\n\
                  X-Nominated: a\r\nTE: trailers\r\nTrailer: X-Later\r\nKeep-Alive: timeout=9\r\n\
                  Proxy-Connection: x\r\nProxy-Authorization: Basic eDp5\r\nX-Stays: b\r\n";
    assert_eq!(send(&transport, fields).await.status, 200);
    let seen = &transport.upstream.seen()[0];
    assert_eq!(seen.values("x-stays"), ["b"]);
    for name in [
        "x-nominated",
        "te",
        "trailer",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
    ] {
        assert!(seen.values(name).is_empty(), "{name}: {}", seen.head);
    }
    assert_eq!(seen.values("x-request-id").len(), 1);
    assert_eq!(seen.values("via").len(), 1);
    assert!(
        !seen
            .values("connection")
            .join(",")
            .contains("authorization")
    );
    // Nominating the fields that say who asks is refused.
    let refused = send(&transport, "Connection: x-forwarded-for\r\n").await;
    assert_eq!(
        (refused.status, refused.code()),
        (400, "HEADER_INVALID".into())
    );
    assert_eq!(transport.upstream.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_may_pass_named_headers_in_that_spelling_alone() {
    let transport = Transport::start_with(|folder| {
        let route = "  - id: passing\n    path: /x\n    target_service: demo_app\n    \
                     upstream_path: /x\n    auth: none\n    \
                     pass_headers: [X-User-Locale, Authorization]\n";
        add_routes(folder, route);
    })
    .await;
    let fields = "X-User-Locale: de\r\nX_User_Locale: forged\r\nX-User-Id: forged\r\n\
                  Authorization: Basic eDp5\r\n";
    assert_eq!(send(&transport, fields).await.status, 200);
    let seen = &transport.upstream.seen()[0];
    assert_eq!(seen.values("x-user-locale"), ["de"]);
    assert_eq!(seen.values("authorization"), ["Basic eDp5"]);
    assert!(!seen.head.contains("forged"), "{}", seen.head);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoded_slash_passes_only_on_a_route_that_keeps_it() {
    let transport = Transport::start_with(|folder| {
        let route = "  - id: files\n    path: /files/*\n    target_service: demo_app\n    \
                     upstream_path: /stored/{path}\n    auth: none\n    encoded_slash: keep\n";
        add_routes(folder, route);
    })
    .await;
    let mut client = transport.connect().await;
    let host = transport.host();
    assert_eq!(client.get("/files/a%2fb?c=%2f", &host).await.status, 200);
    assert_eq!(
        transport.upstream.seen()[0].line(),
        "GET /stored/a%2Fb?c=%2f HTTP/1.1"
    );
    for target in [
        "/other/a%2fb",
        "/files%2fa",
        "/files/..%2fa",
        "/files/a%2f%2fb",
    ] {
        let answer = client.get(target, &host).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "TARGET_INVALID".into()),
            "{target}"
        );
    }
    assert_eq!(transport.upstream.seen().len(), 1);
}
