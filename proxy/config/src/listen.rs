//! Addresses that are listened on.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::limits::Limits;

/// A public listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it speaks.
    pub kind: ListenerKind,
    /// What its clients may use.
    pub limits: Limits,
}

/// What a public listener speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// HTTP without TLS.
    Plain,
    /// HTTP over TLS.
    Tls {
        /// At least one. The first is shown to clients that name no host or an unknown one.
        certificates: Vec<CertificateFiles>,
    },
    /// HTTP without TLS whose only answer is a redirect to the public URL.
    RedirectToHttps,
}

/// A certificate of the gateway, two PEM files that are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the gateway's own certificate first.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

/// `Strict-Transport-Security` (RFC 6797).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hsts {
    /// How long browsers use https alone; zero: the field is not sent.
    pub max_age: Duration,
    /// Whether hosts below the public URL's are bound as well.
    pub include_subdomains: bool,
    /// Whether browsers may build the host into their own list.
    pub preload: bool,
}

/// The listener on which other proxies ask whether a request may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardAuth {
    /// Where it listens: never a public address of the gateway.
    pub listen: SocketAddr,
    /// Who may ask; at least one.
    pub clients: Vec<IpNet>,
}
