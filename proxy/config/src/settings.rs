//! `settings.yaml`, read and checked by itself.
//!
//! | module | owns |
//! |---|---|
//! | [`auth`] | `auth`: the provider, the client, lifetimes |
//! | [`client`] | how the client proves who it is |
//! | [`issuers`] | other authorization servers |
//! | [`audiences`] | `service_audiences` and `service_scopes` |
//! | [`session`] | `session`: store, keys, cookie |
//! | [`network`] | `listen`, `admin`, `forward_auth`, `trusted_proxies`, `identity_headers` |
//! | [`browser`] | `cors` and `csrf` |
//! | [`tls`] | `listen[].tls` and `hsts` |
//! | [`limits`] | `limits` and `rate_limits` |
//! | [`process`] | `logging`, `runtime`, `drain`, `upgrade_socket` |
//! | [`target`] | templates of a target's value |

pub(crate) mod audiences;
pub(crate) mod auth;
pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod issuers;
pub(crate) mod limits;
pub(crate) mod network;
pub(crate) mod process;
pub(crate) mod session;
pub(crate) mod target;
pub(crate) mod tls;

use std::path::PathBuf;

use crate::limits::Limits;
use crate::process::{Drain, Logging, Runtime};
use crate::public_url::PublicUrl;
use crate::reading::section::Section;
use crate::reading::{address, scalar};

/// Everything of `settings.yaml`.
pub(crate) struct Settings<'r> {
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) auth: auth::Auth<'r>,
    pub(crate) issuers: Vec<issuers::IssuerDraft<'r>>,
    pub(crate) services: audiences::ServiceTokens<'r>,
    pub(crate) session: session::SessionSettings,
    pub(crate) network: network::Network,
    pub(crate) browser: browser::Pages,
    pub(crate) limits: Limits,
    pub(crate) rates: limits::Rates<'r>,
    pub(crate) logging: Logging,
    pub(crate) runtime: Runtime,
    pub(crate) drain: Drain,
    pub(crate) upgrade_socket: Option<PathBuf>,
}

/// Reads the whole file.
pub(crate) fn read<'r>(root: &Section<'r>) -> Settings<'r> {
    let public_url = read_public_url(root);
    let limits = limits::read(root);
    let session = session::read(root);
    Settings {
        auth: auth::read(root),
        issuers: issuers::read_all(root),
        services: audiences::read(root),
        upgrade_socket: process::read_upgrade_socket(root, &session.store),
        session,
        network: network::read(root, public_url.as_ref(), limits),
        browser: browser::read(root, public_url.as_ref()),
        limits,
        rates: limits::read_rates(root),
        logging: process::read_logging(root),
        runtime: process::read_runtime(root),
        drain: process::read_drain(root),
        public_url,
    }
}

/// Off this machine it is https: over plain http the session cookie is readable on the way.
fn read_public_url(root: &Section<'_>) -> Option<PublicUrl> {
    let item = root.require(
        "public_url",
        "add the address that browsers see, such as `public_url: http://localhost:8080`",
    );
    let means_it = root.value_or("dangerously_allow_plain_http", scalar::boolean, false);
    let item = item?;
    let public_url = item.value(address::public_url)?;
    if public_url.secure || public_url.is_loopback() {
        return Some(public_url);
    }
    let problem = format!(
        "`{}` is plain http off this machine: whoever is on the way reads the session cookie",
        item.written()
    );
    match means_it {
        true => item
            .at
            .warn(problem, "use https and remove dangerously_allow_plain_http"),
        false => {
            item.at.error(
                problem,
                "use https; for a trial, dangerously_allow_plain_http: true lets it pass",
            );
            return None;
        }
    }
    Some(public_url)
}
