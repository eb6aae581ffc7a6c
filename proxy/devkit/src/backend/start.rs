//! Starting a backend, and the handle that tests and the program hold.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::crud::Items;
use super::issuer_keys::IssuerKeys;
use super::verifier::{Introspection, Verifier};
use super::{DemoData, router};
use crate::clock::Clock;
use crate::http_client::http_client;
use crate::locked::locked;
use crate::server::{Bound, Server, StartError};

/// How many requests are remembered.
const LOG_LENGTH: usize = 1_000;

/// How a backend is started.
#[derive(Clone, Debug)]
pub struct BackendOptions {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The name that answers carry as `service`.
    pub name: String,
    /// The path under which all of its routes are.
    pub base_path: String,
    /// Which data it has.
    pub data: DemoData,
    /// The audience that a token must be for.
    pub audience: String,
    /// The issuer that a token must come from.
    pub issuer: String,
    /// Where the issuer's keys are; read from its discovery when absent.
    pub jwks_uri: Option<String>,
    /// How to ask about tokens that are no JWTs; they are rejected when absent.
    pub introspection: Option<Introspection>,
    /// Where the time comes from.
    pub clock: Clock,
}

impl BackendOptions {
    /// The analytics backend of the demo, on a free port.
    pub fn analytics(issuer: impl Into<String>) -> Self {
        Self::demo("analytics", DemoData::Workflows, issuer.into())
    }

    /// The crud backend of the demo, on a free port.
    pub fn crud(issuer: impl Into<String>) -> Self {
        Self::demo("crud", DemoData::Items, issuer.into())
    }

    fn demo(name: &str, data: DemoData, issuer: String) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            name: name.to_owned(),
            base_path: format!("/api/v1/{name}"),
            data,
            audience: format!("https://{name}.example"),
            issuer,
            jwks_uri: None,
            introspection: None,
            clock: Clock::system(),
        }
    }
}

/// A request that arrived, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// The method.
    pub method: String,
    /// Path and query as they arrived.
    pub target: String,
    /// The status of the answer.
    pub status: u16,
    /// `sub` of the token, when there was a good one.
    pub subject: Option<String>,
}

/// Numbers since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendCounters {
    /// Requests that arrived.
    pub requests: u64,
    /// Those with a token that was accepted.
    pub accepted: u64,
    /// Those that were answered with 401.
    pub unauthorized: u64,
}

/// What the routes of a backend share.
pub(super) struct Service {
    pub(super) name: String,
    pub(super) base_path: String,
    pub(super) data: DemoData,
    pub(super) verifier: Verifier,
    pub(super) items: Items,
    rejections: AtomicU64,
    seen: Mutex<(BackendCounters, VecDeque<ReceivedRequest>)>,
}

impl Service {
    pub(super) fn note(&self, request: ReceivedRequest) {
        let mut seen = locked(&self.seen);
        let (counters, log) = &mut *seen;
        counters.requests += 1;
        counters.accepted += u64::from(request.subject.is_some());
        counters.unauthorized += u64::from(request.status == 401);
        log.push_back(request);
        while log.len() > LOG_LENGTH {
            log.pop_front();
        }
    }

    /// Whether this request is one of those that a test wants to be rejected.
    pub(super) fn takes_rejection(&self) -> bool {
        let take = |left: u64| left.checked_sub(1);
        self.rejections
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
            .is_ok()
    }
}

/// A running backend. Dropping it closes its port and every connection.
pub struct Backend {
    service: Arc<Service>,
    server: Server,
}

impl Backend {
    /// Binds and serves. The issuer need not be there yet.
    ///
    /// # Errors
    /// The address is taken or not loopback.
    pub async fn start(options: BackendOptions) -> Result<Self, StartError> {
        let client = http_client()?;
        let service = Arc::new(Service {
            name: options.name,
            base_path: options.base_path,
            data: options.data,
            verifier: Verifier {
                keys: IssuerKeys::new(client.clone(), options.issuer.clone(), options.jwks_uri),
                client,
                issuer: options.issuer,
                audience: options.audience,
                clock: options.clock,
                introspection: options.introspection,
            },
            items: Items::default(),
            rejections: AtomicU64::new(0),
            seen: Mutex::default(),
        });
        let bound = Bound::bind(options.listen).await?;
        let server = bound.serve(router(Arc::clone(&service)));
        Ok(Self { service, server })
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// `http://localhost:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.address().port())
    }

    /// What arrived so far.
    pub fn counters(&self) -> BackendCounters {
        locked(&self.service.seen).0
    }

    /// The last requests, the newest last. A request is there once it was answered.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        locked(&self.service.seen).1.iter().cloned().collect()
    }

    /// The next requests are answered with 401, whatever their tokens.
    pub fn reject_next(&self, requests: u64) {
        self.service.rejections.store(requests, Ordering::SeqCst);
    }

    /// Closes the port and every connection, as a backend that is down.
    pub async fn go_away(&self) {
        self.server.go_away().await;
    }

    /// Listens again on the same port.
    ///
    /// # Errors
    /// Somebody else took the port.
    pub async fn come_back(&self) -> Result<(), StartError> {
        self.server.come_back().await
    }
}
