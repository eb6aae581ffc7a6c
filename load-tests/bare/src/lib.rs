//! A Pingora proxy that does nothing but proxy: what the gateway is measured against.
//!
//! | module | owns |
//! |---|---|
//! | [`counts`] | telling another process how often this one has allocated |
//! | [`shape`] | how threads and listeners are laid out |

pub mod counts;
pub mod shape;

use std::net::SocketAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use clap::Parser;
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, ErrorType, Result};
use pingora_proxy::{ProxyHttp, Session};

pub use shape::Shape;

/// A bare Pingora proxy: every request goes to one upstream.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// Where it listens
    #[arg(long)]
    pub listen: SocketAddr,
    /// Where it listens with TLS, for HTTP/1.1 and HTTP/2
    #[arg(long, requires = "certificate")]
    pub listen_tls: Option<SocketAddr>,
    /// The folder with certificate.pem and key.pem
    #[arg(long)]
    pub certificate: Option<PathBuf>,
    /// Where requests go
    #[arg(long)]
    pub upstream: SocketAddr,
    /// How threads are laid out; each program has its own default
    #[arg(long, value_enum)]
    pub shape: Option<Shape>,
    /// Bytes of a connection's read buffer, 0 for none; else as the gateway's. Quick start has the
    /// framework's own
    #[arg(long, default_value_t = shape::READ_BUFFER)]
    pub read_buffer: usize,
    /// Bytes of a connection's write buffer, 0 for none; else the framework's own
    #[arg(long)]
    pub write_buffer: Option<usize>,
    /// How many idle connections to the upstream each thread of a service keeps; else the framework's own
    #[arg(long)]
    pub upstream_pool: Option<usize>,
}

struct Bare {
    upstream: SocketAddr,
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.upstream, false, String::new())))
    }
}

/// Serves until a signal ends it.
///
/// # Errors
/// A certificate that cannot be used.
pub fn run(arguments: &Arguments, shape: Shape) -> Result<()> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut conf = ServerConf {
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(1),
        ..ServerConf::default()
    };
    shape.set(&mut conf);
    if let Some(size) = arguments.upstream_pool {
        conf.upstream_keepalive_pool_size = size;
    }
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    shape.add_to(&mut server, arguments)?;
    server.run_forever()
}

/// Reads the command line and serves, in `shape` where it names no other.
pub fn main(shape: Shape) -> std::process::ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments, arguments.shape.unwrap_or(shape)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bare: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn unusable(what: &'static str) -> Box<Error> {
    Error::explain(ErrorType::InternalError, what)
}
