//! What fuzz targets and property tests reach of the readers that take in what a provider sends.

use tokenbridge_bridge::Secret;

use crate::tokens::response::{self, Answer};

/// What a test can know of an answer that was read.
pub struct ReadAnswer {
    /// The refresh token that would be stored.
    pub refresh_token: Option<Secret>,
    /// All that a log could show of it.
    pub shown: String,
}

/// Reads a token endpoint's answer as a renewal does.
pub fn read_token_response(status: u16, body: &[u8]) -> ReadAnswer {
    let answer = response::read(status, None, body);
    let shown = format!("{answer:?}");
    let refresh_token = match answer {
        Answer::Granted(granted) => granted.refresh_token,
        Answer::Refused(_) | Answer::Unreadable { .. } | Answer::Failed(_) => None,
    };
    ReadAnswer {
        refresh_token,
        shown,
    }
}
