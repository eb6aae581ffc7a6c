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
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, RedisResult, TlsMode,
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
    Sentinel {
        nodes: Vec<ConnectionInfo>,
        primary: String,
        data: SentinelNodeConnectionInfo,
    },
    Cluster(Box<ClusterClient>),
}

impl Address {
    pub(super) fn parse(options: &RedisOptions) -> Result<Self, RedisUrlError> {
        let url = options.url.expose();
        let (scheme, rest) = url.split_once("://").ok_or(RedisUrlError::Scheme)?;
        if rest.ends_with("#insecure") {
            return Err(RedisUrlError::Insecure);
        }
        match scheme {
            "redis" | "rediss" | "redis+unix" | "unix" => Self::server(url),
            "redis+sentinel" => Self::sentinel(Parts::split(rest)?, false),
            "rediss+sentinel" => Self::sentinel(Parts::split(rest)?, true),
            "redis+cluster" => Self::cluster(&Parts::split(rest)?, false, options),
            "rediss+cluster" => Self::cluster(&Parts::split(rest)?, true, options),
            _ => Err(RedisUrlError::Scheme),
        }
    }

    fn server(url: &str) -> Result<Self, RedisUrlError> {
        let info = connection_info(url)?;
        let shown = info.addr().to_string();
        let client = Client::open(info).map_err(|_| RedisUrlError::Form)?;
        Ok(Self {
            place: Place::Server(client),
            shown,
        })
    }

    fn sentinel(parts: Parts<'_>, tls: bool) -> Result<Self, RedisUrlError> {
        let (primary, database) = parts.path.split_once('/').unwrap_or((parts.path, ""));
        if primary.is_empty() {
            return Err(RedisUrlError::NoPrimary);
        }
        let nodes = parts
            .hosts
            .iter()
            .map(|host| connection_info(&node_url(tls, None, host, SENTINEL_PORT, "")));
        let data_url = node_url(tls, parts.credentials, "data-node", REDIS_PORT, database);
        let mut data = SentinelNodeConnectionInfo::default()
            .set_redis_connection_info(connection_info(&data_url)?.redis_settings().clone())
            .set_tcp_settings(tcp_settings());
        if tls {
            data = data.set_tls_mode(TlsMode::Secure);
        }
        let nodes = nodes.collect::<Result<_, _>>()?;
        let shown = format!("{primary} by {}", parts.hosts.join(", "));
        Ok(Self {
            place: Place::Sentinel {
                nodes,
                primary: primary.to_owned(),
                data,
            },
            shown,
        })
    }

    fn cluster(
        parts: &Parts<'_>,
        tls: bool,
        options: &RedisOptions,
    ) -> Result<Self, RedisUrlError> {
        if !parts.path.is_empty() {
            return Err(RedisUrlError::ClusterPath);
        }
        let nodes = parts
            .hosts
            .iter()
            .map(|host| connection_info(&node_url(tls, parts.credentials, host, REDIS_PORT, "")));
        let client = ClusterClient::builder(nodes.collect::<Result<Vec<_>, _>>()?)
            .tcp_settings(tcp_settings())
            .connection_timeout(options.connect_timeout)
            .response_timeout(options.response_timeout)
            .overall_response_timeout(Some(options.response_timeout))
            .retries(1)
            .build()
            .map_err(|_| RedisUrlError::Form)?;
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
            Place::Sentinel {
                nodes,
                primary,
                data,
            } => {
                let data = Some(data.clone());
                let kind = SentinelServerType::Master;
                let mut client = SentinelClient::build(nodes.clone(), primary, data, kind)?;
                Wire::Single(client.get_async_connection_with_config(config).await?)
            }
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
