//! Why the browser did not get a page.

use url::Url;

/// Why the browser did not get a page.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// The address cannot be read.
    #[error("`{0}` is not a URL")]
    Url(String),
    /// The request failed.
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    /// A redirect that leads on and on.
    #[error("more than 20 redirects, the last one to {0}")]
    TooManyRedirects(Url),
    /// An address that this browser may not go to.
    #[error("{0} is out of bounds")]
    OutOfBounds(Url),
    /// There is nothing to submit.
    #[error("the page at {0} has no form")]
    NoForm(Url),
}
