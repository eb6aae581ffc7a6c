//! What each public listener speaks. A connection is told by the address that it came to: one
//! proxy service serves all listeners.

use std::net::SocketAddr;
use std::sync::Arc;

use pingora_core::listeners::tls::Acceptor;
use tokenbridge_config::limits::Limits;
use tokenbridge_config::listen::{Listener, ListenerKind};

use crate::tls::{self, Certificates, TlsFileProblem};

/// What a listener speaks.
pub(crate) enum Entrance {
    /// HTTP without TLS.
    Plain,
    /// HTTP over TLS.
    Tls(Acceptor),
    /// HTTP without TLS, to be led to https.
    RedirectToHttps,
}

/// A listener: where it is, what it speaks, what its clients may use.
struct Opened {
    address: SocketAddr,
    entrance: Entrance,
    limits: Limits,
}

/// All of them.
pub(crate) struct Entrances {
    listeners: Vec<Opened>,
    /// For a connection that came to none of them.
    limits: Limits,
    certificates: Vec<Arc<Certificates>>,
}

impl Entrances {
    /// Makes ready what the listeners speak, and reads their certificates.
    ///
    /// # Errors
    /// A certificate that cannot be used.
    pub(crate) fn open(listeners: &[Listener], limits: Limits) -> Result<Self, TlsFileProblem> {
        let mut opened = Self {
            listeners: Vec::new(),
            limits,
            certificates: Vec::new(),
        };
        for listener in listeners {
            let entrance = match &listener.kind {
                ListenerKind::Plain => Entrance::Plain,
                ListenerKind::RedirectToHttps => Entrance::RedirectToHttps,
                ListenerKind::Tls { certificates } => {
                    let certificates = Arc::new(Certificates::open(certificates.clone())?);
                    opened.certificates.push(certificates.clone());
                    Entrance::Tls(tls::acceptor(certificates))
                }
            };
            opened.listeners.push(Opened {
                address: listener.address,
                entrance,
                limits: listener.limits,
            });
        }
        Ok(opened)
    }

    /// The certificates of all listeners, to be read again when they change.
    pub(crate) fn certificates(&self) -> &[Arc<Certificates>] {
        &self.certificates
    }

    /// The entrance at a connection's own end, and the limits there. Configured addresses never
    /// meet, so one is right; an unknown end is led to https rather than served in the clear.
    pub(crate) fn at(&self, local: Option<SocketAddr>) -> (&Entrance, &Limits) {
        let is_at = |listener: &SocketAddr| {
            local.is_some_and(|local| {
                let same_host = listener.ip().is_unspecified()
                    || listener.ip().to_canonical() == local.ip().to_canonical();
                same_host && (listener.port() == local.port() || listener.port() == 0)
            })
        };
        let mut listeners = self.listeners.iter();
        match listeners.find(|opened| is_at(&opened.address)) {
            Some(opened) => (&opened.entrance, &opened.limits),
            None => (&Entrance::RedirectToHttps, &self.limits),
        }
    }
}
