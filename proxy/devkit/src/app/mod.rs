//! The demo single-page application: three files, no framework, nothing from elsewhere.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};

use crate::server::{Bound, Server, StartError};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The running application. Dropping it closes its port and every connection.
pub struct DemoApp {
    server: Server,
}

impl DemoApp {
    /// Binds a loopback address and serves the three files.
    ///
    /// # Errors
    /// The address is taken or not loopback.
    pub async fn start(listen: SocketAddr) -> Result<Self, StartError> {
        let server = Bound::bind(listen).await?.serve(router());
        Ok(Self { server })
    }

    /// A free loopback port.
    pub fn any_port() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// `http://localhost:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.address().port())
    }
}

fn router() -> Router {
    let page = || async { file("text/html; charset=utf-8", include_str!("index.html")) };
    let script = || async { file("text/javascript; charset=utf-8", include_str!("app.js")) };
    let style = || async { file("text/css; charset=utf-8", include_str!("app.css")) };
    Router::new()
        .route("/", get(page))
        .route("/app.js", get(script))
        .route("/app.css", get(style))
}

fn file(content_type: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)));
    (headers, content).into_response()
}
