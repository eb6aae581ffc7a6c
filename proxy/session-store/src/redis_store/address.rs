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

use redis::aio::{ConnectionLike, PubSub};
use redis::cluster::ClusterClient;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, RedisConnectionInfo,
    RedisResult, TlsCertificates, TlsMode,
};

mod url;

use super::cluster::{Cluster, Masters};
use super::options::{RedisOptions, RedisUrlError};
use super::wire::Wire;
use url::{Parts, connection_info, node_url, tcp_settings};

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
    Cluster(Box<Cluster>),
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
pub(super) struct Tls {
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
            "redis" | "rediss" | "redis+unix" => Self::server(url, tls),
            "redis+sentinel" | "rediss+sentinel" => Self::sentinel(&Parts::split(rest)?, tls),
            "redis+cluster" | "rediss+cluster" => Self::cluster(&Parts::split(rest)?, tls, options),
            _ => Err(RedisUrlError::Scheme),
        }
    }

    fn server(url: &str, tls: Option<Tls>) -> Result<Self, RedisUrlError> {
        let info = connection_info(url)?;
        let shown = info.addr().to_string();
        Ok(Self {
            place: Place::Server(client(info, tls.as_ref())?),
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
            let url = node_url(tls.is_some(), parts.credentials, host, REDIS_PORT, "");
            connection_info(&url)
        });
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        for node in &nodes {
            client(node.clone(), tls.as_ref())?;
        }
        let mut builder = ClusterClient::builder(nodes.clone())
            .tcp_settings(tcp_settings())
            .connection_timeout(options.connect_timeout)
            .response_timeout(options.response_timeout)
            .overall_response_timeout(Some(options.response_timeout))
            .retries(1);
        let roots = tls.as_ref().and_then(|tls| tls.roots.clone());
        let problem = if roots.is_some() {
            RedisUrlError::Certificates
        } else {
            RedisUrlError::Form
        };
        if let Some(roots) = roots {
            builder = builder.certs(roots);
        }
        let cluster = Cluster {
            client: builder.build().map_err(|_| problem)?,
            seeds: nodes,
            tls,
        };
        Ok(Self {
            place: Place::Cluster(Box::new(cluster)),
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
            Place::Cluster(cluster) => Wire::Cluster(cluster.client.get_async_connection().await?),
        };
        wire.req_packed_command(&redis::cmd("PING"))
            .await?
            .extract_error()?;
        Ok(wire)
    }

    /// Connects to all that has to be listened to: one server, or the masters of a cluster.
    pub(super) async fn subscribers(&self) -> RedisResult<(Vec<PubSub>, Option<Masters>)> {
        let connection = match &self.place {
            Place::Server(client) => client.get_async_pubsub().await?,
            Place::Sentinel(sentinels) => {
                let client = sentinels.client()?.async_get_client().await?;
                client.get_async_pubsub().await?
            }
            Place::Cluster(cluster) => {
                let (connections, masters) = cluster.subscribers().await?;
                return Ok((connections, Some(masters)));
            }
        };
        Ok((vec![connection], None))
    }
}

pub(super) fn client(info: ConnectionInfo, tls: Option<&Tls>) -> Result<Client, RedisUrlError> {
    match tls.and_then(|tls| tls.roots.clone()) {
        Some(roots) => Client::build_with_tls(info, roots).map_err(|_| RedisUrlError::Certificates),
        None => Client::open(info).map_err(|_| RedisUrlError::Form),
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
