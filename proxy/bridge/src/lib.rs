//! The pure decisions of tokenbridge: no I/O, no clock, no async, no serialisation.
//!
//! | module | owns |
//! |---|---|
//! | [`target`] | the canonical request target, the only form that is matched and forwarded |
//! | [`pattern`] | route patterns and upstream path templates |
//! | [`route`] | routes, the compiled route table and what it answers |
//! | [`service`] | what a service's access token is asked for and must be |
//! | [`session`] | session ids, facts, expiry and what a store's reading means |
//! | [`ending`] | when a session's page is told that it ends |
//! | [`grant`] | refresh tokens, their generations and who may spend them |
//! | [`token`] | service tokens, and the type that proves their audience |
//! | [`admission`] | the whole decision: may this request go on, and with which token |
//! | [`rejection`] | every refusal, with its status, code, log level and public text |
//! | [`browser`] | whether a request comes from a page that may use the session |
//! | [`csrf`] | the proof that one of our pages made a request |
//! | [`cors`] | what a browser asks before a request of another origin |
//! | [`cookie`] | reading a `Cookie` header, writing our own cookies |
//! | [`site_data`] | what an upstream may tell a browser to forget |
//! | [`client_address`] | who a request is from, behind trusted proxies |
//! | [`rate`] | token buckets |
//! | [`client_headers`] | which header names a client may never send to an upstream |
//! | [`framing`] | which HTTP/1 heads can be read in one way only |
//! | [`navigation`] | telling a navigation from a fetch |
//! | [`return_to`] | where a login may return to |
//! | [`renewal`] | when a token falls due |
//! | [`trace`] | request ids and W3C trace context |
//! | [`secret`] | values that never show themselves |
//! | [`via`] | how often a request has passed here |
//! | [`websocket`] | where the frames of a WebSocket begin and end |
//! | [`time`] | points in time, in Unix seconds |

pub mod admission;
pub mod browser;
pub mod client_address;
pub mod client_headers;
pub mod cookie;
pub mod cors;
pub mod csrf;
pub mod ending;
pub mod framing;
pub mod grant;
pub mod navigation;
pub mod pattern;
pub mod rate;
pub mod rejection;
pub mod renewal;
pub mod return_to;
pub mod route;
pub mod secret;
pub mod service;
pub mod session;
pub mod site_data;
pub mod target;
pub mod time;
pub mod token;
pub mod trace;
pub mod via;
pub mod websocket;

pub use secret::{Secret, SecretBytes};
pub use time::UnixTime;
