//! What Prometheus is told. Labels are ids of the configuration, never a path, a user or a value
//! from a request; handles are resolved once per route, so a request looks no label up.

mod connections;
#[cfg(test)]
mod documentation;
mod families;

use std::sync::OnceLock;
use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Registry, TextEncoder,
};
use tokenbridge_bridge::rejection::Rejection;

pub(crate) use connections::ConnectionMetrics;
use families::Families;

/// Statuses that can be counted: 100 to 599.
const STATUSES: usize = 500;

/// All metrics of the process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    rejections: IntCounterVec,
    pub(crate) active_sessions: IntGauge,
    pub(crate) cached_grants: IntGauge,
    pub(crate) cached_bytes: IntGauge,
    pub(crate) cache_hits: IntCounter,
    pub(crate) cache_misses: IntCounter,
    pub(crate) dropped_log_lines: IntCounter,
    pub(crate) sessions_created: IntCounter,
    pub(crate) sessions_destroyed: IntCounterVec,
    pub(crate) token_mints: IntCounterVec,
    pub(crate) token_refreshes: IntCounterVec,
    pub(crate) idp_requests: IntCounterVec,
    pub(crate) breakers: IntGaugeVec,
    pub(crate) store_operations: IntCounterVec,
    pub(crate) upstream_rejected_tokens: IntCounterVec,
    csrf_violations: IntCounterVec,
    rate_limited: IntCounterVec,
    rate_limit_fallbacks: IntCounterVec,
    stream_cuts: IntCounterVec,
    pub(crate) connections: ConnectionMetrics,
}

/// The handles of one route or endpoint.
pub(crate) struct PlaceMetrics {
    label: String,
    requests: IntCounterVec,
    statuses: Box<[OnceLock<IntCounter>]>,
    duration: Histogram,
    rejections: IntCounterVec,
}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// Two metrics of one name, which is a fault of this file.
    pub(crate) fn new() -> prometheus::Result<Self> {
        Self::register(&mut Families::default())
    }

    fn register(families: &mut Families) -> prometheus::Result<Self> {
        Ok(Self {
            requests: families.counters(
                "http_requests_total",
                "Answered requests",
                &["route", "status"],
            )?,
            durations: durations(families)?,
            rejections: families.counters(
                "bff_rejections_total",
                "Requests refused by the gateway",
                &["code", "route"],
            )?,
            active_sessions: families
                .gauge("bff_active_sessions_total", "Sessions in the store")?,
            cached_grants: families
                .gauge("bff_session_cache_entries", "Grants kept in this process")?,
            cached_bytes: families.gauge(
                "bff_session_cache_bytes",
                "Bytes of grants kept in this process",
            )?,
            cache_hits: families.counter(
                "bff_session_cache_hits_total",
                "Requests admitted without the store",
            )?,
            cache_misses: families.counter(
                "bff_session_cache_misses_total",
                "Requests for which the store was asked",
            )?,
            dropped_log_lines: families.counter(
                "bff_log_lines_dropped_total",
                "Log lines that were dropped because nobody took them in time",
            )?,
            sessions_created: families
                .counter("bff_sessions_created_total", "Sessions created by a login")?,
            sessions_destroyed: families.counters(
                "bff_sessions_destroyed_total",
                "Sessions that were ended",
                &["reason"],
            )?,
            token_mints: families.counters(
                "bff_token_mint_total",
                "Attempts to mint a service's token",
                &["service", "strategy", "status"],
            )?,
            token_refreshes: families.counters(
                "bff_token_refresh_total",
                "Renewals of a service's token",
                &["service", "status"],
            )?,
            idp_requests: families.counters(
                "bff_idp_requests_total",
                "Requests to the provider",
                &["endpoint", "status"],
            )?,
            breakers: families.gauges(
                "bff_idp_breaker_open",
                "1 while calls of the provider's endpoint are held back after failures in a row",
                &["issuer", "endpoint"],
            )?,
            store_operations: families.counters(
                "bff_redis_operations_total",
                "Operations of the session store",
                &["operation", "status"],
            )?,
            upstream_rejected_tokens: families.counters(
                "bff_upstream_rejected_tokens_total",
                "Answers 401 of an upstream to a token that was found",
                &["service"],
            )?,
            csrf_violations: families.counters(
                "bff_csrf_violations_total",
                "Requests that no page of an allowed origin can have made",
                &["reason"],
            )?,
            rate_limited: families.counters(
                "bff_rate_limited_total",
                "Requests refused because a token bucket was empty",
                &["limit"],
            )?,
            rate_limit_fallbacks: families.counters(
                "bff_rate_limit_fallbacks_total",
                "Requests of a shared limit that were counted by this replica alone",
                &["limit"],
            )?,
            stream_cuts: families.counters(
                "bff_streams_cut_total",
                "Streams and long requests that were ended from outside",
                &["reason"],
            )?,
            connections: ConnectionMetrics::new(families)?,
            registry: families.registry.clone(),
        })
    }

    /// The handles of a route or endpoint, by its id.
    pub(crate) fn place(&self, label: &str) -> PlaceMetrics {
        PlaceMetrics {
            label: label.to_owned(),
            requests: self.requests.clone(),
            statuses: (0..STATUSES).map(|_| OnceLock::new()).collect(),
            duration: self.durations.with_label_values(&[label]),
            rejections: self.rejections.clone(),
        }
    }

    /// Counts a request that was forged, or looks like it.
    pub(crate) fn csrf_violation(&self, reason: &'static str) {
        self.csrf_violations.with_label_values(&[reason]).inc();
    }

    /// Counts a request that was refused by a limit, which has a name of the configuration.
    pub(crate) fn rate_limited(&self, limit: &str) {
        self.rate_limited.with_label_values(&[limit]).inc();
    }

    /// Counts a request whose shared bucket could not be asked.
    pub(crate) fn rate_limit_fallback(&self, limit: &str) {
        self.rate_limit_fallbacks.with_label_values(&[limit]).inc();
    }

    /// Counts a stream that was ended from outside.
    pub(crate) fn stream_cut(&self, reason: &str) {
        self.stream_cuts.with_label_values(&[reason]).inc();
    }

    /// The text exposition format.
    pub(crate) fn render(&self) -> String {
        let mut buffer = Vec::new();
        // Writing to memory fails only for a family without metrics, which gather() leaves out.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut buffer);
        String::from_utf8_lossy(&buffer).into_owned()
    }
}

impl PlaceMetrics {
    /// Counts an answer.
    pub(crate) fn observe(&self, status: u16, duration: Duration) {
        self.duration.observe(duration.as_secs_f64());
        let slot = usize::from(status)
            .checked_sub(100)
            .and_then(|index| self.statuses.get(index));
        if let Some(slot) = slot {
            slot.get_or_init(|| {
                self.requests
                    .with_label_values(&[self.label.as_str(), &status.to_string()])
            })
            .inc();
        }
    }

    /// Counts a refusal.
    pub(crate) fn refuse(&self, rejection: Rejection) {
        self.rejections
            .with_label_values(&[rejection.code(), &self.label])
            .inc();
    }
}

fn durations(families: &mut Families) -> prometheus::Result<HistogramVec> {
    let buckets = vec![
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ];
    let options = HistogramOpts::new(
        "http_request_duration_seconds",
        "Time from a request's header to the end of its answer",
    );
    families.histograms(options.buckets(buckets), &["route"])
}
