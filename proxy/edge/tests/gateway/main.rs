//! The gateway as a real process, between a real provider, real backends and a small browser.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

mod admin;
mod answers;
mod authorize;
mod bridging;
mod cache;
mod callback;
mod canary;
mod command_line;
mod concurrency;
mod cors;
mod csrf;
mod deployment;
mod events;
mod examples;
mod forward_auth;
mod framing;
mod grpc;
mod h2spec;
mod hops;
mod http2;
mod https;
mod interop;
mod issuers;
mod limits;
mod manifests;
mod mixed_strategies;
mod own_tokens;
mod peers;
mod probe;
mod provider_refusals;
mod rates;
mod real_browser;
mod redis;
mod renewal;
mod request_bodies;
mod security_table;
mod seed;
mod session;
mod slow_clients;
mod soak;
mod streams;
mod support;
mod tls;
mod upgrade;
mod upstream_failures;
mod upstream_request;
mod upstream_times;
mod upstream_tls;
mod websocket;
