//! Mistakes that other gateways have made, tried here. SECURITY.md names the advisories; most of
//! them have their test beside what they are about, these are the rest.

use http::Request;

use crate::support::Installation;
use crate::support::certificates::Authority;
use crate::support::h2::H2Client;
use crate::support::raw::RawClient;
use crate::support::recorder::{Recorder, Reply};
use crate::support::transport::Transport;

/// An installation whose crud service is the recorder.
async fn recorded(authority: &Authority, recorder: &Recorder) -> (Installation, u16) {
    let (mut port, url) = (0, recorder.url());
    let installation = Installation::start_with(|folder| {
        port = folder.listen_tls(authority);
        folder.edit("routes.yaml", |text| {
            let (before, after) = text.split_once("crud_service:").unwrap();
            let (_, rest) = after.split_once("base_url:").unwrap();
            let (_, rest) = rest.split_once('\n').unwrap();
            format!("{before}crud_service:\n    base_url: {url}\n{rest}")
        });
    })
    .await;
    (installation, port)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_cookie_reaches_no_upstream_over_any_protocol() {
    // GHSA-vvg7-p7jw-8qr3.
    let authority = Authority::new();
    let recorder = Recorder::start_with(|request| {
        match request.values("upgrade").is_empty() {
        true => Reply::ok(""),
        false => Reply::Last(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
                .to_vec(),
        ),
    }
    })
    .await;
    let (installation, port) = recorded(&authority, &recorder).await;
    let browser = installation.logged_in("alice").await;
    let session = installation.session_cookie(&browser).unwrap();
    let host = format!("localhost:{}", installation.folder.port());
    let cookies =
        format!("Cookie: a=1; bff_session={session}\r\nCookie: bff_session_login_x=y; b=2\r\n");
    let websocket = format!(
        "Origin: http://{host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    );
    for (more, status) in [("", 200), (websocket.as_str(), 101)] {
        let mut client = RawClient::connect(installation.folder.port()).await;
        client
            .send(format!(
                "GET /api/v1/crud/x HTTP/1.1\r\nHost: {host}\r\n{cookies}{more}\r\n"
            ))
            .await;
        assert_eq!(client.answer().await.status, status);
    }
    let h2 = H2Client::connect(&authority, port).await;
    let request = Request::get(format!("https://localhost:{port}/api/v1/crud/x"))
        .header("cookie", "a=1")
        .header("cookie", format!("bff_session={session}"))
        .header("cookie", "b=2");
    let answer = h2.send(request.body(()).unwrap(), b"").await.unwrap();
    assert_eq!(answer.status(), 200);
    let seen = recorder.seen();
    assert_eq!(seen.len(), 3);
    for request in seen {
        assert_eq!(request.values("cookie"), ["a=1; b=2"], "{}", request.head);
        assert!(!request.head.contains(&session) && !request.head.contains("bff_session"));
        let authorization = request.values("authorization");
        assert!(authorization[0].starts_with("Bearer ey") && authorization.len() == 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_says_of_itself_never_stands_for_a_session() {
    // CVE-2022-29226, CVE-2026-34457, CVE-2026-40575, CVE-2025-54576, CVE-2026-44087.
    let recorder = Recorder::start().await;
    let (installation, _) = recorded(&Authority::new(), &recorder).await;
    let host = format!("localhost:{}", installation.folder.port());
    for (target, fields) in [
        (
            "/api/v1/crud/x",
            "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.\r\n",
        ),
        ("/api/v1/crud/x", "User-Agent: GoogleHC/1.0\r\n"),
        ("/api/v1/crud/x", "User-Agent: kube-probe/1.31\r\n"),
        (
            "/api/v1/crud/x",
            "X-Forwarded-Uri: /\r\nX-Original-URL: /\r\nX-Rewrite-URL: /\r\n",
        ),
        (
            "/api/v1/crud/x",
            "X-Forwarded-User: alice\r\nX-Auth-Request-User: alice\r\n",
        ),
        ("/api/v1/crud/x", "X-HTTP-Method-Override: OPTIONS\r\n"),
        ("/api/v1/crud/x?/auth/login", ""),
        ("/api/v1/crud/x?path=/public", ""),
    ] {
        let mut client = RawClient::connect(installation.folder.port()).await;
        client
            .send(format!(
                "GET {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"
            ))
            .await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.code()),
            (401, "SESSION_MISSING".into()),
            "{target} {fields}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let mut client = RawClient::connect(installation.folder.port()).await;
    let fragment = client.get("/api/v1/crud/x#/public", &host).await;
    assert_eq!(
        (fragment.status, fragment.code()),
        (400, "TARGET_INVALID".into())
    );
    assert!(recorder.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_identity_is_removed_from_preflights_and_requests_that_fail_as_well() {
    // mod_auth_openidc 2026-08: the shortcut for OPTIONS forwarded forged headers.
    let used = std::sync::atomic::AtomicUsize::new(0);
    let upstream = Recorder::start_with(move |_| {
        match used.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            1 => Reply::Last(Vec::new()),
            _ => Reply::ok(""),
        }
    })
    .await;
    let transport = Transport::start_at(upstream, |folder| {
        folder.add_settings("runtime: {threads: 1}")
    })
    .await;
    let host = transport.host();
    for method in ["OPTIONS", "PUT", "DELETE"] {
        let mut client = transport.connect().await;
        client
            .send(format!(
                "{method} / HTTP/1.1\r\nHost: {host}\r\nOrigin: https://evil.example\r\n\
                 Access-Control-Request-Method: PUT\r\nOIDC_CLAIM_sub: root\r\n\
                 X.Authenticated.User: root\r\nX_Remote_User: root\r\nContent-Length: 0\r\n\r\n"
            ))
            .await;
        assert_eq!(client.answer().await.status, 200, "{method}");
    }
    let seen = transport.upstream.seen();
    assert_eq!(seen.len(), 4, "one of them was sent again");
    for request in seen {
        assert!(!request.head.contains("root"), "{}", request.head);
    }
}

#[test]
fn the_lock_file_holds_versions_without_known_holes() {
    // The manifest asks for these itself; here it is held to that. CVE-2026-105299 is in pingora before
    // 0.9.0, which panics with tokio 1.54; h2 bounds resets (CVE-2023-44487, CVE-2025-8671).
    // The others it leaves open, or others bring them: versions before these would do for cargo, and
    // have CVE-2026-25541 (bytes), CVE-2024-12224 (idna), CVE-2025-4432 (ring), CVE-2024-11738
    // (rustls), RUSTSEC-2026-0098 and -0099 (rustls-webpki), CVE-2026-25727 (time), CVE-2025-58160
    // (tracing-subscriber).
    let lock = include_str!("../../../../Cargo.lock");
    for (name, least) in [
        ("pingora", (0, 9, 1)),
        ("pingora-core", (0, 9, 1)),
        ("pingora-proxy", (0, 9, 1)),
        ("pingora-http", (0, 9, 1)),
        ("h2", (0, 4, 12)),
        ("bytes", (1, 11, 1)),
        ("idna", (1, 0, 0)),
        ("ring", (0, 17, 12)),
        ("rustls", (0, 23, 18)),
        ("rustls-webpki", (0, 103, 12)),
        ("time", (0, 3, 47)),
        ("tracing-subscriber", (0, 3, 20)),
    ] {
        let entry = format!("name = \"{name}\"\nversion = \"");
        let versions: Vec<(u64, u64, u64)> = lock
            .match_indices(&entry)
            .map(|(at, _)| {
                let rest = &lock[at + entry.len()..];
                let mut parts = rest.split('"').next().unwrap().split('.');
                let mut part = || parts.next().unwrap().parse().unwrap();
                (part(), part(), part())
            })
            .collect();
        assert!(!versions.is_empty(), "{name}");
        assert!(
            versions.iter().all(|version| *version >= least),
            "{name} {versions:?}"
        );
    }
}
