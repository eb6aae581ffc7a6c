//! Measures tokenbridge beside bare Pingora and other gateways, in one run.
//!
//! | module | owns |
//! |---|---|
//! | [`command_line`] | what the program takes |
//! | [`load`] | load: as fast as it is answered, or at a fixed rate |
//! | [`backend`] | the upstream, which counts what it answered |
//! | [`process`], [`redis`], [`certificate`] | what else runs, and what it costs |
//! | [`seeding`] | sessions that are put into the store without a login |
//! | [`stage`] | provider, backend, store and logged-in sessions of one run |
//! | [`gateway`] | a tokenbridge of this run |
//! | [`target`] | what is measured: a gateway or a bare proxy |
//! | [`bearer`] | whose token reached the backend |
//! | [`scenario`] | the kinds of requests that are measured |
//! | [`round`] | the timed rows, interleaved |
//! | [`peers`], [`peer_rounds`], [`peer_report`] | other gateways, the rounds that compare them, and what these showed |
//! | [`shapes`] | thread shapes, allocators, buffers, pools and builds side by side |
//! | [`profile`] | where a gateway's time goes, as perf samples it |
//! | [`counting`] | instructions, allocations and system calls of a request |
//! | [`machine`] | what the figures were measured on |
//! | [`memory`] | bytes of a connection and of a session, time to the first answer |
//! | [`scale`], [`due_index`] | many sessions in a real Redis |
//! | [`replicas`], [`redis_fleet`] | several gateways, and a Redis Cluster |
//! | [`scheduling`] | that the load generator does not interrupt what is measured |
//! | [`report`], [`chart`] | table, JSON and SVG |
//! | [`tls_front`] | the provider over TLS |
//! | [`visits`] | users of a running demo, at a rate that a script lays down |
//! | [`tools`] | programs that must be installed, and how |

pub mod backend;
pub mod bearer;
pub mod certificate;
pub mod chart;
pub mod command_line;
pub mod counting;
pub mod due_index;
pub mod gateway;
pub mod load;
pub mod machine;
pub mod memory;
pub mod peer_report;
pub mod peer_rounds;
pub mod peers;
pub mod process;
pub mod profile;
pub mod redis;
pub mod redis_fleet;
pub mod replicas;
pub mod report;
pub mod round;
pub mod scale;
pub mod scenario;
pub mod scheduling;
pub mod seeding;
pub mod shapes;
pub mod stage;
pub mod target;
pub mod tls_front;
pub mod tools;
pub mod visits;

/// A value, or why there is none.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
