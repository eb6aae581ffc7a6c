//! One upstream service.

use std::path::PathBuf;
use std::time::Duration;

use tokenbridge_bridge::service::{ServiceName, TokenPlan};

/// A service of `routes.yaml`.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name, also a metric label.
    pub name: ServiceName,
    /// `base_url`, taken apart.
    pub upstream: Upstream,
    /// Whether it is spoken to in HTTP/2: over TLS where it agrees (ALPN), without TLS always.
    pub http2: bool,
    /// How its certificate is judged and which one is shown to it; used with `https` alone.
    pub tls: UpstreamTls,
    /// How long things may take.
    pub timeouts: UpstreamTimeouts,
    /// How its token is obtained and what it must be.
    pub token: TokenPlan,
}

/// Where a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// With or without TLS.
    pub scheme: Scheme,
    /// Host name or address; an IPv6 address without brackets. Also the name in SNI.
    pub host: String,
    /// The port, also where the URL leaves it out.
    pub port: u16,
    /// The URL's path without a trailing slash: empty or `/prefix`. It already stands in each
    /// route's upstream path.
    pub base_path: String,
}

impl Upstream {
    /// The value for the `Host` header: without the scheme's own port.
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port == self.scheme.port() {
            true => host,
            false => format!("{host}:{}", self.port),
        }
    }

    /// Scheme and authority.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.authority())
    }
}

/// How an upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// Its name in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Its own port.
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// TLS toward an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// Whether its certificate is verified.
    pub verify: bool,
    /// The authorities that are trusted instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// What is shown to the upstream when it asks.
    pub client_certificate: Option<ClientCertificate>,
}

/// A client certificate (mutual TLS), two PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The chain, the client's own certificate first.
    pub certificate_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

/// How long an upstream may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    /// To accept a connection, TLS included.
    pub connect: Duration,
    /// To begin its answer, and between two parts of it (`timeout`).
    pub read: Duration,
    /// To take a part of the request.
    pub write: Duration,
    /// How long an unused connection is kept.
    pub idle: Duration,
    /// For a whole request and its answer, where its route says nothing else and does not stream.
    pub total: Duration,
}
