//! Routes without a session by which somebody reaches what another route asks a session for.

use http::Method;
use tokenbridge_bridge::route::{Route, RouteAuth, RouteTable};
use tokenbridge_bridge::target::{EncodedSlash, RequestTarget};

use super::service::ServiceDraft;
use crate::public_url::is_loopback_host;
use crate::reading::place::At;

/// Where a route stands, and whether it says that it means to be open.
pub(super) struct Place<'r> {
    pub(super) at: At<'r>,
    pub(super) means_it: bool,
}

/// Notes each open route that leads to what a session route protects. `places` are in the order of
/// the table's routes.
pub(super) fn check(table: &RouteTable, places: &[Place<'_>], services: &[ServiceDraft<'_>]) {
    for (open, place) in table.routes().iter().zip(places) {
        if open.auth != RouteAuth::None {
            continue;
        }
        let mut protected = table.routes().iter();
        let found = protected.find_map(|route| {
            let meet = route.auth == RouteAuth::Session && is_one(services, open, route);
            let (request, upstream) = meet.then(|| opening(table, open, route))??;
            Some((route, request, upstream))
        });
        if let Some((route, request, upstream)) = found {
            note(place, open, route, (&request, &upstream));
        }
    }
}

/// Methods with which somebody gets or changes something.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// Whether two routes lead to one server, under whatever names.
fn is_one(services: &[ServiceDraft<'_>], open: &Route, session: &Route) -> bool {
    let upstream = |index: usize| services.get(index)?.upstream.as_ref();
    open.service_index == session.service_index
        || upstream(open.service_index)
            .zip(upstream(session.service_index))
            .is_some_and(|(one, other)| {
                let both_here = is_loopback_host(&one.host) && is_loopback_host(&other.host);
                let same_host = both_here || one.host.eq_ignore_ascii_case(&other.host);
                same_host && one.port == other.port
            })
}

/// A request of the open route that reaches the same path as one of the session route, and that
/// path. It is an example with plain values: who opens a single path, or a part below it, means it.
fn opening(table: &RouteTable, open: &Route, session: &Route) -> Option<(String, String)> {
    let both = |method: &&Method| open.methods.allow(method) && session.methods.allow(method);
    let method = METHODS.iter().find(both)?;
    let protected = session.pattern.example(&[], "x/x");
    let upstream = forwarded(table, session, &protected, method)?;
    let request = open.upstream_path.request_for(&open.pattern, &upstream)?;
    let reached = forwarded(table, open, &request, method)?;
    (reached == upstream).then_some((request, upstream))
}

/// What the service is asked for, if the request is this route's.
fn forwarded(table: &RouteTable, route: &Route, path: &str, method: &Method) -> Option<String> {
    let target = RequestTarget::parse(path.as_bytes(), EncodedSlash::Refuse).ok()?;
    let found = table.matches(&target, method).ok()?;
    (found.route.id == route.id).then(|| found.upstream_target(&target))
}

fn note(place: &Place<'_>, open: &Route, session: &Route, (request, upstream): (&str, &str)) {
    let problem = format!(
        "lets anybody have {upstream} of `{}` by {request}; route `{}` asks a session for it",
        open.service, session.id
    );
    match place.means_it {
        true => place.at.warn(
            problem,
            "write auth: session and remove dangerously_without_session",
        ),
        false => place.at.below_key("auth").error(
            problem,
            "write auth: session, or lead the route elsewhere; if the service protects itself, dangerously_without_session: true lets it pass",
        ),
    }
}
