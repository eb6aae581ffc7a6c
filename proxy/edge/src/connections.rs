//! Connections of clients, from accept to close. The framework accepts them; all that it leaves
//! without a limit or a deadline is held here: the handshake, the head of a request, a client
//! that does not take its answer, the number of connections of one address.
//!
//! | module | owns |
//! |---|---|
//! | [`body_stream`] | whether a body's chunks can be read in one way |
//! | [`counts`] | how many connections an address has |
//! | [`entrances`] | what each public listener speaks |
//! | [`client_socket`] | the deadline for a client that takes nothing |
//! | [`head`] | the deadlines and the frame of an HTTP/1 request's head |
//! | [`http1`], [`http2`] | one connection's requests |
//! | [`timer`] | waiting for a moment, request after request |
//! | [`watch`] | the deadlines of one request |
//! | [`stream_watch`] | what ends an answer that lasts |
//! | [`told_upstream`] | connections to upstreams whose reader is told of that end |
//! | [`refused`] | the answer to a head that never becomes a request |
//! | [`redirect`] | the listener that only leads to https |

mod body_stream;
mod client_socket;
pub(crate) mod counts;
pub(crate) mod entrances;
mod head;
mod http1;
mod http2;
mod redirect;
mod refused;
mod stream_watch;
mod timer;
mod told_upstream;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use pingora_core::apps::{HttpServerApp, ServerApp};
use pingora_core::listeners::ALPN;
use pingora_core::listeners::tls::Acceptor;
use pingora_core::protocols::l4::stream::Stream as Socket;
use pingora_core::protocols::{GetSocketDigest, Ssl, Stream};
use pingora_core::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use tokenbridge_config::limits::Limits;

use crate::frontend::Frontend;
use crate::gateway::Gateway;
use crate::request_id::IdSource;
use client_socket::ClientSocket;
use counts::ConnectionCounts;
use entrances::{Entrance, Entrances};

pub(crate) use stream_watch::Cut;
pub(crate) use told_upstream::ToldUpstream;
pub(crate) use watch::Watch;

/// The connections of one proxy service.
pub(crate) struct Connections {
    pub(crate) proxy: Arc<HttpProxy<Gateway>>,
    pub(crate) frontend: Arc<Frontend>,
    pub(crate) entrances: Arc<Entrances>,
    pub(crate) counts: Arc<ConnectionCounts>,
    /// Ids for requests that are refused before they are requests.
    pub(crate) ids: IdSource,
}

#[async_trait]
impl ServerApp for Connections {
    async fn process_new(
        self: &Arc<Self>,
        stream: Stream,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        // The framework gives nothing else where it has no TLS of its own to do.
        let socket = stream.into_any().downcast::<Socket>().ok();
        if let Some(socket) = socket {
            self.serve(*socket, shutdown.clone()).await;
        }
        None
    }

    async fn cleanup(&self) {
        self.proxy.http_cleanup().await;
    }
}

impl Connections {
    async fn serve(self: &Arc<Self>, socket: Socket, shutdown: ShutdownWatch) {
        let digest = socket.get_socket_digest();
        let address = |local: bool| {
            let digest = digest.as_ref()?;
            let address = match local {
                true => digest.local_addr(),
                false => digest.peer_addr(),
            };
            address.and_then(|address| address.as_inet()).copied()
        };
        let (entrance, limits) = self.entrances.at(address(true));
        // The connection's own: a count that all threads share would be fought for at each request.
        let limits = &Arc::new(*limits);
        let Some(_counted) = self.count(address(false), limits) else {
            self.frontend.metrics.connections.refused("per_address");
            return;
        };
        let socket = ClientSocket::new(socket, limits.body_timeout);
        match entrance {
            Entrance::Plain => http1::serve(self, limits, Box::new(socket), shutdown).await,
            Entrance::Tls(acceptor) => self.serve_tls(acceptor, limits, socket, shutdown).await,
            Entrance::RedirectToHttps => {
                redirect::serve(self, limits, Box::new(socket), shutdown).await;
            }
        }
    }

    /// Counts a connection; `None` where its address has too many. A trusted proxy's connections
    /// are those of many clients.
    fn count(&self, peer: Option<SocketAddr>, limits: &Limits) -> Option<counts::Counted> {
        let ip = peer?.ip();
        let most = match self.frontend.trusts(Some(ip)) {
            true => usize::MAX,
            false => limits.connections_per_address,
        };
        self.counts.enter(ip, most)
    }

    async fn serve_tls(
        self: &Arc<Self>,
        acceptor: &Acceptor,
        limits: &Arc<Limits>,
        socket: ClientSocket,
        shutdown: ShutdownWatch,
    ) {
        let handshake = acceptor.tls_handshake(socket);
        let handshake = tokio::time::timeout(limits.header_timeout, handshake).await;
        let (outcome, stream) = match handshake {
            Ok(Ok(stream)) => ("ok", Some(stream)),
            Ok(Err(error)) => {
                tracing::debug!(target: "tokenbridge", "a TLS handshake failed: {error}");
                ("failed", None)
            }
            Err(_) => ("timeout", None),
        };
        self.frontend.metrics.connections.tls_handshake(outcome);
        let Some(stream) = stream else { return };
        match stream.selected_alpn_proto() {
            Some(ALPN::H2) => http2::serve(self, limits, Box::new(stream), shutdown).await,
            _ => http1::serve(self, limits, Box::new(stream), shutdown).await,
        }
    }
}
