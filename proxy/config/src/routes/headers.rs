//! `pass_headers`: names of the client that are let through although they are stripped elsewhere.

use http::HeaderName;
use http::header::{AUTHORIZATION, CONNECTION, COOKIE, HOST, TE, TRAILER, UPGRADE};
use tokenbridge_bridge::client_headers;
use tokenbridge_bridge::route::RouteAuth;

use crate::reading::scalar;
use crate::reading::section::{Item, Section};

/// Framing and routing of the connection itself, and the cookies, whose rules are fixed.
const NEVER: [HeaderName; 6] = [CONNECTION, COOKIE, HOST, TE, TRAILER, UPGRADE];

/// What the gateway frames and makes itself, in any spelling.
const MADE: [&str; 9] = [
    "content-length",
    "transfer-encoding",
    "forwarded",
    "x-forwarded*",
    "x-request-id",
    "traceparent",
    "via",
    "keep-alive",
    "proxy-connection",
];

/// Reads a route's `pass_headers`.
pub(crate) fn read(route: &Section<'_>, auth: RouteAuth) -> Vec<HeaderName> {
    let items = route.list("pass_headers");
    items
        .iter()
        .filter_map(|item| read_one(item, auth))
        .collect()
}

fn read_one(item: &Item<'_>, auth: RouteAuth) -> Option<HeaderName> {
    let name = item.value(scalar::header_name)?;
    let is = |made: &&str| client_headers::covers(made, name.as_str());
    if NEVER.contains(&name) || MADE.iter().any(is) {
        item.at.error(
            format!("`{}` is set by the gateway itself", item.written()),
            "remove it: it cannot be passed from a client",
        );
    } else if client_headers::covers(AUTHORIZATION.as_str(), name.as_str())
        && auth == RouteAuth::Session
    {
        item.at.error(
            format!(
                "`{}` is the token's place on a session route",
                item.written()
            ),
            "remove it, or write `auth: none`",
        );
    }
    Some(name)
}
