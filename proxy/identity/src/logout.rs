//! What a logout answers.

/// A session that has ended, or that was not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedOut {
    /// The provider's own logout page, with what it needs to know. `None`: the provider has none,
    /// or there was no session.
    pub logout_url: Option<String>,
    /// Values of `Set-Cookie` fields: the session cookie is deleted, the logout's state is kept.
    pub set_cookies: Vec<String>,
}

/// Where a browser goes that comes back from the provider's logout page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutReturn {
    /// The value of `Location`.
    pub location: String,
    /// Values of `Set-Cookie` fields: the logout's state is forgotten.
    pub set_cookies: Vec<String>,
}
