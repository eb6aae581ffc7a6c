//! The token by which a page shows that it made a request: a MAC over the session's key, so that
//! it is checked without the store. Any configured key verifies; the first one makes new tokens.

use std::sync::Arc;

use tokenbridge_bridge::csrf::write_token;
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_session_store::{Keyring, Purpose};

/// Makes and verifies tokens.
pub(crate) struct CsrfTokens(Arc<Keyring>);

impl CsrfTokens {
    /// Tokens by these keys.
    pub(crate) fn new(keyring: Arc<Keyring>) -> Self {
        Self(keyring)
    }

    /// A session's token. It lives as long as the session and the key.
    pub(crate) fn of(&self, session: &SessionKey) -> String {
        write_token(&self.0.mac(Purpose::Csrf, &[session.as_bytes()]))
    }

    /// Whether a MAC is the session's; in constant time.
    pub(crate) fn is_of(&self, session: &SessionKey, mac: &[u8; 32]) -> bool {
        self.0.verify_mac(Purpose::Csrf, &[session.as_bytes()], mac)
    }
}
