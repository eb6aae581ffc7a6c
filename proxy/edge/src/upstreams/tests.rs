use std::time::Duration;

use tokenbridge_bridge::service::{
    Mint, ServiceName, Strategy, TargetParameter, TokenFormat, TokenPlan,
};
use tokenbridge_config::service::{Upstream as Address, UpstreamTimeouts, UpstreamTls};

use super::*;

const NOW: UnixTime = UnixTime::from_seconds(1_000);

fn service(scheme: Scheme, host: &str) -> Service {
    let name = ServiceName::new("s");
    let second = Duration::from_secs(1);
    Service {
        name: name.clone(),
        upstream: Address {
            scheme,
            host: host.into(),
            port: 8443,
            base_path: String::new(),
        },
        http2: false,
        tls: UpstreamTls {
            verify: true,
            ca_file: None,
            client_certificate: None,
        },
        timeouts: UpstreamTimeouts {
            connect: second,
            read: second,
            write: second,
            idle: second,
            total: second,
        },
        token: TokenPlan {
            issuer: None,
            service: name,
            strategy: Strategy::Login,
            target_parameter: TargetParameter::None,
            target_value: None,
            scopes: Vec::new(),
            audience: None,
            format: TokenFormat::Jwt,
            mint: Mint::Login,
        },
    }
}

fn upstream(scheme: Scheme, host: &str) -> Upstream {
    Upstream::new(&service(scheme, host), 7).unwrap()
}

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn next(upstream: &Upstream) -> String {
    upstream
        .peer(|| NOW)
        .map_or_else(|| "none".into(), |peer| peer._address.to_string())
}

#[test]
fn a_tls_peer_always_has_a_name_to_verify() {
    for host in ["api.example", "192.0.2.1"] {
        let upstream = upstream(Scheme::Https, host);
        upstream.resolved(&[socket("192.0.2.1:8443")]);
        let peer = upstream.peer(|| NOW).unwrap();
        // The framework verifies nothing when the name is empty.
        assert_eq!(peer.sni, host);
        assert!(peer.options.verify_cert && peer.options.verify_hostname);
    }
}

#[test]
fn a_name_has_no_peer_before_it_resolves_and_an_address_has_one_at_once() {
    assert_eq!(next(&upstream(Scheme::Http, "api.example")), "none");
    assert_eq!(next(&upstream(Scheme::Http, "192.0.2.1")), "192.0.2.1:8443");
}

#[test]
fn an_address_that_refused_is_passed_over_unless_all_did() {
    let upstream = upstream(Scheme::Http, "api.example");
    let (first, second) = (socket("192.0.2.1:8443"), socket("192.0.2.2:8443"));
    upstream.resolved(&[first, second]);
    upstream.refused(&first, NOW);
    assert_eq!(
        [next(&upstream), next(&upstream), next(&upstream)],
        ["192.0.2.2:8443"; 3]
    );
    upstream.refused(&second, NOW);
    let mut both = [next(&upstream), next(&upstream)];
    both.sort();
    assert_eq!(both, ["192.0.2.1:8443", "192.0.2.2:8443"]);
}

#[test]
fn a_lookup_with_the_same_answer_forgets_nothing() {
    let upstream = upstream(Scheme::Http, "api.example");
    let (first, second) = (socket("192.0.2.1:8443"), socket("192.0.2.2:8443"));
    upstream.resolved(&[first, second]);
    upstream.refused(&first, NOW);
    upstream.resolved(&[first, second]);
    assert_eq!([next(&upstream), next(&upstream)], ["192.0.2.2:8443"; 2]);
}

#[test]
fn services_never_share_connections() {
    let services = [
        service(Scheme::Https, "192.0.2.1"),
        service(Scheme::Https, "192.0.2.1"),
    ];
    let upstreams = Upstreams::new(&services).unwrap_or_else(|_| panic!("no TLS files"));
    let keys: Vec<u64> = upstreams
        .iter()
        .filter_map(|upstream| upstream.peer(|| NOW))
        .map(|peer| peer.group_key)
        .collect();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys.first(), keys.last());
}

#[test]
fn a_tls_file_that_cannot_be_used_is_named() {
    let mut broken = service(Scheme::Https, "api.example");
    broken.tls.ca_file = Some("/nonexistent/ca.pem".into());
    let problems = Upstream::new(&broken, 7).err().unwrap();
    assert!(
        problems
            .iter()
            .any(|problem| problem.to_string().contains("/nonexistent/ca.pem"))
    );
}
