//! A gateway between raw clients and a recording upstream, without a provider: what is tested is
//! the transport. Everything goes to the upstream on a route without a session.

use super::certificates::Authority;
use super::raw::RawClient;
use super::recorder::Recorder;
use super::{ConfigurationFolder, GatewayProcess};

/// A gateway and its upstream.
pub(crate) struct Transport {
    pub(crate) upstream: Recorder,
    pub(crate) folder: ConfigurationFolder,
    pub(crate) gateway: GatewayProcess,
    /// The port of the TLS listener, where there is one.
    pub(crate) tls_port: u16,
    /// Whose certificates the TLS listener shows.
    pub(crate) authority: Authority,
}

impl Transport {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With the configuration changed before the start.
    pub(crate) async fn start_with(change: impl FnOnce(&mut ConfigurationFolder)) -> Self {
        Self::start_at(Recorder::start().await, change).await
    }

    /// At an upstream.
    pub(crate) async fn start_at(
        upstream: Recorder,
        change: impl FnOnce(&mut ConfigurationFolder),
    ) -> Self {
        super::tls();
        let nobody = "http://127.0.0.1:9";
        let mut folder = ConfigurationFolder::demo(nobody, nobody, nobody);
        folder.replace("routes.yaml", "http://localhost:8102", &upstream.url());
        let authority = Authority::new();
        let tls_port = folder.listen_tls(&authority);
        change(&mut folder);
        let gateway = GatewayProcess::start(&mut folder).await;
        Self {
            upstream,
            folder,
            gateway,
            tls_port,
            authority,
        }
    }

    /// A plain connection.
    pub(crate) async fn connect(&self) -> RawClient {
        RawClient::connect(self.folder.port()).await
    }

    /// What `/metrics` says.
    pub(crate) async fn metrics(&self) -> String {
        let url = self.folder.admin_url("/metrics");
        reqwest::get(url).await.unwrap().text().await.unwrap()
    }

    /// What `/health` says.
    pub(crate) async fn health(&self) -> serde_json::Value {
        let url = self.folder.admin_url("/health");
        let answer = reqwest::get(url).await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// The value of `Host` for this gateway.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.folder.port())
    }
}
