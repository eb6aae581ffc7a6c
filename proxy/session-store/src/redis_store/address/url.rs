//! The parts of a URL that the client library does not read itself.

use redis::io::tcp::TcpSettings;
use redis::{ConnectionInfo, IntoConnectionInfo};

use crate::redis_store::options::RedisUrlError;

/// What stands behind the scheme of a URL with several hosts.
pub(super) struct Parts<'a> {
    pub(super) credentials: Option<&'a str>,
    pub(super) hosts: Vec<&'a str>,
    pub(super) path: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn split(rest: &'a str) -> Result<Self, RedisUrlError> {
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

pub(super) fn node_url(
    tls: bool,
    credentials: Option<&str>,
    host: &str,
    port: u16,
    database: &str,
) -> String {
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

pub(super) fn connection_info(url: &str) -> Result<ConnectionInfo, RedisUrlError> {
    let info = url
        .into_connection_info()
        .map_err(|_| RedisUrlError::Form)?;
    Ok(info.set_tcp_settings(tcp_settings()))
}

pub(super) fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}
