//! The checked configuration as a whole.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::csrf::CsrfRule;
use tokenbridge_bridge::route::RouteTable;
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::IdleTimeout;

use crate::issuer::{IssuerSettings, OtherIssuer};
use crate::limits::{Limits, RateLimits};
use crate::listen::{ForwardAuth, Hsts, Listener};
use crate::problem::{Places, Spot};
use crate::process::{Drain, Logging, Runtime};
use crate::public_url::PublicUrl;
use crate::service::Service;
use crate::store::StoreSettings;

/// Everything that the gateway runs with, checked as one. Made by loading a folder alone.
#[derive(Debug)]
pub struct Configuration {
    /// What is served: one while there is one public URL.
    pub frontend: Frontend,
    /// The public listeners, at least one.
    pub listen: Vec<Listener>,
    /// What browsers are told about https; sent where the public URL is https.
    pub hsts: Hsts,
    /// The address of the admin listener.
    pub admin: SocketAddr,
    /// Where sessions live.
    pub store: StoreSettings,
    /// `id:BASE64_OF_32_BYTES`, each checked. The first encrypts, all decrypt. May be empty with
    /// the memory store alone: then a key is made at every start.
    pub encryption_keys: Vec<Secret>,
    /// Bytes of sessions that each process keeps ready. The store's notices keep them true.
    pub session_cache: u64,
    /// Sizes, times and counts.
    pub limits: Limits,
    /// Token buckets.
    pub rate_limits: RateLimits,
    /// Peers whose `X-Forwarded-*`, `X-Request-ID` and `traceparent` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Header names that no client may send to an upstream, beside the built-in list.
    pub identity_headers: Vec<HeaderName>,
    /// The listener for other proxies' questions, where there is one.
    pub forward_auth: Option<ForwardAuth>,
    /// What is logged, and how.
    pub logging: Logging,
    /// How threads are laid out.
    pub runtime: Runtime,
    /// The clean stop.
    pub drain: Drain,
    /// Where a new process asks for the listening sockets: the absolute path of a Unix socket.
    pub upgrade_socket: Option<PathBuf>,
    /// Where it was read from, for problems that show later.
    pub(crate) origin: Origin,
}

/// The files that a configuration was read from.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) routes_file: String,
    pub(crate) settings_file: String,
    pub(crate) places: Places,
}

impl Origin {
    /// A key of `settings.yaml`; where it is not there, the line of `parent`.
    pub(crate) fn setting(&self, key: &str, parent: &str) -> Spot {
        let line = self.places.get(key).or_else(|| self.places.get(parent));
        Spot::new(&self.settings_file, line.copied(), key)
    }

    /// A key of `routes.yaml`.
    pub(crate) fn routing(&self, key: &str) -> Spot {
        Spot::new(&self.routes_file, self.places.get(key).copied(), key)
    }
}

/// What is served under one public URL.
#[derive(Debug)]
pub struct Frontend {
    /// Its name in store keys: `main` while there is one.
    pub name: &'static str,
    /// The address that browsers see.
    pub public_url: PublicUrl,
    /// The session cookie's name as it is on the wire, with `__Host-` where it is secure.
    pub cookie_name: String,
    /// The OpenID provider.
    pub issuer: IssuerSettings,
    /// Other authorization servers, in the order of the file.
    pub issuers: Vec<OtherIssuer>,
    /// The services of `routes.yaml`, in the order of the file.
    pub services: Vec<Service>,
    /// The routes, compiled.
    pub routes: RouteTable,
    /// How long sessions and tokens last.
    pub session: SessionLifetimes,
    /// Which other origins may call with credentials.
    pub cors: Cors,
    /// How a page proves that it made a request.
    pub csrf: CsrfRule,
}

impl Frontend {
    /// The declared service of a name.
    pub fn service(&self, name: &ServiceName) -> Option<&Service> {
        self.services.iter().find(|service| service.name == *name)
    }
}

/// How long sessions last and when tokens are renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLifetimes {
    /// From login to the end, whatever happens.
    pub ttl: Duration,
    /// How long a session may go unused; at least two minutes.
    pub idle: IdleTimeout,
    /// A token with less life left than this is renewed.
    pub token_refresh_threshold: Duration,
}

/// Cross-origin resource sharing, always with credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Exact origins (RFC 6454 § 6.2), as a browser sends them.
    pub allowed_origins: Vec<String>,
    /// Any origin whatsoever may call (`dangerously_allow_any_origin` and `*`).
    pub any_origin: bool,
    /// Response headers that their pages may read, beside those that the gateway sets.
    pub exposed_headers: Vec<HeaderName>,
}
