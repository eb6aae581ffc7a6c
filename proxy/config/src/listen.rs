//! Addresses that are listened on.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

/// A public listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it speaks.
    pub kind: ListenerKind,
}

/// What a public listener speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// HTTP without TLS.
    Plain,
    /// HTTP over TLS.
    Tls {
        /// The certificate chain, PEM.
        cert_file: PathBuf,
        /// Its private key, PEM.
        key_file: PathBuf,
    },
    /// HTTP without TLS whose only answer is a redirect to the public URL.
    RedirectToHttps,
}

/// The listener on which other proxies ask whether a request may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardAuth {
    /// Where it listens: never a public address of the gateway.
    pub listen: SocketAddr,
    /// Who may ask; at least one.
    pub clients: Vec<IpNet>,
}
