//! Whether the provider answers, and since when.

use tokenbridge_bridge::UnixTime;

/// What the last calls to the provider showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderHealth {
    /// Whether it answers.
    pub state: ProviderState,
    /// Since when it is so.
    pub since: UnixTime,
    /// Why it is not up, without secrets; empty when it is.
    pub why: String,
}

/// Whether the provider answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderState {
    /// It was not asked yet.
    Unknown,
    /// It answers.
    Up,
    /// It does not answer, or not in a way that can be used.
    Down,
}

impl ProviderState {
    /// The name in `/health`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}
