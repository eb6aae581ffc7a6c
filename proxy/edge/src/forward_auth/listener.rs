//! A listener that closes before its connections do: the framework of this listener has one signal
//! for both, and after a hand-over first requests are still on their way.

use std::future::pending;
use std::io;
use std::net::SocketAddr;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use pingora_core::server::ShutdownWatch;
use tokio::net::{TcpListener, TcpStream};

use crate::drain::stopping;

/// Accepts until the service stops.
pub(super) struct Listener {
    open: Option<TcpListener>,
    stop: ShutdownWatch,
}

impl Listener {
    pub(super) fn new(listener: TcpListener, stop: ShutdownWatch) -> Self {
        Self {
            open: Some(listener),
            stop,
        }
    }
}

impl axum::serve::Listener for Listener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        if let Some(listener) = &mut self.open {
            tokio::select! {
                accepted = axum::serve::Listener::accept(listener) => return accepted,
                () = stopping(&mut self.stop) => {}
            }
        }
        self.open = None;
        pending().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.open {
            Some(listener) => listener.local_addr(),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// Who is connected.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self(*stream.remote_addr())
    }
}
