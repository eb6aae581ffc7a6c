//! TLS toward clients: our own configuration, since the framework's knows neither session tickets
//! nor a deadline for the handshake.
//!
//! | module | owns |
//! |---|---|
//! | [`certificates`] | the certificates of one listener, by the host that a client names |
//! | [`reload`] | reading them again when their files change |

mod certificates;
mod reload;

use std::sync::Arc;

use pingora_core::listeners::tls::Acceptor;
use rustls::server::ServerSessionMemoryCache;
use rustls::{ServerConfig, version};

pub(crate) use certificates::Certificates;
pub(crate) use reload::Reloader;

/// Sessions that TLS 1.2 clients may resume; TLS 1.3 clients carry a ticket instead.
const RESUMABLE: usize = 10_000;

/// What accepts TLS with these certificates: TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1, the
/// process's key exchanges in their order (X25519MLKEM768 first).
pub(crate) fn acceptor(certificates: Arc<Certificates>) -> Acceptor {
    let mut config =
        ServerConfig::builder_with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .with_no_client_auth()
            .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = ServerSessionMemoryCache::new(RESUMABLE);
    match rustls::crypto::aws_lc_rs::Ticketer::new() {
        Ok(ticketer) => config.ticketer = ticketer,
        Err(error) => {
            tracing::warn!(target: "tokenbridge", "TLS sessions cannot be resumed by ticket: {error}");
        }
    }
    Acceptor::from_server_config(Arc::new(config))
}

#[cfg(test)]
mod tests;
