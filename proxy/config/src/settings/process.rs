//! `logging`, `runtime`, `drain` and `upgrade_socket`.

use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::process::{Drain, LogFormat, LogLevel, Logging, Runtime, RuntimeShape};
use crate::reading::place::{Complaint, Read};
use crate::reading::scalar;
use crate::reading::section::Section;
use crate::store::StoreSettings;

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

/// A Unix socket's address has 108 bytes (unix(7)), and while one replaces another its name is
/// longer by a process id.
const LONGEST_SOCKET_PATH: usize = 96;

/// Reads `upgrade_socket`. Sessions in memory would end with the process that hands over.
pub(crate) fn read_upgrade_socket(root: &Section<'_>, store: &StoreSettings) -> Option<PathBuf> {
    let item = root.get("upgrade_socket")?;
    let path = item.value(socket_path)?;
    match store {
        StoreSettings::Redis { .. } => Some(path),
        StoreSettings::Memory { .. } => {
            item.at.error(
                "stands beside session.store: memory, so an upgrade would end every session",
                "write session.store: redis, or leave upgrade_socket out",
            );
            None
        }
    }
}

fn socket_path(value: &str) -> Read<PathBuf> {
    let path = Path::new(value);
    let names_a_file = path.file_name().is_some() && !value.ends_with('/');
    let goes_up = path.components().any(|part| part == Component::ParentDir);
    if !path.is_absolute() || !names_a_file || goes_up {
        return Err(Complaint::new(
            "is no absolute path of a socket",
            "write such as /run/tokenbridge/upgrade.sock",
        ));
    }
    if value.len() > LONGEST_SOCKET_PATH {
        return Err(Complaint::new(
            "is too long for a socket",
            format!("use a path of at most {LONGEST_SOCKET_PATH} bytes"),
        ));
    }
    Ok(path.into())
}
