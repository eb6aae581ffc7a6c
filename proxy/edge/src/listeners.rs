//! Public listeners and the thread shape: by default one single-threaded proxy service per core,
//! each with its own listening socket, upstream pool and way to the store.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;

use pingora_core::listeners::{ListenerConfig, TcpSocketOptions};
use pingora_core::server::Server;
use pingora_core::services::ServiceHandle;
use pingora_proxy::ProxyServiceBuilder;
use tokenbridge_config::listen::{Listener, ListenerKind};
use tokenbridge_config::process::{Runtime, RuntimeShape};

use crate::frontend::Frontend;
use crate::gateway::Gateway;
use crate::request_id::IdSource;
use crate::store::Stores;

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
    dependencies: &[ServiceHandle],
) -> Result<(), String> {
    let (services, threads) = shape(frontend.configuration.runtime);
    for number in 0..services {
        let opened = stores.open()?;
        let gateway = Gateway {
            frontend: frontend.clone(),
            store: opened.store,
            rates: opened.rates,
            ids: IdSource::new(number as u64),
        };
        let mut service = ProxyServiceBuilder::new(&server.configuration, gateway)
            .name(format!("proxy {number}"))
            .build();
        service.threads = Some(threads);
        for listener in &frontend.configuration.listen {
            service.add_listener(endpoint(listener, number, services > 1)?);
        }
        let handle = server.add_service(service);
        for dependency in dependencies {
            handle.add_dependency(dependency);
        }
    }
    Ok(())
}

fn endpoint(
    listener: &Listener,
    number: usize,
    shared_port: bool,
) -> Result<ListenerConfig, String> {
    let mut options = TcpSocketOptions::default();
    options.so_reuseport = Some(shared_port);
    let endpoint =
        ListenerConfig::tcp(address_text(listener.address, number)).tcp_socket_options(options);
    match &listener.kind {
        ListenerKind::Plain => Ok(endpoint),
        ListenerKind::Tls { .. } => Err(format!(
            "listen {}: tls is not supported yet",
            listener.address
        )),
        ListenerKind::RedirectToHttps => Err(format!(
            "listen {}: redirect_to_https is not supported yet",
            listener.address
        )),
    }
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
