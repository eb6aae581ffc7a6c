//! Upstream peers: addresses resolved off the request path, TLS settings read at start.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora_core::protocols::tls::CaType;
use pingora_core::upstreams::peer::{HttpPeer, PeerOptions};
use pingora_core::utils::tls::CertKey;
use tokenbridge_bridge::UnixTime;
use tokenbridge_config::service::{Scheme, Service};
use tokenbridge_config::tls_files::TlsFileProblem;

use crate::upstream_tls;

/// How long an address that refused a connection is passed over.
const PASSED_OVER: Duration = Duration::from_secs(5);

/// Requests at the same time on one HTTP/2 connection to a service.
const STREAMS: usize = 100;
/// How often such a connection is asked whether it is still there.
const PING: Duration = Duration::from_secs(20);

/// All services' peers, in the order of the configuration.
pub(crate) struct Upstreams {
    services: Vec<Upstream>,
}

/// One service's peers.
pub(crate) struct Upstream {
    host: String,
    port: u16,
    /// Host and port for the `Host` header.
    pub(crate) authority: http::HeaderValue,
    tls: bool,
    options: PeerOptions,
    client_certificate: Option<Arc<CertKey>>,
    /// Keeps connections of one service (with its CA, certificate and timeouts) from another's:
    /// the framework's pool key knows none of these.
    group_key: u64,
    addresses: ArcSwap<Vec<Address>>,
    next: AtomicUsize,
}

struct Address {
    socket: SocketAddr,
    passed_over_until: AtomicU64,
}

impl Upstreams {
    /// Prepares every service's peers.
    ///
    /// # Errors
    /// Every TLS file that cannot be used.
    pub(crate) fn new(services: &[Service]) -> Result<Self, Vec<TlsFileProblem>> {
        let keys = RandomState::new();
        let mut problems = Vec::new();
        let mut prepared = Vec::with_capacity(services.len());
        for (index, service) in services.iter().enumerate() {
            match Upstream::new(service, keys.hash_one(index)) {
                Ok(upstream) => prepared.push(upstream),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() {
            Ok(Self { services: prepared })
        } else {
            Err(problems)
        }
    }

    /// A service's peers, by its position in the configuration.
    pub(crate) fn get(&self, index: usize) -> Option<&Upstream> {
        self.services.get(index)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Upstream> {
        self.services.iter()
    }
}

impl Upstream {
    fn new(service: &Service, group_key: u64) -> Result<Self, Vec<TlsFileProblem>> {
        let tls = service.upstream.scheme == Scheme::Https;
        let (ca, client_certificate) = upstream_tls::read(service)?;
        let literal: Option<IpAddr> = service.upstream.host.parse().ok();
        let addresses = literal.map(|ip| Address::new(SocketAddr::new(ip, service.upstream.port)));
        let authority = http::HeaderValue::try_from(service.upstream.authority());
        Ok(Self {
            host: service.upstream.host.clone(),
            port: service.upstream.port,
            authority: authority.unwrap_or(http::HeaderValue::from_static("localhost")),
            tls,
            options: options(service, ca),
            client_certificate,
            group_key,
            addresses: ArcSwap::from_pointee(addresses.into_iter().collect()),
            next: AtomicUsize::new(0),
        })
    }

    /// The name to resolve; `None` where the configuration gives an address.
    pub(crate) fn name(&self) -> Option<(&str, u16)> {
        self.host
            .parse::<IpAddr>()
            .is_err()
            .then_some((&self.host, self.port))
    }

    /// Takes over what a name resolved to. Addresses that stay keep their state.
    pub(crate) fn resolved(&self, sockets: &[SocketAddr]) {
        let known = self.addresses.load();
        if known.len() == sockets.len()
            && known
                .iter()
                .zip(sockets)
                .all(|(known, new)| known.socket == *new)
        {
            return;
        }
        self.addresses.store(Arc::new(
            sockets.iter().copied().map(Address::new).collect(),
        ));
    }

    /// The next peer: round robin over the addresses, those that just refused passed over unless
    /// all did. `None` while nothing is resolved.
    pub(crate) fn peer(&self, now: impl Fn() -> UnixTime) -> Option<HttpPeer> {
        let addresses = self.addresses.load();
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let turn =
            |offset: usize| addresses.get(start.wrapping_add(offset) % addresses.len().max(1));
        let usable = (0..addresses.len())
            .filter_map(turn)
            .find(|address| address.usable(&now))
            .or_else(|| turn(0))?;
        // Without TLS nobody is told the name.
        let name = match self.tls {
            true => self.host.clone(),
            false => String::new(),
        };
        let mut peer = HttpPeer::new(usable.socket, self.tls, name);
        peer.options = self.options.clone();
        peer.client_cert_key = self.client_certificate.clone();
        peer.group_key = self.group_key;
        Some(peer)
    }

    /// How long it may take to accept what it is sent.
    pub(crate) fn write_timeout(&self) -> Duration {
        self.options.write_timeout.unwrap_or_default()
    }

    /// Whether many requests may share a connection to it.
    pub(crate) fn speaks_http2(&self) -> bool {
        self.options.alpn.get_max_http_version() == 2
    }

    /// Notes that an address refused a connection.
    pub(crate) fn refused(&self, socket: &SocketAddr, now: UnixTime) {
        let addresses = self.addresses.load();
        if let Some(address) = addresses.iter().find(|address| address.socket == *socket) {
            address
                .passed_over_until
                .store(now.plus(PASSED_OVER).seconds(), Ordering::Relaxed);
        }
    }
}

impl Address {
    fn new(socket: SocketAddr) -> Self {
        Self {
            socket,
            passed_over_until: AtomicU64::new(0),
        }
    }

    fn usable(&self, now: impl Fn() -> UnixTime) -> bool {
        let until = self.passed_over_until.load(Ordering::Relaxed);
        until == 0 || until <= now().seconds()
    }
}

fn options(service: &Service, ca: Option<Arc<CaType>>) -> PeerOptions {
    let mut options = PeerOptions::new();
    let timeouts = &service.timeouts;
    options.connection_timeout = Some(timeouts.connect);
    options.total_connection_timeout = Some(timeouts.connect);
    options.read_timeout = Some(timeouts.read);
    options.write_timeout = Some(timeouts.write);
    options.idle_timeout = Some(timeouts.idle);
    options.verify_cert = service.tls.verify;
    options.verify_hostname = service.tls.verify;
    options.ca = ca;
    if service.http2 {
        // Without TLS there is nothing that could agree on the version.
        let least = if service.upstream.scheme == Scheme::Https {
            1
        } else {
            2
        };
        options.set_http_version(2, least);
        options.max_h2_streams = STREAMS;
        options.h2_ping_interval = Some(PING);
    }
    options
}

#[cfg(test)]
mod tests;
