//! An upstream whose connections a test holds in its own hands.

use tokio::net::TcpListener;

use super::ConfigurationFolder;
use super::raw::RawClient;

/// Where the route to the crud service leads, which is one with a session.
pub(crate) const WITH_SESSION: &str = "/api/v1/crud/live";
/// A route without one.
pub(crate) const OPEN: &str = "/live";

/// The upstream; it answers nothing by itself.
pub(crate) struct LiveUpstream {
    listener: TcpListener,
}

/// A request and the connection that it came on.
pub(crate) struct Taken {
    /// Request line and fields.
    pub(crate) head: String,
    pub(crate) connection: RawClient,
}

impl LiveUpstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// The next connection, with nothing read from it.
    pub(crate) async fn accept(&self) -> RawClient {
        let accepted = tokio::time::timeout(super::raw::PATIENCE, self.listener.accept());
        let accepted = accepted.await.expect("the gateway connects");
        RawClient::over(accepted.unwrap().0)
    }

    /// The next request that comes on a connection of its own.
    pub(crate) async fn take(&self) -> Taken {
        let mut connection = self.accept().await;
        let head = connection.until(b"\r\n\r\n").await;
        Taken {
            head: String::from_utf8(head).unwrap(),
            connection,
        }
    }

    /// Makes the crud service of a configuration lead here, and one more route without a session.
    pub(crate) fn stand_in(&self, folder: &ConfigurationFolder) {
        let url = self.url();
        let service = format!("services:\n  live:\n    base_url: \"{url}\"\n");
        folder.replace("routes.yaml", "services:\n", &service);
        let route = format!(
            "routes:\n  - id: \"live\"\n    path: \"{OPEN}\"\n    target_service: \"live\"\n    \
             upstream_path: \"{OPEN}\"\n    auth: \"none\"\n"
        );
        folder.replace("routes.yaml", "routes:\n", &route);
        lead_crud_to(folder, &url);
    }
}

/// Makes the crud service of a configuration lead somewhere else.
pub(crate) fn lead_crud_to(folder: &ConfigurationFolder, url: &str) {
    folder.edit("routes.yaml", |text| {
        let (before, rest) = text.split_once("  crud_service:\n").unwrap();
        let (_, after) = rest.split_once('\n').unwrap();
        format!("{before}  crud_service:\n    base_url: \"{url}\"\n{after}")
    });
}

/// The fields of a request by a page of a gateway with this session.
pub(crate) fn fields_of_page(public_url: &str, cookie: &str) -> String {
    let host = public_url.trim_start_matches("http://");
    format!(
        "Host: {host}\r\nOrigin: {public_url}\r\nSec-Fetch-Site: same-origin\r\n\
         Cookie: bff_session={cookie}\r\n"
    )
}
