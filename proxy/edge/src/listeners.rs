//! Public listeners and the thread shape: by default one single-threaded proxy service per core,
//! each with its own listening socket, upstream pool and way to the store.
//!
//! | module | owns |
//! |---|---|
//! | [`sockets`] | the listening sockets |
//! | [`service`] | taking connections from them |

mod service;
mod sockets;

use std::num::NonZeroUsize;
use std::sync::Arc;

use pingora_core::server::Server;
use pingora_core::services::ServiceHandle;
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
use crate::upgrade::Handover;
use service::ProxyService;

pub(crate) use sockets::{Sockets, bind};

/// The sockets of all public listeners: inherited, or bound and not yet listening.
///
/// # Errors
/// The first address that cannot be had.
pub(crate) fn open(
    listeners: &[Listener],
    runtime: Runtime,
    handover: &mut Handover,
) -> Result<Sockets, String> {
    let (services, _) = shape(runtime);
    let addresses = listeners.iter().map(|listener| listener.address);
    Sockets::open(addresses, services, handover)
}

/// How many proxy services there are.
pub(crate) fn services(runtime: Runtime) -> usize {
    shape(runtime).0
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
/// No way to the store.
pub(crate) fn add(
    server: &mut Server,
    frontend: &Arc<Frontend>,
    stores: &Stores,
    (sockets, entrances): (Sockets, &Entrances),
    dependencies: &[ServiceHandle],
) -> Result<(), String> {
    let (services, threads) = shape(frontend.configuration.runtime);
    let counts = Arc::new(ConnectionCounts::default());
    for (number, sockets) in sockets.into_services().into_iter().enumerate() {
        let opened = stores.open()?;
        let gateway = Gateway {
            frontend: frontend.clone(),
            store: opened.store,
            rates: opened.rates,
            ids: IdSource::new(number as u64),
        };
        let connections = Arc::new(Connections {
            proxy: Arc::new(http_proxy(&server.configuration, gateway)),
            frontend: frontend.clone(),
            counts: counts.clone(),
            ids: IdSource::new((services + number) as u64),
        });
        let entrance = |listener| entrances.listeners().get(listener).cloned();
        let sockets = sockets.into_iter();
        let listeners =
            sockets.filter_map(|(listener, socket)| Some((socket, entrance(listener)?)));
        let service = ProxyService::new(number, threads, connections, listeners);
        let handle = server.add_service(service);
        for dependency in dependencies {
            handle.add_dependency(dependency);
        }
    }
    Ok(())
}
