//! Connections of clients, from accept to close. All that the framework leaves without a limit or
//! a deadline is held here: the handshake, the head of a request, a client
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
//! | [`write_buffer`] | writing an answer in few system calls |
//! | [`watch`] | the deadlines of one request |
//! | [`stream_watch`] | what ends an answer that lasts |
//! | [`told_upstream`] | connections to upstreams whose reader is told of that end |
//! | [`wrapped`] | what a connection that holds another one lets it answer |
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
mod wrapped;
mod write_buffer;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use pingora_core::listeners::ALPN;
use pingora_core::listeners::tls::Acceptor;
use pingora_core::protocols::{Ssl, Stream};
use pingora_core::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use tokenbridge_config::limits::Limits;
use tokio::net::TcpStream;

use crate::frontend::Frontend;
use crate::gateway::Gateway;
use crate::request_id::IdSource;
use client_socket::ClientSocket;
use counts::ConnectionCounts;
use entrances::{Entrance, Protocol};
use write_buffer::WriteBuffer;

pub(crate) use stream_watch::Cut;
pub(crate) use told_upstream::ToldUpstream;
pub(crate) use watch::Watch;

/// What is read ahead of TLS at most: a record (RFC 8446 § 5.2).
const TLS_READ_BUFFER: usize = 16 * 1024;

/// The connections of one proxy service.
pub(crate) struct Connections {
    pub(crate) proxy: Arc<HttpProxy<Gateway>>,
    pub(crate) frontend: Arc<Frontend>,
    pub(crate) counts: Arc<ConnectionCounts>,
    /// Ids for requests that are refused before they are requests.
    pub(crate) ids: IdSource,
}

impl Connections {
    /// Serves the connection of the client at `peer` until it ends.
    pub(crate) async fn serve(
        self: &Arc<Self>,
        (socket, peer): (TcpStream, SocketAddr),
        entrance: &Entrance,
        shutdown: ShutdownWatch,
    ) {
        // The connection's own: a count that all threads share would be fought for at each request.
        let limits = &Arc::new(entrance.limits);
        let Some(_counted) = self.count(peer.ip(), limits) else {
            self.frontend.metrics.connections.refused("per_address");
            return;
        };
        let _open = self.frontend.drain.connected();
        // What is flushed is to go at once; without it, answers are only slower.
        let _ = socket.set_nodelay(true);
        let socket = ClientSocket::new(socket, peer, limits.body_timeout);
        match &entrance.protocol {
            Protocol::Plain => {
                let stream = Box::new(WriteBuffer::new(socket));
                http1::serve(self, limits, stream, shutdown).await;
            }
            // Boxed, here and below: a connection does not carry the room for what it is not.
            Protocol::Tls(acceptor) => {
                Box::pin(self.serve_tls(acceptor, limits, socket, shutdown)).await;
            }
            Protocol::RedirectToHttps => {
                Box::pin(redirect::serve(self, limits, Box::new(socket), shutdown)).await;
            }
        }
    }

    /// Counts a connection; `None` where its address has too many. A trusted proxy's connections
    /// are those of many clients.
    fn count(&self, ip: IpAddr, limits: &Limits) -> Option<counts::Counted> {
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
        socket: ClientSocket<TcpStream>,
        shutdown: ShutdownWatch,
    ) {
        let handshake = Box::pin(handshake(acceptor, socket));
        let handshake = tokio::time::timeout(limits.header_timeout, handshake).await;
        let (outcome, spoken) = match handshake {
            Ok(Ok(spoken)) => ("ok", Some(spoken)),
            Ok(Err(error)) => {
                tracing::debug!(target: "tokenbridge", "a TLS handshake failed: {error}");
                ("failed", None)
            }
            Err(_) => ("timeout", None),
        };
        self.frontend.metrics.connections.tls_handshake(outcome);
        match spoken {
            Some(Spoken::Http2(stream)) => http2::serve(self, limits, stream, shutdown).await,
            Some(Spoken::Http1(stream)) => http1::serve(self, limits, stream, shutdown).await,
            None => {}
        }
    }
}

/// What was agreed on for a connection.
enum Spoken {
    Http1(Stream),
    Http2(Stream),
}

async fn handshake(
    acceptor: &Acceptor,
    socket: ClientSocket<TcpStream>,
) -> pingora_core::Result<Spoken> {
    let socket = socket.buffered(TLS_READ_BUFFER);
    let stream = acceptor.tls_handshake(socket).await?;
    Ok(match stream.selected_alpn_proto() {
        Some(ALPN::H2) => Spoken::Http2(Box::new(stream)),
        _ => Spoken::Http1(Box::new(WriteBuffer::new(stream))),
    })
}
