//! What can go wrong with a store. No variant holds a key, a token or a URL with credentials.

use tokenbridge_bridge::rejection::{Refusal, Rejection};

/// Why a store could not do what was asked. None of these means that a session is over:
/// an outage is never a logout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer. The same request may succeed later.
    #[error("the session store does not answer: {0}")]
    Unavailable(String),
    /// There is no room for another session or value. What is stored stays.
    #[error("the session store is full")]
    Full,
    /// A value is there that no configured key opens or that is not in a known form.
    /// The facts of a session are the exception: a session whose facts cannot be read is
    /// unreadable as a whole (with a warning in the log).
    #[error("the session store holds a value that cannot be read: {0}")]
    Corrupt(&'static str),
}

impl StoreError {
    /// How an operation ended, as a metric label.
    pub(crate) fn status(error: Option<&Self>) -> &'static str {
        match error {
            None => "ok",
            Some(Self::Unavailable(_)) => "unavailable",
            Some(Self::Full) => "full",
            Some(Self::Corrupt(_)) => "corrupt",
        }
    }
}

/// A store that fails is never a logout.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let rejection = match error {
            StoreError::Unavailable(_) | StoreError::Corrupt(_) => Rejection::StoreUnavailable,
            StoreError::Full => Rejection::StoreFull,
        };
        Self::new(rejection, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use tokenbridge_bridge::rejection::CookieFate;

    use super::*;

    #[test]
    fn a_store_that_fails_keeps_every_cookie_and_says_why_in_the_log() {
        for (error, rejection) in [
            (
                StoreError::Unavailable("no route".into()),
                Rejection::StoreUnavailable,
            ),
            (StoreError::Corrupt("a slot"), Rejection::StoreUnavailable),
            (StoreError::Full, Rejection::StoreFull),
        ] {
            let refusal = Refusal::from(error.clone());
            assert_eq!(refusal.rejection, rejection);
            assert_eq!(refusal.detail, error.to_string());
            assert_eq!(refusal.cookie, CookieFate::Untouched);
        }
    }
}
