//! Requests over HTTP/2, told by what the upstream saw of them.

use std::time::Duration;

use http::Request;
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::support::Installation;
use crate::support::certificates::Authority;
use crate::support::h2::H2Client;
use crate::support::transport::Transport;

async fn client(transport: &Transport) -> H2Client {
    H2Client::connect(&transport.authority, transport.tls_port).await
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_in_several_fields_are_one_session_and_one_field_at_the_upstream() {
    let authority = Authority::new();
    let mut port = 0;
    let installation =
        Installation::start_with(|folder| port = folder.listen_tls(&authority)).await;
    let browser = installation.logged_in("alice").await;
    let session = installation.session_cookie(&browser).unwrap();
    let client = H2Client::connect(&authority, port).await;
    let echo = format!("https://localhost:{port}/api/v1/crud/echo");
    let request = Request::get(&echo)
        .header("sec-fetch-site", "same-origin")
        .header("cookie", "theme=dark")
        .header("cookie", format!("bff_session={session}"))
        .header("cookie", "bff_session_login_1=x")
        .header("cookie", "lang=en");
    let answer = client.send(request.body(()).unwrap(), b"").await.unwrap();
    assert_eq!(answer.status(), 200, "{answer:?}");
    let echoed: Value = serde_json::from_slice(&answer.body).unwrap();
    let cookies: Vec<&Value> = echoed["headers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|pair| pair[0] == "cookie")
        .map(|pair| &pair[1])
        .collect();
    assert_eq!(cookies, ["theme=dark; lang=en"]);
    let twice = Request::get(&echo)
        .header("cookie", format!("bff_session={session}"))
        .header("cookie", "bff_session=x");
    let answer = client.send(twice.body(()).unwrap(), b"").await.unwrap();
    assert_eq!(
        (answer.status(), answer.code()),
        (400, "SESSION_AMBIGUOUS".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn authority_path_and_method_are_judged_as_over_http1() {
    let transport = Transport::start().await;
    let client = client(&transport).await;
    let host = format!("localhost:{}", transport.tls_port);
    for (method, uri, status, code) in [
        (
            "GET",
            "https://evil.example/".to_owned(),
            421,
            "HOST_UNKNOWN",
        ),
        (
            "GET",
            format!("https://{host}/a/../b"),
            400,
            "TARGET_INVALID",
        ),
        (
            "GET",
            format!("https://{host}/a/%2e%2E/b"),
            400,
            "TARGET_INVALID",
        ),
        ("GET", format!("https://{host}//a"), 400, "TARGET_INVALID"),
        (
            "GET",
            format!("https://{host}/a%2fb"),
            400,
            "TARGET_INVALID",
        ),
        ("GET", format!("https://{host}/a;b"), 400, "TARGET_INVALID"),
        (
            "TRACE",
            format!("https://{host}/"),
            405,
            "METHOD_NOT_ALLOWED",
        ),
        (
            "BREW",
            format!("https://{host}/"),
            405,
            "METHOD_NOT_ALLOWED",
        ),
        ("CONNECT", host.clone(), 405, "METHOD_NOT_ALLOWED"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(&uri)
            .body(())
            .unwrap();
        let answer = client.send(request, b"").await.unwrap();
        let given = (answer.status(), answer.code());
        assert_eq!(given, (status, code.to_owned()), "{method} {uri}");
        assert_eq!(answer.header("server"), None);
        assert_eq!(answer.header("x-request-id").map(str::len), Some(32));
    }
    // The framework refuses these itself.
    let other_host = Request::get(format!("https://{host}/")).header("host", "evil.example");
    let answer = client.send(other_host.body(()).unwrap(), b"").await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 400));
    assert_eq!(transport.upstream.connections(), 0);
    assert_eq!(
        client.get(&format!("https://{host}/last")).await.status(),
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_scheme_is_refused_and_http_changes_nothing_that_is_forwarded() {
    let transport = Transport::start().await;
    let client = client(&transport).await;
    let host = format!("localhost:{}", transport.tls_port);
    for scheme in ["ftp", "gopher", "javascript"] {
        let answer = client.get(&format!("{scheme}://{host}/")).await;
        let given = (answer.status(), answer.code());
        assert_eq!(given, (400, "TARGET_INVALID".into()), "{scheme}");
    }
    assert_eq!(transport.upstream.connections(), 0);
    for scheme in ["https", "http"] {
        let answer = client.get(&format!("{scheme}://{host}/x")).await;
        assert_eq!(answer.status(), 200, "{scheme}");
    }
    let seen = transport.upstream.seen();
    assert_eq!(seen[0].line(), seen[1].line());
    for name in ["x-forwarded-proto", "x-forwarded-host", "host"] {
        assert_eq!(seen[0].values(name), seen[1].values(name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_matched_of_a_path_with_a_fragment_is_what_is_forwarded() {
    // The framework cuts it off before anything of ours can see it.
    let transport = Transport::start().await;
    let host = format!("localhost:{}", transport.tls_port);
    let mut stream = transport
        .authority
        .connect(transport.tls_port, "localhost", &["h2"])
        .await
        .unwrap();
    let literal = |index: u8, value: &str| {
        let mut field = vec![index, value.len() as u8];
        field.extend(value.as_bytes());
        field
    };
    // RFC 7541 § 6: `:method GET` and `:scheme https` by index, `:path` and `:authority` as literals.
    let path = literal(0x04, "/seen?a#/../hidden");
    let block = [vec![0x82, 0x87], path, literal(0x01, &host)].concat();
    let mut wire = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    wire.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    wire.extend([0, 0, block.len() as u8, 1, 5, 0, 0, 0, 1]);
    wire.extend(block);
    stream.write_all(&wire).await.unwrap();
    stream.flush().await.unwrap();
    while transport.upstream.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(transport.upstream.seen()[0].line(), "GET /seen?a HTTP/1.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_stands_twice_or_is_spelled_otherwise_is_refused_as_over_http1() {
    let transport = Transport::start().await;
    let client = client(&transport).await;
    let uri = format!("https://localhost:{}/x", transport.tls_port);
    for (first, second) in [
        ("content-length", "content-length"),
        ("content-length", "content_length"),
        ("transfer_encoding", "x-a"),
    ] {
        let request = Request::post(&uri).header(first, "5").header(second, "5");
        let request = request.body(()).unwrap();
        let answer = client.send(request, b"hello").await.unwrap();
        let given = (answer.status(), answer.code());
        assert_eq!(given, (400, "FRAMING_INVALID".into()), "{first} {second}");
    }
    assert_eq!(transport.upstream.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_a_connection_does_not_cross_into_http1() {
    let transport = Transport::start().await;
    let client = client(&transport).await;
    let uri = format!("https://localhost:{}/x", transport.tls_port);
    let request = Request::post(&uri)
        .header("te", "trailers")
        .header("x-a", "b");
    let answer = client
        .send(request.body(()).unwrap(), b"hello")
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let seen = transport.upstream.seen();
    assert_eq!(seen[0].line(), "POST /x HTTP/1.1");
    assert_eq!(seen[0].body, b"hello");
    assert_eq!(seen[0].values("host").len(), 1);
    for name in ["te", "connection", "upgrade"] {
        assert!(seen[0].values(name).is_empty(), "{}", seen[0].head);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn header_lists_have_a_limit_that_split_cookies_do_not_get_around() {
    // CVE-2026-47774 (Envoy), CVE-2026-105297 (Pingora).
    let transport = Transport::start().await;
    let client = client(&transport).await;
    let uri = format!("https://localhost:{}/", transport.tls_port);
    for (count, size) in [(1, 40_000), (90, 500), (3_000, 1)] {
        let mut request = Request::get(&uri);
        for number in 0..count {
            request = request.header("cookie", format!("c{number}={}", "x".repeat(size)));
        }
        let answer = client.send(request.body(()).unwrap(), b"").await.unwrap();
        assert_eq!(answer.status(), 431, "{count} cookies of {size} bytes");
    }
    assert_eq!(transport.upstream.connections(), 0);
    // As many as a browser may well have are no more than one field.
    let mut request = Request::get(&uri);
    for number in 0..150 {
        request = request.header("cookie", format!("c{number}=x"));
    }
    let answer = client.send(request.body(()).unwrap(), b"").await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(transport.upstream.seen()[0].values("cookie").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_a_number_of_requests_and_does_not_idle_for_ever() {
    let transport = Transport::start_with(|folder| {
        folder.add_settings(
            "limits: {requests_per_connection: 3, keepalive_timeout: 1s, header_timeout: 1s}",
        );
    })
    .await;
    let uri = format!("https://localhost:{}/", transport.tls_port);
    let used_up = client(&transport).await;
    for _ in 0..3 {
        assert_eq!(used_up.get(&uri).await.status(), 200);
    }
    let fourth = used_up
        .send(Request::get(&uri).body(()).unwrap(), b"")
        .await;
    assert!(fourth.is_err(), "{fourth:?}");
    let idle = client(&transport).await;
    assert_eq!(idle.get(&uri).await.status(), 200);
    assert!(idle.ends_within(Duration::from_secs(30)).await);
    // A client that never says a word of HTTP/2.
    let connected = transport
        .authority
        .connect(transport.tls_port, "localhost", &["h2"])
        .await;
    let mut silent = crate::support::raw::RawClient::over(connected.unwrap());
    silent.rest().await;
}
