//! Where sessions live.

use tokenbridge_bridge::Secret;

/// The session store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreSettings {
    /// In this process: sessions end with it.
    Memory {
        /// How many sessions it holds; a full store refuses new logins.
        max_sessions: usize,
    },
    /// In Redis.
    Redis {
        /// `redis://` or `rediss://`; may hold a password.
        url: Secret,
        /// The authorities that are trusted in the place of the system's, PEM, as read when the
        /// configuration was loaded. Only with `rediss`.
        authorities: Option<String>,
    },
}
