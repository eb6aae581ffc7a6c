//! What is told of connections: before there is a request, and where there never is one.

use prometheus::{IntCounter, IntCounterVec};

use super::families::Families;

/// The handles.
pub(crate) struct ConnectionMetrics {
    refused: IntCounterVec,
    tls_handshakes: IntCounterVec,
    certificate_reloads: IntCounterVec,
    malformed: IntCounter,
}

impl ConnectionMetrics {
    pub(super) fn new(families: &mut Families) -> prometheus::Result<Self> {
        Ok(Self {
            refused: families.counters(
                "bff_connections_refused_total",
                "Connections closed as soon as they were accepted",
                &["reason"],
            )?,
            tls_handshakes: families.counters(
                "bff_tls_handshakes_total",
                "TLS handshakes with clients",
                &["outcome"],
            )?,
            certificate_reloads: families.counters(
                "bff_certificate_reloads_total",
                "Attempts to read changed certificates",
                &["outcome"],
            )?,
            malformed: families.counter(
                "bff_malformed_requests_total",
                "Requests that the framework refused itself",
            )?,
        })
    }

    /// Counts a connection that was not served.
    pub(crate) fn refused(&self, reason: &str) {
        self.refused.with_label_values(&[reason]).inc();
    }

    /// Counts a TLS handshake.
    pub(crate) fn tls_handshake(&self, outcome: &str) {
        self.tls_handshakes.with_label_values(&[outcome]).inc();
    }

    /// Counts an attempt to read changed certificates.
    pub(crate) fn certificate_reload(&self, outcome: &str) {
        self.certificate_reloads.with_label_values(&[outcome]).inc();
    }

    /// Counts a request that the framework refused itself.
    pub(crate) fn malformed(&self) {
        self.malformed.inc();
    }
}
