//! TLS and HTTP/2 toward upstreams: who is believed, what is shown to them, what is spoken.

use std::path::Path;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{NamedGroup, ServerConfig};

use crate::support::certificates::Authority;
use crate::support::recorder::Recorder;
use crate::support::transport::Transport;

/// An upstream's TLS: its certificate is for these hosts, and `clients` must have signed whoever
/// calls.
fn server(authority: &Authority, hosts: &[&str], clients: Option<&Authority>) -> ServerConfig {
    crate::support::tls();
    let issued = authority.issue(hosts);
    let builder = ServerConfig::builder();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let roots = Arc::new(clients.roots());
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder(roots).build().unwrap())
        }
    };
    builder
        .with_single_cert(vec![issued.certificate.clone()], issued.private_key())
        .unwrap()
}

/// A gateway whose pages come from this upstream, with more keys of the service.
async fn gateway(upstream: Recorder, keys: &str, files: impl FnOnce(&Path)) -> Transport {
    Transport::start_at(upstream, |folder| {
        files(folder.path());
        folder.edit("routes.yaml", |text| {
            let port = text
                .lines()
                .skip_while(|line| !line.contains("demo_app:"))
                .find_map(|line| line.split("127.0.0.1:").nth(1))
                .unwrap()
                .trim_end_matches('"')
                .to_owned();
            text.replace(
                &format!("base_url: \"http://127.0.0.1:{port}\""),
                &format!("base_url: \"https://localhost:{port}\"\n{keys}"),
            )
        });
    })
    .await
}

async fn status(transport: &Transport) -> (u16, String) {
    let mut client = transport.connect().await;
    let answer = client.get("/x", &transport.host()).await;
    (answer.status, answer.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_of_an_own_authority_is_served_by_name() {
    let authority = Authority::new();
    let upstream = Recorder::start_tls(server(&authority, &["localhost"], None)).await;
    let transport = gateway(upstream, "    ca_file: ca.pem\n", |folder| {
        std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    })
    .await;
    assert_eq!(status(&transport).await.0, 200);
    assert_eq!(transport.upstream.seen()[0].line(), "GET /x HTTP/1.1");
    assert_eq!(
        transport.upstream.key_exchanges(),
        [NamedGroup::X25519MLKEM768]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_of_another_authority_or_name_gets_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for config in [
        server(&stranger, &["localhost"], None),
        server(&authority, &["elsewhere.example"], None),
    ] {
        let upstream = Recorder::start_tls(config).await;
        let transport = gateway(upstream, "    ca_file: ca.pem\n", |folder| {
            std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
        })
        .await;
        assert_eq!(status(&transport).await, (502, "UPSTREAM_UNTRUSTED".into()));
        assert!(transport.upstream.seen().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_systems_authorities_hold_where_none_is_named() {
    let upstream = Recorder::start_tls(server(&Authority::new(), &["localhost"], None)).await;
    let transport = gateway(upstream, "", |_| {}).await;
    assert_eq!(status(&transport).await, (502, "UPSTREAM_UNTRUSTED".into()));
    assert!(transport.upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_asks_for_a_certificate_gets_ours() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let keys =
        "    ca_file: ca.pem\n    client_cert_path: own.pem\n    client_key_path: own-key.pem\n";
    for (signed_by, expected) in [(&clients, 200), (&authority, 502)] {
        let config = server(&authority, &["localhost"], Some(&clients));
        let transport = gateway(Recorder::start_tls(config).await, keys, |folder| {
            std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
            signed_by.issue(&["gateway"]).write(folder, "own");
        })
        .await;
        assert_eq!(status(&transport).await.0, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken_where_the_upstream_agrees_and_http1_where_it_does_not() {
    let authority = Authority::new();
    for (alpn, line) in [
        (&["h2", "http/1.1"][..], "HTTP/2"),
        (&["http/1.1"], "GET /x HTTP/1.1"),
        (&[], "GET /x HTTP/1.1"),
    ] {
        let mut config = server(&authority, &["localhost"], None);
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let upstream = Recorder::start_tls(config).await;
        let keys = "    ca_file: ca.pem\n    http2: true\n";
        let transport = gateway(upstream, keys, |folder| {
            std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
        })
        .await;
        assert_eq!(status(&transport).await.0, 200, "{alpn:?}");
        let seen = transport.upstream.seen();
        assert!(seen[0].line().ends_with(line), "{:?}", seen[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_without_tls_is_spoken_on_request_and_shares_one_connection() {
    let transport = Transport::start_at(Recorder::start_h2().await, |folder| {
        folder.edit("settings.yaml", |text| {
            format!("{text}\nruntime: {{threads: 1}}\n")
        });
        folder.edit("routes.yaml", |text| {
            let at = text.find("demo_app:").unwrap() + "demo_app:".len();
            format!("{}\n    http2: true{}", &text[..at], &text[at..])
        });
    })
    .await;
    assert_eq!(status(&transport).await.0, 200);
    let requests = (0..20).map(|_| status(&transport));
    for (status, _) in futures_util::future::join_all(requests).await {
        assert_eq!(status, 200);
    }
    assert_eq!(transport.upstream.seen().len(), 21);
    assert_eq!(transport.upstream.connections(), 1);
    let seen = transport.upstream.seen();
    assert!(seen[0].line().ends_with("HTTP/2"), "{:?}", seen[0]);
}
