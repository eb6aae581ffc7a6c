//! What an error of the Redis client means for the store. Texts of the server are not passed on:
//! they may quote what was sent.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::error::StoreError;

/// An error, and whether the connection is of any more use.
pub(super) enum Fault {
    /// The connection is broken, or leads to the wrong server. On a new one the same command may
    /// succeed.
    Connection(StoreError),
    /// The server refused the command, or its answer made no sense.
    Command(StoreError),
}

impl Fault {
    pub(super) fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io => Self::Connection(unavailable(&error.to_string())),
            ErrorKind::Parse
            | ErrorKind::AuthenticationFailed
            | ErrorKind::ClusterConnectionNotFound
            // A primary that became a replica: the next connection leads to the new primary.
            | ErrorKind::Server(ServerErrorKind::ReadOnly) => Self::Connection(by_code(error)),
            _ => Self::Command(by_code(error)),
        }
    }

    pub(super) fn into_error(self) -> StoreError {
        match self {
            Self::Connection(error) | Self::Command(error) => error,
        }
    }
}

fn by_code(error: &RedisError) -> StoreError {
    match error.code() {
        Some("OOM") => StoreError::Full,
        Some("WRONGTYPE") => StoreError::Corrupt("a key of another type"),
        Some(code) => unavailable(&format!("{} ({code})", error.category())),
        None => unavailable(error.category()),
    }
}

pub(super) fn unavailable(what: &str) -> StoreError {
    StoreError::Unavailable(what.to_owned())
}
