//! A proxy service: it takes connections from its listening sockets until it is told to stop.

use std::io;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use pingora_core::apps::HttpServerApp;
use pingora_core::server::{ListenFds, ShutdownWatch};
use pingora_core::services::{ServiceReadyNotifier, ServiceWithDependents};
use socket2::Socket;
use tokio::net::TcpListener;

use super::sockets::BACKLOG;
use crate::connections::Connections;
use crate::connections::entrances::Entrance;
use crate::drain::stopping;

/// How long nothing is accepted once the process or the system has no more descriptors or memory:
/// each further try would fail at once.
const OUT_OF_RESOURCES: Duration = Duration::from_secs(1);

/// Listens, and has [`Connections`] serve what comes.
pub(super) struct ProxyService {
    name: String,
    threads: usize,
    connections: Arc<Connections>,
    listeners: Vec<(Socket, Arc<Entrance>)>,
}

impl ProxyService {
    pub(super) fn new(
        number: usize,
        threads: usize,
        connections: Arc<Connections>,
        listeners: impl Iterator<Item = (Socket, Arc<Entrance>)>,
    ) -> Self {
        Self {
            name: format!("proxy {number}"),
            threads,
            connections,
            listeners: listeners.collect(),
        }
    }
}

#[async_trait]
impl ServiceWithDependents for ProxyService {
    async fn start_service(
        &mut self,
        _: Option<ListenFds>,
        shutdown: ShutdownWatch,
        _: usize,
        ready: ServiceReadyNotifier,
    ) {
        let mut accepting = Vec::new();
        for (socket, entrance) in self.listeners.drain(..) {
            let Ok(listener) = listen(socket) else {
                process::exit(1);
            };
            let connections = self.connections.clone();
            let accepted = accept(listener, entrance, connections, shutdown.clone());
            accepting.push(tokio::spawn(accepted));
        }
        self.connections.frontend.drain.note_listening();
        ready.notify_ready();
        join_all(accepting).await;
        self.connections.proxy.http_cleanup().await;
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn threads(&self) -> Option<usize> {
        Some(self.threads)
    }

    fn listen_addresses(&self) -> Option<Vec<String>> {
        Some(Vec::new())
    }
}

fn listen(socket: Socket) -> io::Result<TcpListener> {
    let listening = socket.listen(BACKLOG);
    let listener = listening.and_then(|()| TcpListener::from_std(socket.into()));
    listener.inspect_err(|error| {
        tracing::error!(target: "tokenbridge", %error, "a public listener cannot listen; the process ends");
        crate::logging::flush();
    })
}

/// Accepts until the service stops.
async fn accept(
    listener: TcpListener,
    entrance: Arc<Entrance>,
    connections: Arc<Connections>,
    shutdown: ShutdownWatch,
) {
    let mut watched = shutdown.clone();
    let mut stopped = std::pin::pin!(stopping(&mut watched));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped.as_mut() => return,
        };
        match accepted {
            Ok((socket, peer)) => {
                let (connections, entrance) = (connections.clone(), entrance.clone());
                let shutdown = shutdown.clone();
                tokio::spawn(async move {
                    connections.serve((socket, peer), &entrance, shutdown).await;
                });
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::error!(target: "tokenbridge", %error, "connections cannot be accepted; the next try is in {OUT_OF_RESOURCES:?}");
                tokio::time::sleep(OUT_OF_RESOURCES).await;
            }
        }
    }
}

/// Whether only the connection that was to be accepted is lost (accept(2), "Error handling").
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
    )
}
