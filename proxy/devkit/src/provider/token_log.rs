//! The last token requests, without anything secret.

use std::collections::VecDeque;

use serde::Serialize;

/// What a token request asked for and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TokenRequestRecord {
    /// Who asked, once that was proven.
    pub client_id: Option<String>,
    /// How it was proven.
    pub client_authentication: Option<&'static str>,
    /// `grant_type` as it was sent.
    pub grant_type: String,
    /// The names of all parameters, as often as they were there.
    pub parameter_names: Vec<String>,
    /// Values of `resource`.
    pub resource: Vec<String>,
    /// Values of `audience`.
    pub audience: Vec<String>,
    /// Value of `scope`.
    pub scope: Option<String>,
    /// The error code of the answer; absent when there were tokens in it.
    pub error: Option<&'static str>,
    /// The audiences of the access token in the answer.
    pub answered_audiences: Vec<String>,
    /// Whether a refresh token was in the answer.
    pub answered_refresh_token: bool,
}

/// The last records, the newest last.
pub(crate) struct TokenLog {
    records: VecDeque<TokenRequestRecord>,
    length: usize,
}

impl TokenLog {
    pub(crate) fn new(length: usize) -> Self {
        Self {
            records: VecDeque::new(),
            length,
        }
    }

    pub(crate) fn push(&mut self, record: TokenRequestRecord) {
        self.records.push_back(record);
        while self.records.len() > self.length {
            self.records.pop_front();
        }
    }

    pub(crate) fn list(&self) -> Vec<TokenRequestRecord> {
        self.records.iter().cloned().collect()
    }
}
