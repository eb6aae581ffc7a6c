//! The load generator over HTTP/2: at a fixed rate its streams are paced as connections of HTTP/1.1
//! are, and a server that pauses is charged for every request that had to wait.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokenbridge_bench::certificate;
use tokenbridge_bench::load::{Answered, Ask, Load, Pace, Wire};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The generator has so many streams on each connection.
const STREAMS: usize = 8;

/// A server that speaks HTTP/2, and how many connections it has had.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

/// The first requests of each connection are answered after `pause`, the others at once.
fn serve(pause: Duration) -> Server {
    // One certificate for all tests of this process, as the generator trusts the first.
    static ACCEPTOR: std::sync::OnceLock<TlsAcceptor> = std::sync::OnceLock::new();
    let acceptor = ACCEPTOR.get_or_init(acceptor).clone();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(answer(acceptor.clone(), stream, pause));
            }
        });
    });
    Server {
        address,
        connections,
    }
}

fn acceptor() -> TlsAcceptor {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::TempDir::new().unwrap();
    certificate::write(folder.path()).unwrap();
    let file = |name: &str| Path::new(folder.path()).join(name);
    let chain = CertificateDer::pem_file_iter(file("certificate.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn answer(acceptor: TlsAcceptor, stream: TcpStream, pause: Duration) {
    let stream = acceptor.accept(stream).await.unwrap();
    let mut connection = h2::server::handshake(stream).await.unwrap();
    let mut asked = 0;
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let pause = if asked < STREAMS {
            pause
        } else {
            Duration::ZERO
        };
        asked += 1;
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            respond
                .send_response(http::Response::new(()), true)
                .unwrap();
        });
    }
}

fn load(server: &Server, lanes: usize, rate: f64, time: Duration) -> Answered {
    let load = Load {
        address: server.address,
        wire: Wire::TlsHttp2,
        connections: lanes,
        warm_up: Duration::ZERO,
        pace: Pace::PerSecond(rate),
        time,
        requests: u64::MAX,
    };
    let ask = Ask {
        method: "GET",
        path: "/".into(),
        fields: Vec::new(),
        tickets: Vec::new(),
        body: bytes::Bytes::new(),
        status: 200,
    };
    load.run(&ask, &mut || {}).unwrap()
}

#[test]
fn streams_send_no_more_than_the_rate_and_share_their_connections() {
    let server = serve(Duration::ZERO);
    let answered = load(&server, 2 * STREAMS, 200.0, Duration::from_millis(500));
    assert_eq!(server.connections.load(Ordering::Relaxed), 2);
    assert_eq!(answered.wrong, 0);
    assert!((1..=100).contains(&answered.right), "{}", answered.right);
}

#[test]
fn a_pause_is_charged_for_every_stream_request_that_it_held_up() {
    let server = serve(Duration::from_millis(500));
    // Each stream has a request every 100 ms: the first is answered after 500, and those that were
    // due meanwhile have waited for 400, 300, 200 and 100 ms.
    let answered = load(&server, STREAMS, 80.0, Duration::from_secs(1));
    assert_eq!(answered.wrong, 0);
    let held_up = answered
        .latencies
        .iter()
        .filter(|micros| **micros > 150_000);
    let held_up = held_up.count();
    assert!(held_up >= 3 * STREAMS, "{held_up} of {}", answered.right);
}
