//! `routes.yaml` and `settings.yaml` to one checked [`Configuration`], or a [`Report`] of every
//! problem. Files are read when a folder is loaded, certificates also when they change; nothing else
//! here does I/O.
//!
//! | module | owns |
//! |---|---|
//! | [`mod@load`] | a folder to a configuration |
//! | [`configuration`] | the whole: what the gateway runs with |
//! | [`public_url`] | the address that browsers see, and what follows from it for the cookie |
//! | [`issuer`] | the OpenID provider and how the gateway is known there |
//! | [`preset`] | what is known of a kind of provider |
//! | [`service`] | one upstream service: address, TLS, timeouts, token |
//! | [`client_key`] | the private key that signs client assertions |
//! | [`tls_files`] | PEM files of certificates and keys |
//! | [`listen`] | addresses that are listened on |
//! | [`store`] | where sessions live |
//! | [`limits`] | sizes, times, connections and rates |
//! | [`process`] | logging, threads and the clean stop |
//! | [`problem`] | problems of a configuration and how they are shown |
//! | [`idp`] | whether a provider's files agree with the configuration |
//! | [`hosts`] | services whose host has no address |
//! | [`preset_hint`] | issuers that are plainly of a kind that no preset says |
//! | [`mod@explain`] | what would happen to a request |
//! | `reading` | YAML to values with positions |
//! | `settings`, `routes` | each file, read by itself |
//! | `assembly`, `missing_audience` | both files together |

mod assembly;
pub mod client_key;
pub mod configuration;
#[cfg(test)]
mod documentation;
pub mod explain;
pub mod hosts;
pub mod idp;
pub mod issuer;
pub mod limits;
pub mod listen;
pub mod load;
mod missing_audience;
pub mod preset;
pub mod preset_hint;
pub mod problem;
pub mod process;
pub mod public_url;
mod reading;
mod routes;
pub mod service;
mod settings;
pub mod store;
pub mod tls_files;

pub use configuration::{Configuration, Frontend};
pub use explain::{Explanation, explain};
pub use hosts::check_hosts;
pub use idp::check_idp;
pub use load::{Loaded, load};
pub use preset_hint::check_presets;
pub use problem::{Problem, Report, Severity};
