//! Whether the store answers, and since when: known from the last call, without any I/O.

use tokenbridge_bridge::UnixTime;

/// What the last call to the store showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreHealth {
    /// No call was made yet.
    Unknown,
    /// It answers, since this time.
    Up(UnixTime),
    /// It does not answer, since this time.
    Down(UnixTime),
}
