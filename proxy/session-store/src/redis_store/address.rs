//! Where Redis is: one server, the primary that Sentinel names, or a cluster.
//!
//! | URL | what it means |
//! |---|---|
//! | `redis://[user:password@]host[:port][/db]` | one server |
//! | `redis+unix:///path` | one server, through a socket |
//! | `redis+sentinel://[user:password@]host[:port],.../primary[/db]` | the primary that these sentinels name; the credentials are those of the data nodes |
//! | `redis+cluster://[user:password@]host[:port],...` | the cluster that these nodes belong to |
//!
//! With `rediss` in the place of `redis` the connection is encrypted and the server verified.

use std::fmt;

use redis::aio::ConnectionLike;
use redis::cluster::ClusterClient;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    RedisConnectionInfo, RedisResult, TlsCertificates, TlsMode,
};

use super::options::{RedisOptions, RedisUrlError};
use super::wire::Wire;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// A place to connect to. Shown, it is hosts and ports without credentials.
pub(super) struct Address {
    place: Place,
    shown: String,
}

enum Place {
    Server(Client),
    Sentinel(Sentinels),
    Cluster(Box<ClusterClient>),
}

/// Asked for the present primary at each attempt to connect.
struct Sentinels {
    nodes: Vec<ConnectionAddr>,
    primary: String,
    data: RedisConnectionInfo,
    tls: Option<Tls>,
}

/// How an encrypted connection is verified: by the system's authorities where none are given.
#[derive(Clone)]
struct Tls {
    roots: Option<TlsCertificates>,
}

impl Address {
    pub(super) fn parse(options: &RedisOptions) -> Result<Self, RedisUrlError> {
        let url = options.url.expose();
        let (scheme, rest) = url.split_once("://").ok_or(RedisUrlError::Scheme)?;
        if rest.ends_with("#insecure") {
            return Err(RedisUrlError::Insecure);
        }
        let tls = Tls::of(scheme, options)?;
        match scheme {
            "redis" | "rediss" | "redis+unix" | "unix" => Self::server(url, tls),
            "redis+sentinel" | "rediss+sentinel" => Self::sentinel(&Parts::split(rest)?, tls),
            "redis+cluster" | "rediss+cluster" => Self::cluster(&Parts::split(rest)?, tls, options),
            _ => Err(RedisUrlError::Scheme),
        }
    }

    fn server(url: &str, tls: Option<Tls>) -> Result<Self, RedisUrlError> {
        let info = connection_info(url)?;
        let shown = info.addr().to_string();
        let client = match tls.and_then(|tls| tls.roots) {
            Some(roots) => {
                Client::build_with_tls(info, roots).map_err(|_| RedisUrlError::Certificates)?
            }
            None => Client::open(info).map_err(|_| RedisUrlError::Form)?,
        };
        Ok(Self {
            place: Place::Server(client),
            shown,
        })
    }

    fn sentinel(parts: &Parts<'_>, tls: Option<Tls>) -> Result<Self, RedisUrlError> {
        let (primary, database) = parts.path.split_once('/').unwrap_or((parts.path, ""));
        if primary.is_empty() {
            return Err(RedisUrlError::NoPrimary);
        }
        let nodes = parts.hosts.iter().map(|host| {
            let url = node_url(tls.is_some(), None, host, SENTINEL_PORT, "");
            connection_info(&url).map(|info| info.addr().clone())
        });
        let data = node_url(
            tls.is_some(),
            parts.credentials,
            "data",
            REDIS_PORT,
            database,
        );
        let sentinels = Sentinels {
            nodes: nodes.collect::<Result<_, _>>()?,
            primary: primary.to_owned(),
            data: connection_info(&data)?.redis_settings().clone(),
            tls,
        };
        sentinels
            .client()
            .map_err(|_| RedisUrlError::Certificates)?;
        let shown = format!("{primary} by {}", parts.hosts.join(", "));
        Ok(Self {
            place: Place::Sentinel(sentinels),
            shown,
        })
    }

    fn cluster(
        parts: &Parts<'_>,
        tls: Option<Tls>,
        options: &RedisOptions,
    ) -> Result<Self, RedisUrlError> {
        if !parts.path.is_empty() {
            return Err(RedisUrlError::ClusterPath);
        }
        let nodes = parts.hosts.iter().map(|host| {
            connection_info(&node_url(
                tls.is_some(),
                parts.credentials,
                host,
                REDIS_PORT,
                "",
            ))
        });
        let mut builder = ClusterClient::builder(nodes.collect::<Result<Vec<_>, _>>()?)
            .tcp_settings(tcp_settings())
            .connection_timeout(options.connect_timeout)
            .response_timeout(options.response_timeout)
            .overall_response_timeout(Some(options.response_timeout))
            .retries(1);
        let roots = tls.and_then(|tls| tls.roots);
        let problem = if roots.is_some() {
            RedisUrlError::Certificates
        } else {
            RedisUrlError::Form
        };
        if let Some(roots) = roots {
            builder = builder.certs(roots);
        }
        let client = builder.build().map_err(|_| problem)?;
        Ok(Self {
            place: Place::Cluster(Box::new(client)),
            shown: parts.hosts.join(", "),
        })
    }

    /// Connects, and asks for an answer: a server that is still loading is not there yet.
    pub(super) async fn connect(&self, config: &AsyncConnectionConfig) -> RedisResult<Wire> {
        let mut wire = match &self.place {
            Place::Server(client) => Wire::Single(
                client
                    .get_multiplexed_async_connection_with_config(config)
                    .await?,
            ),
            Place::Sentinel(sentinels) => Wire::Single(
                sentinels
                    .client()?
                    .get_async_connection_with_config(config)
                    .await?,
            ),
            Place::Cluster(client) => Wire::Cluster(client.get_async_connection().await?),
        };
        wire.req_packed_command(&redis::cmd("PING"))
            .await?
            .extract_error()?;
        Ok(wire)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

impl Sentinels {
    fn client(&self) -> RedisResult<SentinelClient> {
        let nodes = self.nodes.iter().cloned();
        let mut builder =
            SentinelClientBuilder::new(nodes, &self.primary, SentinelServerType::Master)?
                .set_client_to_redis_db(self.data.db())
                .set_client_to_redis_tcp_settings(tcp_settings())
                .set_client_to_sentinel_tcp_settings(tcp_settings());
        if let Some(username) = self.data.username() {
            builder = builder.set_client_to_redis_username(username);
        }
        if let Some(password) = self.data.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(tls) = &self.tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
            if let Some(roots) = &tls.roots {
                builder = builder
                    .set_client_to_redis_certificates(roots.clone())
                    .set_client_to_sentinel_certificates(roots.clone());
            }
        }
        builder.build()
    }
}

impl Tls {
    fn of(scheme: &str, options: &RedisOptions) -> Result<Option<Self>, RedisUrlError> {
        let roots = options.root_certificates.clone();
        if !scheme.starts_with("rediss") {
            return if roots.is_some() {
                Err(RedisUrlError::NotEncrypted)
            } else {
                Ok(None)
            };
        }
        let roots = roots.map(|pem| TlsCertificates {
            client_tls: None,
            root_cert: Some(pem),
        });
        Ok(Some(Self { roots }))
    }
}

/// What stands behind the scheme of a URL with several hosts.
struct Parts<'a> {
    credentials: Option<&'a str>,
    hosts: Vec<&'a str>,
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn split(rest: &'a str) -> Result<Self, RedisUrlError> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(credentials), hosts),
            None => (None, authority),
        };
        let hosts: Vec<_> = hosts.split(',').map(str::trim).collect();
        match hosts.iter().any(|host| host.is_empty()) {
            true => Err(RedisUrlError::Form),
            false => Ok(Self {
                credentials,
                hosts,
                path,
            }),
        }
    }
}

fn node_url(tls: bool, credentials: Option<&str>, host: &str, port: u16, database: &str) -> String {
    let scheme = if tls { "rediss" } else { "redis" };
    let credentials = credentials
        .map(|text| format!("{text}@"))
        .unwrap_or_default();
    // A colon behind the last bracket, if there is one, sets the port off.
    let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
    let port = if has_port {
        String::new()
    } else {
        format!(":{port}")
    };
    format!("{scheme}://{credentials}{host}{port}/{database}")
}

fn connection_info(url: &str) -> Result<ConnectionInfo, RedisUrlError> {
    let info = url
        .into_connection_info()
        .map_err(|_| RedisUrlError::Form)?;
    Ok(info.set_tcp_settings(tcp_settings()))
}

fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}
