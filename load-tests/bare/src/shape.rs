//! How threads and listeners are laid out.

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use clap::ValueEnum;
use pingora_core::Result;
use pingora_core::listeners::tls::TlsSettings;
use pingora_core::listeners::{L4BufferSettings, ListenerConfig, TcpSocketOptions};
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_proxy::http_proxy_service;

use crate::{Arguments, Bare, unusable};

/// Bytes of a connection's read buffer, as in the gateway.
pub const READ_BUFFER: usize = 16 * 1024;

/// How threads and listeners are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// As Pingora's quick start has it: one service, here with as many threads as there are cores.
    QuickStart,
    /// As the gateway has it: for each core one service with one thread, whose scheduler knows of no
    /// other.
    PerCore,
    /// As [`Self::PerCore`], with the scheduler that is made for several threads.
    PerCoreStealing,
    /// One service with a thread for each core, which take each other's work.
    Stealing,
    /// One service with a thread for each core, which do not.
    Pinned,
    /// As [`Self::Stealing`], with as many tasks that accept connections as there are cores.
    ListenerTasks,
}

/// How many cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

impl Shape {
    pub(crate) fn set(self, conf: &mut ServerConf) {
        // The framework keeps so many times its pool's size of idle connections for each service.
        conf.threads = self.threads();
        conf.work_stealing = !matches!(self, Self::Pinned | Self::PerCore);
        if self == Self::ListenerTasks {
            conf.listener_tasks_per_fd = cores();
        }
    }

    /// Threads of each service.
    fn threads(self) -> usize {
        match self {
            Self::PerCore | Self::PerCoreStealing => 1,
            Self::QuickStart | Self::Stealing | Self::Pinned | Self::ListenerTasks => cores(),
        }
    }

    pub(crate) fn add_to(self, server: &mut Server, arguments: &Arguments) -> Result<()> {
        if self == Self::QuickStart {
            return quick_start(server, arguments);
        }
        let threads = self.threads();
        for number in 0..cores() / threads {
            let mut service = http_proxy_service(&server.configuration, bare(arguments));
            service.threads = Some(threads);
            let listener = |address| listener(address, number, arguments);
            service.add_listener(listener(arguments.listen));
            if let Some(address) = arguments.listen_tls {
                service.add_listener(listener(address).tls(tls(arguments)?));
            }
            server.add_service(service);
        }
        Ok(())
    }
}

fn quick_start(server: &mut Server, arguments: &Arguments) -> Result<()> {
    let mut service = http_proxy_service(&server.configuration, bare(arguments));
    service.add_tcp(&arguments.listen.to_string());
    if let Some(address) = arguments.listen_tls {
        service.add_tls_with_settings(&address.to_string(), None, tls(arguments)?);
    }
    server.add_service(service);
    Ok(())
}

fn bare(arguments: &Arguments) -> Bare {
    Bare {
        upstream: arguments.upstream,
    }
}

fn tls(arguments: &Arguments) -> Result<TlsSettings> {
    let folder = arguments.certificate.as_deref();
    let folder = folder.ok_or_else(|| unusable("--certificate is missing"))?;
    let file = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let mut settings = TlsSettings::intermediate(&file("certificate.pem"), &file("key.pem"))?;
    settings.enable_h2();
    Ok(settings)
}

fn listener(address: SocketAddr, number: usize, arguments: &Arguments) -> ListenerConfig {
    let mut options = TcpSocketOptions::default();
    options.so_reuseport = Some(true);
    // Pingora keeps listening sockets by the text of their address: each service writes its own.
    let text = format!("{}:{}{}", address.ip(), "0".repeat(number), address.port());
    let mut buffers = L4BufferSettings::default().read(arguments.read_buffer);
    buffers.write = arguments.write_buffer;
    ListenerConfig::tcp(text)
        .tcp_socket_options(options)
        .l4_buffer(buffers)
}
