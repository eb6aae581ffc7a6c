//! Where the other crates' counts become metrics.

use std::sync::Arc;

use tokenbridge_bridge::service::{ServiceName, Strategy};
use tokenbridge_identity::{EndReason, Endpoint, MintStatus, Telemetry};
use tokenbridge_session_store::StoreTelemetry;

use crate::metrics::Metrics;

/// The identity crate's counts, as Prometheus counters.
pub(crate) struct IdentityTelemetry(pub(crate) Arc<Metrics>);

impl Telemetry for IdentityTelemetry {
    fn token_minted(&self, service: &ServiceName, strategy: Strategy, status: MintStatus) {
        let labels = [service.as_str(), strategy.as_str(), status.as_str()];
        self.0.token_mints.with_label_values(&labels).inc();
    }

    fn token_refreshed(&self, service: &ServiceName, status: MintStatus) {
        self.0
            .token_refreshes
            .with_label_values(&[service.as_str(), status.as_str()])
            .inc();
    }

    fn provider_called(&self, endpoint: Endpoint, status: &str) {
        self.0
            .idp_requests
            .with_label_values(&[endpoint.as_str(), status])
            .inc();
    }

    fn breaker(&self, issuer: &str, endpoint: Endpoint, open: bool) {
        self.0
            .breakers
            .with_label_values(&[issuer, endpoint.as_str()])
            .set(i64::from(open));
    }

    fn session_created(&self) {
        self.0.sessions_created.inc();
    }

    fn session_destroyed(&self, reason: EndReason) {
        self.0
            .sessions_destroyed
            .with_label_values(&[reason.as_str()])
            .inc();
    }
}

/// The session store's counts, as Prometheus counters.
pub(crate) struct StoreCounts(pub(crate) Arc<Metrics>);

impl StoreTelemetry for StoreCounts {
    fn operation(&self, name: &'static str, status: &'static str) {
        self.0
            .store_operations
            .with_label_values(&[name, status])
            .inc();
    }
}
