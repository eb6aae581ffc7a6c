//! TLS toward clients: versions, key exchange, certificates by host and their renewal.

use std::sync::Arc;

use rustls::NamedGroup;
use rustls::pki_types::CertificateDer;

use crate::support::certificates::{Authority, connect};
use crate::support::raw::RawClient;
use crate::support::transport::Transport;

/// The certificate that a client sees which names this host.
async fn shown(transport: &Transport, host: &str) -> Option<CertificateDer<'static>> {
    let stream = transport
        .authority
        .connect(transport.tls_port, host, &[])
        .await
        .ok()?;
    let (_, connection) = stream.get_ref();
    Some(connection.peer_certificates()?.first()?.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_prefers_post_quantum_keys_and_http2() {
    let transport = Transport::start().await;
    let connected = transport
        .authority
        .connect(transport.tls_port, "localhost", &["h2", "http/1.1"])
        .await
        .unwrap();
    let (_, connection) = connected.get_ref();
    let group = connection.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
    assert_eq!(connection.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(
        connection.protocol_version(),
        Some(rustls::ProtocolVersion::TLSv1_3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_puts_another_key_exchange_first_gets_that_one() {
    // What SECURITY.md says that rustls does not let a server choose.
    let transport = Transport::start().await;
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider
        .kx_groups
        .sort_by_key(|group| group.name() == NamedGroup::X25519MLKEM768);
    let first = provider.kx_groups[0].name();
    assert!(provider.kx_groups.len() > 1 && first != NamedGroup::X25519MLKEM768);
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(transport.authority.roots())
        .with_no_client_auth();
    let connected = connect(config, transport.tls_port, "localhost").await;
    let connected = connected.unwrap();
    let group = connected.get_ref().1.negotiated_key_exchange_group();
    assert_eq!(group.unwrap().name(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_client_is_served_with_tls_1_2_and_http_1() {
    let transport = Transport::start().await;
    let config = rustls::ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
        .with_root_certificates(transport.authority.roots())
        .with_no_client_auth();
    let connected = connect(config, transport.tls_port, "localhost")
        .await
        .unwrap();
    let mut client = RawClient::over(connected);
    let answer = client.get("/x", &transport.host()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(transport.upstream.seen()[0].line(), "GET /x HTTP/1.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protocol_that_is_not_spoken_is_no_handshake() {
    let transport = Transport::start().await;
    let refused = transport
        .authority
        .connect(transport.tls_port, "localhost", &["spdy/3"])
        .await;
    assert!(refused.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_the_certificate_for_the_host_that_it_names() {
    let transport = Transport::start().await;
    let (first, second) = (
        shown(&transport, "localhost").await.unwrap(),
        shown(&transport, "b.example").await.unwrap(),
    );
    assert_ne!(first, second);
    for (host, certificate) in [
        ("a.example", Some(&first)),
        ("A.EXAMPLE", Some(&first)),
        ("x.c.example", Some(&second)),
        // The first is shown, and the client refuses it.
        ("x.y.c.example", None),
        ("elsewhere.example", None),
    ] {
        assert_eq!(
            shown(&transport, host).await.as_ref(),
            certificate,
            "{host}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_without_a_restart_and_a_broken_one_is_not() {
    let transport = Transport::start().await;
    let before = shown(&transport, "localhost").await.unwrap();
    let folder = transport.folder.path();
    std::fs::write(
        folder.join("first.pem"),
        "-----BEGIN CERTIFICATE-----\nno\n",
    )
    .unwrap();
    transport
        .gateway
        .logs("changed certificates cannot be used")
        .await;
    assert_eq!(shown(&transport, "localhost").await.as_ref(), Some(&before));
    let strangers = Authority::new().issue(&["localhost"]);
    transport
        .authority
        .issue(&["localhost"])
        .write(folder, "first");
    strangers.write(folder, "strangers");
    std::fs::copy(
        folder.join("strangers-key.pem"),
        folder.join("first-key.pem"),
    )
    .unwrap();
    transport.gateway.logs("is not the key of").await;
    assert_eq!(shown(&transport, "localhost").await.as_ref(), Some(&before));
    let renewed = transport.authority.issue(&["localhost"]);
    renewed.write(folder, "first");
    transport
        .gateway
        .logs("changed certificates are shown from now on")
        .await;
    assert_eq!(
        shown(&transport, "localhost").await.as_ref(),
        Some(&renewed.certificate)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_is_an_error_of_check_and_start_that_names_the_file() {
    let mut transport = Transport::start().await;
    transport.gateway.stop().await;
    let folder = transport.folder.path();
    std::fs::copy(folder.join("second-key.pem"), folder.join("first-key.pem")).unwrap();
    for command in ["check", "run"] {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_tokenbridge"))
            .args([command, "--config"])
            .arg(folder)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "{command}");
        let problem = ".key_file: `first-key.pem` is not the key of";
        assert!(said.contains(problem), "{command}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_session_works_and_a_silent_handshake_ends() {
    let transport = Transport::start_with(|folder| {
        folder.edit("settings.yaml", |text| {
            format!("{text}\nlimits: {{header_timeout: 1s}}\n")
        });
    })
    .await;
    let config = Arc::new(transport.authority.client(&["http/1.1"]));
    for _ in 0..2 {
        let connected = connect((*config).clone(), transport.tls_port, "localhost").await;
        let mut client = RawClient::over(connected.unwrap());
        assert_eq!(client.get("/", &transport.host()).await.status, 200);
    }
    let mut silent = RawClient::connect(transport.tls_port).await;
    silent.send([22, 3, 1]).await;
    assert!(silent.is_closed().await);
}
