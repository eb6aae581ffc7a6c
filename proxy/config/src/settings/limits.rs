//! `limits` and `rate_limits`.

use std::time::Duration;

use crate::limits::{Limits, Rate, RateLimit, RateLimits, RatePer};
use crate::reading::scalar;
use crate::reading::section::{Item, Section};

const DEFAULTS: Limits = Limits {
    header_timeout: Duration::from_secs(10),
    keepalive_timeout: Duration::from_secs(60),
    body_timeout: Duration::from_secs(30),
    max_headers: 100,
    max_header_bytes: 32 << 10,
    max_target: 8 << 10,
    max_body: 10 << 20,
    connections_per_address: 5_000,
    requests_in_flight: 10_000,
    websocket_idle: Duration::from_secs(300),
    stream_idle: Duration::from_secs(300),
};

const LOGIN_RATE: RateLimit = RateLimit {
    per: RatePer::Address,
    rate: Rate {
        count: 20,
        period: Duration::from_secs(1),
    },
    burst: 200,
    shared: false,
};

const PER: [(&str, RatePer); 3] = [
    ("address", RatePer::Address),
    ("session", RatePer::Session),
    ("route", RatePer::Route),
];

/// Reads `limits`.
pub(crate) fn read(root: &Section<'_>) -> Limits {
    let Some(limits) = root.section("limits") else {
        return DEFAULTS;
    };
    let time = |key, default| limits.value_or(key, scalar::duration, default);
    let size = |key, default| limits.value_or(key, scalar::size, default);
    let count = |key, default| limits.value_or(key, scalar::count, default);
    Limits {
        header_timeout: time("header_timeout", DEFAULTS.header_timeout),
        keepalive_timeout: time("keepalive_timeout", DEFAULTS.keepalive_timeout),
        body_timeout: time("body_timeout", DEFAULTS.body_timeout),
        max_headers: count("max_headers", DEFAULTS.max_headers),
        max_header_bytes: size("max_header_bytes", DEFAULTS.max_header_bytes),
        max_target: size("max_target", DEFAULTS.max_target),
        max_body: size("max_body", DEFAULTS.max_body),
        connections_per_address: count("connections_per_address", DEFAULTS.connections_per_address),
        requests_in_flight: count("requests_in_flight", DEFAULTS.requests_in_flight),
        websocket_idle: time("websocket_idle", DEFAULTS.websocket_idle),
        stream_idle: time("stream_idle", DEFAULTS.stream_idle),
    }
}

/// Reads `rate_limits`: `login`, `callback`, and any others, which are for requests to routes.
pub(crate) fn read_rates(root: &Section<'_>) -> RateLimits {
    let mut rates = RateLimits {
        login: LOGIN_RATE,
        callback: LOGIN_RATE,
        requests: Vec::new(),
    };
    let Some(section) = root.section("rate_limits") else {
        return rates;
    };
    for (name, item) in section.free_entries("limit") {
        let own = matches!(name, "login" | "callback");
        let Some(limit) = read_rate(item, own) else {
            continue;
        };
        match name {
            "login" => rates.login = limit,
            "callback" => rates.callback = limit,
            _ => rates.requests.push((name.to_owned(), limit)),
        }
    }
    rates
}

/// `before_login`: there is no session yet and no route, so addresses alone can be counted.
fn read_rate(item: Item<'_>, before_login: bool) -> Option<RateLimit> {
    let section = item.section()?;
    let per_item = section.get("per");
    let per = per_item
        .as_ref()
        .and_then(|item| item.value(scalar::choice(&PER)));
    let per = per.unwrap_or(RatePer::Address);
    if let Some(item) = per_item.filter(|_| before_login && per != RatePer::Address) {
        item.at.error(
            format!("`{}` does not exist before a login", item.written()),
            "write `per: address` for login and callback",
        );
    }
    let rate = section
        .require(
            "rate",
            "add how fast the bucket fills, such as `rate: 20/s`",
        )
        .and_then(|item| item.value(scalar::rate));
    let burst = section.value("burst", scalar::count);
    let shared = section.value_or("shared", scalar::boolean, false);
    let rate = rate?;
    Some(RateLimit {
        per,
        rate,
        burst: burst.unwrap_or(rate.count),
        shared,
    })
}
