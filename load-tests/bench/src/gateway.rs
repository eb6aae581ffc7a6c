//! A tokenbridge of this run: its configuration, and its process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::process::{Process, free_address};

/// The audience of the one service.
pub const AUDIENCE: &str = "https://crud.example";
/// Sealing keys of a store that ends with the run.
pub const STORE_KEY: &str = "bench:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// How a gateway is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its program.
    pub program: PathBuf,
    /// The provider.
    pub issuer: String,
    /// The backend.
    pub upstream: SocketAddr,
    /// Where sessions are; `None`: in its own memory.
    pub redis: Option<String>,
    /// What the session cache may hold, such as `64MiB`; `1B` holds nothing.
    pub cache: &'static str,
    /// How many threads it has; `None`: one for each core.
    pub threads: Option<usize>,
}

/// A running gateway.
pub struct Gateway {
    /// Its process.
    pub process: Process,
    /// Where it listens in the clear.
    pub address: SocketAddr,
    /// Where it listens with TLS.
    pub tls: SocketAddr,
    /// Its metrics.
    pub admin: SocketAddr,
}

impl Gateway {
    /// Starts one with its files in `folder`, which holds the certificate. `prefix` is a program
    /// that runs it, with that program's arguments.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(
        setup: &Setup,
        folder: &Path,
        prefix: &[String],
        environment: &[(&str, String)],
    ) -> Outcome<Self> {
        let (address, tls, admin) = (free_address()?, free_address()?, free_address()?);
        let own = folder.join(format!("gateway-{}", address.port()));
        std::fs::create_dir_all(&own)?;
        for file in ["certificate.pem", "key.pem"] {
            std::fs::copy(folder.join(file), own.join(file))?;
        }
        std::fs::write(own.join("routes.yaml"), routes(setup.upstream))?;
        std::fs::write(
            own.join("settings.yaml"),
            settings(setup, [address, tls, admin]),
        )?;
        let mut words = prefix.to_vec();
        words.push(setup.program.to_string_lossy().into_owned());
        let [program, arguments @ ..] = words.as_slice() else {
            return Err("no program".into());
        };
        let mut command = Command::new(program);
        command.args(arguments).args(["run", "--config"]).arg(&own);
        command.envs(environment.iter().cloned());
        let mut process = Process::start("tokenbridge", &mut command, &own.join("log"))?;
        let listening = process.listens(address).and_then(|()| process.listens(tls));
        if let Err(error) = listening {
            let log = std::fs::read_to_string(own.join("log")).unwrap_or_default();
            return Err(format!("{error}\n{log}").into());
        }
        Ok(Self {
            process,
            address,
            tls,
            admin,
        })
    }

    /// Its address as browsers see it.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }
}

fn routes(upstream: SocketAddr) -> String {
    format!(
        "services:
  crud_service: {{base_url: \"http://{upstream}\"}}
routes:
  - {{id: api, path: \"/api/*\", target_service: crud_service, upstream_path: \"/api/{{path}}\", auth: session}}
  - {{id: open, path: \"/open/*\", target_service: crud_service, upstream_path: \"/open/{{path}}\", auth: none}}
"
    )
}

fn settings(setup: &Setup, [address, tls, admin]: [SocketAddr; 3]) -> String {
    let port = address.port();
    let store = match &setup.redis {
        Some(url) => {
            format!("store: redis, redis_url: \"{url}\", encryption_keys: [\"{STORE_KEY}\"]")
        }
        None => "store: memory".to_owned(),
    };
    let threads = setup
        .threads
        .map_or("auto".to_owned(), |threads| threads.to_string());
    format!(
        "public_url: http://localhost:{port}
listen: [\"{address}\", {{address: \"{tls}\", tls: {{cert_file: certificate.pem, key_file: key.pem}}}}]
admin: {admin}
auth:
  issuer: {issuer}
  client_id: bff-server
  client_secret: dev-secret-change-me
  scopes: [openid, profile, email, offline_access, application.all]
service_audiences: {{crud_service: {AUDIENCE}}}
service_scopes: {{crud_service: application.all}}
session: {{{store}, cache_size: {cache}}}
limits: {{requests_per_connection: 1000000000, connections_per_address: 100000}}
logging: {{level: info, format: json}}
runtime: {{threads: {threads}}}
drain: {{grace_period: 0s, timeout: 2s}}
",
        issuer = setup.issuer,
        cache = setup.cache,
    )
}
