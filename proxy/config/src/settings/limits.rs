//! `limits` and `rate_limits`.

use std::time::Duration;

use crate::limits::{Limits, Rate, RateLimit, RateLimits, RatePer, RequestLimit};
use crate::reading::scalar;
use crate::reading::section::{Item, Section};

const DEFAULTS: Limits = Limits {
    header_timeout: Duration::from_secs(10),
    keepalive_timeout: Duration::from_secs(60),
    body_timeout: Duration::from_secs(30),
    min_body_rate: 500,
    max_headers: 100,
    max_header_bytes: 32 << 10,
    max_target: 8 << 10,
    max_body: 10 << 20,
    connections_per_address: 5_000,
    requests_per_connection: 1_000,
    http2_streams: 100,
    requests_in_flight: 10_000,
    websocket_idle: Duration::from_secs(300),
    stream_idle: Duration::from_secs(300),
};

/// The proxy framework takes no more of a head than this (pingora-core, v1/common.rs); its limit of
/// bytes is for fields and target together.
const MOST_HEADERS: usize = 256;
const MOST_HEAD_BYTES: u64 = 512 << 10;
/// A URI is no longer than 64 KiB there, host included (http, uri/mod.rs).
const MOST_TARGET_BYTES: u64 = 60 << 10;

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
    Limits {
        requests_in_flight: limits.value_or(
            "requests_in_flight",
            scalar::count,
            DEFAULTS.requests_in_flight,
        ),
        websocket_idle: time("websocket_idle", DEFAULTS.websocket_idle),
        stream_idle: time("stream_idle", DEFAULTS.stream_idle),
        ..read_connection(&limits, DEFAULTS)
    }
}

/// What a client may use of a connection, which each listener may say for itself.
pub(crate) fn read_connection(limits: &Section<'_>, all: Limits) -> Limits {
    let time = |key, default| limits.value_or(key, scalar::duration, default);
    let size = |key, default| limits.value_or(key, scalar::size, default);
    let count = |key, default| limits.value_or(key, scalar::count, default);
    let head =
        |key, most, default| limits.value_or(key, scalar::at_most(scalar::size, most), default);
    Limits {
        header_timeout: time("header_timeout", all.header_timeout),
        keepalive_timeout: time("keepalive_timeout", all.keepalive_timeout),
        body_timeout: time("body_timeout", all.body_timeout),
        min_body_rate: size("min_body_rate", all.min_body_rate),
        max_headers: limits.value_or(
            "max_headers",
            scalar::at_most(scalar::count, MOST_HEADERS),
            all.max_headers,
        ),
        max_header_bytes: head("max_header_bytes", MOST_HEAD_BYTES, all.max_header_bytes),
        max_target: head("max_target", MOST_TARGET_BYTES, all.max_target),
        max_body: size("max_body", all.max_body),
        connections_per_address: count("connections_per_address", all.connections_per_address),
        requests_per_connection: limits.value_or(
            "requests_per_connection",
            scalar::count,
            all.requests_per_connection,
        ),
        http2_streams: limits.value_or("http2_streams", scalar::count, all.http2_streams),
        ..all
    }
}

/// `rate_limits`, and the routes that it names, with where each stands.
pub(crate) struct Rates<'r> {
    pub(crate) limits: RateLimits,
    pub(crate) routes: Vec<(String, Item<'r>)>,
}

/// Reads `rate_limits`: `login`, `callback`, and any others, which are for requests to routes.
pub(crate) fn read_rates<'r>(root: &Section<'r>) -> Rates<'r> {
    let mut rates = Rates {
        limits: RateLimits {
            login: LOGIN_RATE,
            callback: LOGIN_RATE,
            requests: Vec::new(),
        },
        routes: Vec::new(),
    };
    let Some(section) = root.section("rate_limits") else {
        return rates;
    };
    for (name, item) in section.free_entries("limit") {
        let before_login = matches!(name, "login" | "callback");
        check_name(name, &item);
        let Some(section) = item.section() else {
            continue;
        };
        let routes = match before_login {
            true => Vec::new(),
            false => read_routes(&section),
        };
        let limit = read_rate(&section, before_login);
        let ids = routes.iter().map(|(id, _)| id.clone()).collect();
        rates.routes.extend(routes);
        match (name, limit) {
            (_, None) => {}
            ("login", Some(limit)) => rates.limits.login = limit,
            ("callback", Some(limit)) => rates.limits.callback = limit,
            (_, Some(limit)) => rates.limits.requests.push(RequestLimit {
                name: name.to_owned(),
                limit,
                routes: ids,
            }),
        }
    }
    rates
}

/// Clients see the name as a string of RFC 9651.
fn check_name(name: &str, item: &Item<'_>) {
    if scalar::name(name).is_err() {
        item.at.error(
            "is no name for a limit",
            "write letters, digits, `-`, `_` and `.`",
        );
    }
}

fn read_routes<'r>(section: &Section<'r>) -> Vec<(String, Item<'r>)> {
    let items = section.list("routes").into_iter();
    items
        .filter_map(|item| Some((item.value(scalar::name)?, item)))
        .collect()
}

/// `before_login`: there is no session yet and no route, so addresses alone can be counted.
fn read_rate(section: &Section<'_>, before_login: bool) -> Option<RateLimit> {
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
