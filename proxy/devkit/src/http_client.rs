//! HTTP clients of devkit's own.

use std::time::Duration;

use reqwest::{Client, redirect};

use crate::server::StartError;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A client that follows no redirect and knows no proxy.
pub(crate) fn http_client() -> Result<Client, StartError> {
    // A test that starts a part of devkit first has installed none yet; another one's is kept.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .build()
        .map_err(|_| StartError::Machine("the HTTP client could not be built"))
}
