//! Public listeners and the thread shape: by default one single-threaded proxy service per core,
//! each with its own listening socket, upstream pool and way to the store.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;

use pingora_core::listeners::{L4BufferSettings, ListenerConfig, TcpSocketOptions};
use pingora_core::server::Server;
use pingora_core::services::ServiceHandle;
use pingora_core::services::listening::Service;
use pingora_proxy::http_proxy;
use tokenbridge_config::listen::Listener;
use tokenbridge_config::process::{Runtime, RuntimeShape};

use crate::connections::Connections;
use crate::connections::counts::ConnectionCounts;
use crate::connections::entrances::Entrances;
use crate::frontend::Frontend;
use crate::gateway::Gateway;
use crate::request_id::IdSource;
use crate::store::Stores;

/// A connection's read buffer: a quarter of the framework's, so that many idle ones stay small.
const READ_BUFFER: usize = 16 * 1024;

/// Fails when one of the addresses is taken. The listeners share their ports (SO_REUSEPORT), so a
/// second gateway would otherwise start and take half of the connections.
///
/// # Errors
/// The first address that cannot be listened on.
pub(crate) fn check_free(listeners: &[Listener]) -> Result<(), String> {
    listeners
        .iter()
        .try_for_each(|listener| bind(listener.address).map(drop))
}

/// Listens on an address that nobody else listens on.
///
/// # Errors
/// It cannot be listened on.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// How many proxy services there are, and with how many threads each.
fn shape(runtime: Runtime) -> (usize, usize) {
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = runtime.threads.map_or_else(cores, NonZeroUsize::get);
    match runtime.shape {
        RuntimeShape::PerCore => (threads, 1),
        RuntimeShape::Shared => (1, threads),
    }
}

/// Adds the proxy services. They listen once `dependencies` are ready.
///
/// # Errors
/// A listener that cannot be had.
pub(crate) fn add(
    server: &mut Server,
    frontend: &Arc<Frontend>,
    stores: &Stores,
    entrances: &Arc<Entrances>,
    dependencies: &[ServiceHandle],
) -> Result<(), String> {
    let (services, threads) = shape(frontend.configuration.runtime);
    let counts = Arc::new(ConnectionCounts::default());
    for number in 0..services {
        let opened = stores.open()?;
        let gateway = Gateway {
            frontend: frontend.clone(),
            store: opened.store,
            rates: opened.rates,
            ids: IdSource::new(number as u64),
        };
        let connections = Connections {
            proxy: Arc::new(http_proxy(&server.configuration, gateway)),
            frontend: frontend.clone(),
            entrances: entrances.clone(),
            counts: counts.clone(),
            ids: IdSource::new((services + number) as u64),
        };
        let mut service = Service::new(format!("proxy {number}"), connections);
        service.threads = Some(threads);
        for listener in &frontend.configuration.listen {
            service.add_listener(endpoint(listener.address, number, services > 1));
        }
        let handle = server.add_service(service);
        for dependency in dependencies {
            handle.add_dependency(dependency);
        }
    }
    Ok(())
}

fn endpoint(address: SocketAddr, number: usize, shared_port: bool) -> ListenerConfig {
    let mut options = TcpSocketOptions::default();
    options.so_reuseport = Some(shared_port);
    ListenerConfig::tcp(address_text(address, number))
        .tcp_socket_options(options)
        .l4_buffer(L4BufferSettings::default().read(READ_BUFFER))
}

/// The address as proxy service `number` writes it: with that many zeros before the port. The
/// framework keeps listening sockets by the text of their address, and would give a second service
/// the first one's socket, to be closed twice (listeners/l4.rs).
fn address_text(address: SocketAddr, number: usize) -> String {
    let port = format!("{}{}", "0".repeat(number), address.port());
    match address {
        SocketAddr::V4(address) => format!("{}:{port}", address.ip()),
        SocketAddr::V6(address) => format!("[{}]:{port}", address.ip()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_proxy_service_writes_one_address_in_its_own_way() {
        for text in ["127.0.0.1:8080", "[::1]:8080", "0.0.0.0:443"] {
            let address: SocketAddr = text.parse().unwrap();
            let texts: Vec<String> = (0..64)
                .map(|number| address_text(address, number))
                .collect();
            for (number, text) in texts.iter().enumerate() {
                assert_eq!(text.parse(), Ok(address), "{text}");
                assert!(texts.iter().skip(number + 1).all(|other| other != text));
            }
        }
    }
}
