//! The edge gateway: session cookie in, audience-bound access token out. Of `proxy/`
//! the only crate that names Pingora.
//!
//! | module | owns |
//! |---|---|
//! | `gateway` | the framework's phases, as a table of contents |
//! | `phases` | the steps behind the phases |
//! | `exchange` | what is known of one request while it is under way |
//! | `endpoints` | our own endpoints below `/auth/` |
//! | `refusal`, `answer` | what the gateway's own answers look like, and how they are written |
//! | `csrf`, `cors` | the token of a page, and what pages of other origins may do |
//! | `host` | which hosts are served |
//! | `frontend` | what was worked out when the configuration was loaded |
//! | `upstreams`, `upstream_tls`, `resolver` | addresses of services, resolved off the request path |
//! | `connections` | a client's connection from accept to close, with its limits and deadlines |
//! | `tls` | certificates toward clients, read again when they change |
//! | `renewal` | the background service that renews tokens |
//! | `listeners`, `admin` | who listens where, and with which threads |
//! | `forward_auth` | the listener on which other proxies ask whether a request may pass |
//! | `rates` | which token buckets a request draws from, and this replica's own buckets |
//! | `live_sessions` | who has something open for a session, and is told what happens to it |
//! | `epochs` | whether anything was heard of a session since somebody asked about it |
//! | `session_end` | waits for the end of a session that something open belongs to |
//! | `session_cache` | what was admitted a moment ago, ready to be sent |
//! | `store` | opening the session store for each thread |
//! | `start`, `open_files`, `drain` | how the process begins and ends |
//! | `upgrade` | a new process takes over the listening sockets of this one |
//! | `metrics`, `telemetry`, `logging`, `request_id` | what can be seen from outside |
//! | `probe` | `check --probe`: what the provider gives each service, through the running gateway |
//! | `cli`, `commands` | the command line |

mod admin;
mod answer;
mod cli;
mod commands;
mod connections;
mod cors;
mod csrf;
mod digits;
mod drain;
mod endpoints;
mod epochs;
mod exchange;
mod forward_auth;
mod frontend;
mod gateway;
mod host;
mod listeners;
mod live_sessions;
mod logging;
mod metrics;
mod open_files;
mod phases;
mod probe;
mod rates;
mod refusal;
mod renewal;
mod request_id;
mod resolver;
mod session_cache;
mod session_end;
mod start;
mod store;
mod telemetry;
mod tls;
mod upgrade;
mod upstream_tls;
mod upstreams;

pub use commands::main;
