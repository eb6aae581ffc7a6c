//! A client's socket with a deadline for what it does not take: the framework bounds some writes,
//! but neither an answer's header nor the last flush (HTTP/1), nor anything below HTTP/2.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::Watch;
use super::watch::ended_from_outside;

/// A client's socket, read through `S`.
pub(super) struct ClientSocket<S> {
    socket: S,
    id: UniqueIDType,
    digest: Arc<SocketDigest>,
    since: SystemTime,
    /// How long the client may take nothing while there is something to take.
    patience: Duration,
    /// Runs since the client last took something; there is none while nothing waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl ClientSocket<TcpStream> {
    /// The socket of the client at `peer`. It is not read ahead of: who reads brings a buffer.
    pub(super) fn new(socket: TcpStream, peer: SocketAddr, patience: Duration) -> Self {
        let id = socket.as_raw_fd();
        let digest = SocketDigest::from_raw_fd(id);
        // Nobody else has it yet, so it holds nothing.
        let _ = digest.peer_addr.set(Some(peer.into()));
        Self {
            socket,
            id,
            digest: Arc::new(digest),
            since: SystemTime::now(),
            patience,
            waiting: None,
        }
    }

    /// The same, read ahead of by up to `bytes`: TLS reads a record in small parts.
    pub(super) fn buffered(self, bytes: usize) -> ClientSocket<BufReader<TcpStream>> {
        ClientSocket {
            socket: BufReader::with_capacity(bytes, self.socket),
            id: self.id,
            digest: self.digest,
            since: self.since,
            patience: self.patience,
            waiting: self.waiting,
        }
    }
}

impl<S> ClientSocket<S> {
    /// Passes a write's outcome on, unless it has waited too long.
    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.waiting = None;
            return outcome;
        }
        let patience = self.patience;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        match waiting.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client takes nothing",
            ))),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if Watch::tells() {
            return Poll::Ready(Err(ended_from_outside()));
        }
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ClientSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.bounded(context, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.socket).poll_flush(context);
        self.bounded(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.socket).poll_shutdown(context);
        self.bounded(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write_vectored(context, buffers);
        self.bounded(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[async_trait]
impl<S: AsyncWrite + Unpin + Send> Shutdown for ClientSocket<S> {
    async fn shutdown(&mut self) {
        // Whether the client hears of the end makes no difference here.
        let _ = tokio::io::AsyncWriteExt::shutdown(self).await;
    }
}

impl<S> UniqueID for ClientSocket<S> {
    fn id(&self) -> UniqueIDType {
        self.id
    }
}

impl<S> Ssl for ClientSocket<S> {}

impl<S: AsyncRead + Unpin + Send> Peek for ClientSocket<S> {}

impl<S> GetTimingDigest for ClientSocket<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        vec![Some(TimingDigest {
            established_ts: self.since,
            ..TimingDigest::default()
        })]
    }
}

impl<S> GetProxyDigest for ClientSocket<S> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl<S> GetSocketDigest for ClientSocket<S> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(self.digest.clone())
    }

    fn set_socket_digest(&mut self, digest: SocketDigest) {
        self.digest = Arc::new(digest);
    }
}

/// Shows nothing of what was read or written.
impl<S> fmt::Debug for ClientSocket<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientSocket")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
