//! `settings.yaml`, read and checked by itself.
//!
//! | module | owns |
//! |---|---|
//! | [`auth`] | `auth`: the provider, the client, lifetimes |
//! | [`client`] | how the client proves who it is |
//! | [`audiences`] | `service_audiences` and `service_scopes` |
//! | [`session`] | `session`: store, keys, cookie |
//! | [`network`] | `listen`, `admin`, `forward_auth`, `trusted_proxies`, `identity_headers` |
//! | [`browser`] | `cors` and `csrf` |
//! | [`tls`] | `listen[].tls` and `hsts` |
//! | [`limits`] | `limits` and `rate_limits` |
//! | [`process`] | `logging`, `runtime`, `drain` |
//! | [`target`] | templates of a target's value |

pub(crate) mod audiences;
pub(crate) mod auth;
pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod limits;
pub(crate) mod network;
pub(crate) mod process;
pub(crate) mod session;
pub(crate) mod target;
pub(crate) mod tls;

use crate::limits::Limits;
use crate::process::{Drain, Logging, Runtime};
use crate::public_url::PublicUrl;
use crate::reading::address;
use crate::reading::section::Section;

/// Everything of `settings.yaml`.
pub(crate) struct Settings<'r> {
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) auth: auth::Auth<'r>,
    pub(crate) services: audiences::ServiceTokens<'r>,
    pub(crate) session: session::SessionSettings,
    pub(crate) network: network::Network,
    pub(crate) browser: browser::Pages,
    pub(crate) limits: Limits,
    pub(crate) rates: limits::Rates<'r>,
    pub(crate) logging: Logging,
    pub(crate) runtime: Runtime,
    pub(crate) drain: Drain,
}

/// Reads the whole file.
pub(crate) fn read<'r>(root: &Section<'r>) -> Settings<'r> {
    let public_url = root
        .require(
            "public_url",
            "add the address that browsers see, such as `public_url: http://localhost:8080`",
        )
        .and_then(|item| item.value(address::public_url));
    Settings {
        auth: auth::read(root),
        services: audiences::read(root),
        session: session::read(root),
        network: network::read(root, public_url.as_ref()),
        browser: browser::read(root, public_url.as_ref()),
        limits: limits::read(root),
        rates: limits::read_rates(root),
        logging: process::read_logging(root),
        runtime: process::read_runtime(root),
        drain: process::read_drain(root),
        public_url,
    }
}
