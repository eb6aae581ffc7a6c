//! What the crate promises, tried against the development provider over real HTTP.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod authorize;
mod authorize_failures;
mod authorize_races;
mod client_authentication;
mod distinct_tokens;
mod exchange;
mod gateway;
mod holding_off;
mod hops;
mod id_token;
mod log;
mod login;
mod login_flows;
mod logout;
mod minting;
mod opaque;
mod other_issuers;
mod outages;
mod own_tokens;
mod parts;
mod probe;
mod refusals;
mod refused_targets;
