//! What each public listener speaks.

use std::sync::Arc;

use pingora_core::listeners::tls::Acceptor;
use tokenbridge_config::limits::Limits;
use tokenbridge_config::listen::{Listener, ListenerKind};
use tokenbridge_config::tls_files::TlsFileProblem;

use crate::tls::{self, Certificates};

/// What a listener speaks.
pub(crate) enum Protocol {
    /// HTTP without TLS.
    Plain,
    /// HTTP over TLS.
    Tls(Acceptor),
    /// HTTP without TLS, to be led to https.
    RedirectToHttps,
}

/// A listener: what it speaks, what its clients may use.
pub(crate) struct Entrance {
    pub(crate) protocol: Protocol,
    pub(crate) limits: Limits,
}

/// All of them.
pub(crate) struct Entrances {
    listeners: Vec<Arc<Entrance>>,
    certificates: Vec<Arc<Certificates>>,
}

impl Entrances {
    /// Makes ready what the listeners speak, and reads their certificates.
    ///
    /// # Errors
    /// A certificate that cannot be used.
    pub(crate) fn open(listeners: &[Listener]) -> Result<Self, TlsFileProblem> {
        let mut opened = Self {
            listeners: Vec::new(),
            certificates: Vec::new(),
        };
        for listener in listeners {
            let protocol = match &listener.kind {
                ListenerKind::Plain => Protocol::Plain,
                ListenerKind::RedirectToHttps => Protocol::RedirectToHttps,
                ListenerKind::Tls { certificates } => {
                    let certificates = Arc::new(Certificates::open(certificates.clone())?);
                    opened.certificates.push(certificates.clone());
                    Protocol::Tls(tls::acceptor(certificates))
                }
            };
            opened.listeners.push(Arc::new(Entrance {
                protocol,
                limits: listener.limits,
            }));
        }
        Ok(opened)
    }

    /// The listeners, in the order of the configuration.
    pub(crate) fn listeners(&self) -> &[Arc<Entrance>] {
        &self.listeners
    }

    /// The certificates of all listeners, to be read again when they change.
    pub(crate) fn certificates(&self) -> &[Arc<Certificates>] {
        &self.certificates
    }
}
