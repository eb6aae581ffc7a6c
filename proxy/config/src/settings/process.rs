//! `logging`, `runtime` and `drain`.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::process::{Drain, LogFormat, LogLevel, Logging, Runtime, RuntimeShape};
use crate::reading::place::{Complaint, Read};
use crate::reading::scalar;
use crate::reading::section::Section;

const LEVELS: [(&str, LogLevel); 5] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

const FORMATS: [(&str, LogFormat); 3] = [
    ("auto", LogFormat::Auto),
    ("text", LogFormat::Text),
    ("json", LogFormat::Json),
];

const SHAPES: [(&str, RuntimeShape); 2] = [
    ("per_core", RuntimeShape::PerCore),
    ("shared", RuntimeShape::Shared),
];

/// Reads `logging`.
pub(crate) fn read_logging(root: &Section<'_>) -> Logging {
    let default = Logging {
        level: LogLevel::Info,
        format: LogFormat::Auto,
    };
    let Some(logging) = root.section("logging") else {
        return default;
    };
    Logging {
        level: logging.value_or("level", scalar::choice(&LEVELS), default.level),
        format: logging.value_or("format", scalar::choice(&FORMATS), default.format),
    }
}

/// Reads `runtime`.
pub(crate) fn read_runtime(root: &Section<'_>) -> Runtime {
    let default = Runtime {
        shape: RuntimeShape::PerCore,
        threads: None,
    };
    let Some(runtime) = root.section("runtime") else {
        return default;
    };
    Runtime {
        shape: runtime.value_or("shape", scalar::choice(&SHAPES), default.shape),
        threads: runtime.value_or("threads", threads, default.threads),
    }
}

fn threads(value: &str) -> Read<Option<NonZeroUsize>> {
    if value == "auto" {
        return Ok(None);
    }
    let number = value
        .parse()
        .ok()
        .filter(|number| (1..=1_024).contains(number));
    match number.and_then(NonZeroUsize::new) {
        Some(number) => Ok(Some(number)),
        None => Err(Complaint::new(
            "is no number of threads",
            "write auto or a number from 1 to 1024",
        )),
    }
}

/// Reads `drain`.
pub(crate) fn read_drain(root: &Section<'_>) -> Drain {
    let default = Drain {
        grace_period: Duration::from_secs(5),
        timeout: Duration::from_secs(30),
    };
    let Some(drain) = root.section("drain") else {
        return default;
    };
    Drain {
        grace_period: drain.value_or(
            "grace_period",
            scalar::duration_or_zero,
            default.grace_period,
        ),
        timeout: drain.value_or("timeout", scalar::duration_or_zero, default.timeout),
    }
}
