//! How the process runs: logging, threads and the clean stop.

use std::num::NonZeroUsize;
use std::time::Duration;

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logging {
    /// The lowest level that is shown.
    pub level: LogLevel,
    /// What a line looks like.
    pub format: LogFormat,
}

/// The lowest level that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Errors alone.
    Error,
    /// And warnings.
    Warn,
    /// And what an operator wants to know.
    Info,
    /// And each decision.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Its name in the configuration and in filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// What a log line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text with colour on a terminal, JSON otherwise.
    Auto,
    /// Text; colour on a terminal alone.
    Text,
    /// One JSON object a line.
    Json,
}

/// How threads are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// What is shared between them.
    pub shape: RuntimeShape,
    /// How many serve requests; `None`: one per core.
    pub threads: Option<NonZeroUsize>,
}

/// What the threads that serve requests share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeShape {
    /// One single-threaded proxy service per thread, each with its own listener and pools.
    PerCore,
    /// One proxy service for all threads.
    Shared,
}

/// The clean stop after SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long requests are still taken while `/ready` already says no, so that a load balancer
    /// can see it.
    pub grace_period: Duration,
    /// How long requests under way may then take to end.
    pub timeout: Duration,
}
