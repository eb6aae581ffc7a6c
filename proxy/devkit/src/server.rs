//! HTTP on loopback addresses: binding, serving, and answers that are never sent.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::locked::locked;

/// How often an ephemeral port is drawn again when only the other address family has it taken.
const PORT_ATTEMPTS: usize = 16;
/// It also ends idle connections, so it is longer than a client keeps one in its pool.
const HEADER_TIMEOUT: Duration = Duration::from_secs(300);
/// A pause after a failed accept, which is out of file descriptors at worst.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a part of devkit did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// devkit knows its users' passwords by heart and must not be reachable from elsewhere.
    #[error(
        "{0} is not a loopback address; devkit is for development and listens on 127.0.0.1, \
         ::1 or localhost only"
    )]
    NotLoopback(SocketAddr),
    /// The address is taken or not there.
    #[error("cannot listen on {address}: {source}; end what listens there or choose another port")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The demo's configuration or the one that was given does not load.
    #[error("{0}")]
    Configuration(#[from] crate::configuration::ConfigurationErrors),
    /// An issuer or another address that is no URL.
    #[error("`{value}` is not usable as {what}: {reason}")]
    Address {
        /// Which setting it is.
        what: &'static str,
        /// The value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The machine gave no key or no HTTP client.
    #[error("{0}")]
    Machine(&'static str),
}

/// Put into a response's extensions: the connection is closed in its place.
#[derive(Clone, Copy)]
pub(crate) struct AnswerIsLost;

/// A router that is served on loopback until it is dropped or goes away for a while.
pub(crate) struct Server {
    address: SocketAddr,
    router: Router,
    serving: Mutex<Option<JoinHandle<()>>>,
}

/// An address that is taken and not served yet, so that what is served can know its port.
pub(crate) struct Bound {
    address: SocketAddr,
    listeners: Vec<TcpListener>,
}

impl Bound {
    /// Takes an address and, since `localhost` may mean either, the same port of the other
    /// address family.
    pub(crate) async fn bind(wanted: SocketAddr) -> Result<Self, StartError> {
        if !wanted.ip().is_loopback() {
            return Err(StartError::NotLoopback(wanted));
        }
        let mut attempts = if wanted.port() == 0 { PORT_ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            match Self::bind_both(wanted).await {
                Err(_) if attempts > 0 => {}
                bound => return bound,
            }
        }
    }

    async fn bind_both(wanted: SocketAddr) -> Result<Self, StartError> {
        let failed = |address| move |source| StartError::Bind { address, source };
        let first = TcpListener::bind(wanted).await.map_err(failed(wanted))?;
        let address = first.local_addr().map_err(failed(wanted))?;
        let mut listeners = vec![first];
        if let Some(twin) = other_family(address) {
            match TcpListener::bind(twin).await {
                Ok(second) => listeners.push(second),
                Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
                    return Err(failed(twin)(source));
                }
                // A machine without the other family.
                Err(_) => {}
            }
        }
        Ok(Self { address, listeners })
    }

    /// The address, with the port that was given out.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the server is dropped or goes away.
    pub(crate) fn serve(self, router: Router) -> Server {
        let serving = serve(self.listeners, &router);
        Server {
            address: self.address,
            router,
            serving: Mutex::new(Some(serving)),
        }
    }
}

impl Server {
    /// The bound address; its port is the same on the other address family.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection and the port; what was answered so far stays known.
    pub(crate) async fn go_away(&self) {
        let serving = locked(&self.serving).take();
        if let Some(serving) = serving {
            serving.abort();
            // An aborted task ends with an error that says just that.
            let _ = serving.await;
        }
    }

    /// Listens again on the same port.
    pub(crate) async fn come_back(&self) -> Result<(), StartError> {
        self.go_away().await;
        let bound = Bound::bind(self.address).await?;
        *locked(&self.serving) = Some(serve(bound.listeners, &self.router));
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(serving) = locked(&self.serving).take() {
            serving.abort();
        }
    }
}

fn other_family(address: SocketAddr) -> Option<SocketAddr> {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V4(_) | IpAddr::V6(_) => return None,
    };
    Some(SocketAddr::new(ip, address.port()))
}

/// Accepts on every listener; aborting the task closes every connection at once.
fn serve(listeners: Vec<TcpListener>, router: &Router) -> JoinHandle<()> {
    let service = TowerToHyperService::new(router.clone());
    tokio::spawn(async move {
        let mut accepting = JoinSet::new();
        for listener in listeners {
            accepting.spawn(accept(listener, service.clone()));
        }
        accepting.join_all().await;
    })
}

async fn accept(listener: TcpListener, service: TowerToHyperService<Router>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, service.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, service: TowerToHyperService<Router>) {
    // Small answers must not wait for the peer's acknowledgement.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request: Request<Incoming>| {
        let answer = service.call(request.map(Body::new));
        async move {
            let response: Response<Body> = match answer.await {
                Ok(response) => response,
                Err(impossible) => match impossible {},
            };
            if response.extensions().get::<AnswerIsLost>().is_some() {
                return Err(io::Error::other("this answer is lost on purpose"));
            }
            Ok(response)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
