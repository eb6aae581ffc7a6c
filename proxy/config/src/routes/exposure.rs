//! Routes without a session by which somebody reaches what another route asks a session for.

use std::net::IpAddr;
use std::sync::Arc;

use http::Method;
use tokenbridge_bridge::pattern::{Shape, Way};
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
    let search = Search::new(table);
    for (index, (open, place)) in table.routes().iter().zip(places).enumerate() {
        if open.auth != RouteAuth::None {
            continue;
        }
        let mut protected = table.routes().iter().enumerate();
        let found = protected.find_map(|(other, route)| {
            let meet = route.auth == RouteAuth::Session && is_one(services, open, route);
            let (request, upstream) = meet.then(|| search.opening(index, other))??;
            Some((route, request, upstream))
        });
        if let Some((route, request, upstream)) = found {
            note(place, open, route, (&request, &upstream));
        }
    }
}

/// Methods with which somebody gets or changes something.
const METHODS: [Method; 6] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
];

/// Whether two routes lead to one server, under whatever names.
fn is_one(services: &[ServiceDraft<'_>], open: &Route, session: &Route) -> bool {
    let upstream = |index: usize| services.get(index)?.upstream.as_ref();
    open.service_index == session.service_index
        || upstream(open.service_index)
            .zip(upstream(session.service_index))
            .is_some_and(|(one, other)| {
                // A dot at the end says that the name is whole already (RFC 1034 § 3.1).
                let [here, there] = [one, other].map(|upstream| without_dot(&upstream.host));
                let same_host = match (address(here), address(there)) {
                    (Some(one), Some(other)) => one == other,
                    _ => here.eq_ignore_ascii_case(there),
                };
                let both_here = is_here(here) && is_here(there);
                let same_host = both_here || same_host;
                same_host && one.port == other.port
            })
}

/// An address in its one spelling: one of IPv4 may be written as one of IPv6 (RFC 4291 § 2.5.5.2).
fn address(host: &str) -> Option<IpAddr> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

/// Whether a host is this machine; a connection to no address at all ends here as well.
fn is_here(host: &str) -> bool {
    let here = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    is_loopback_host(host) || address(host).is_some_and(here)
}

fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// What all pairs of routes are judged with.
struct Search<'t> {
    table: &'t RouteTable,
    shapes: Vec<Shape<'t>>,
    /// Segments of the longest example that could make a difference.
    longest: usize,
    /// A segment that no route names: where it leads to a less specific route, any other does.
    fresh: String,
}

impl<'t> Search<'t> {
    fn new(table: &'t RouteTable) -> Self {
        let way = |route: &'t Arc<Route>| Way {
            pattern: &route.pattern,
            upstream: &route.upstream_path,
        };
        let shapes: Vec<Shape<'_>> = table.routes().iter().map(way).map(Shape::of).collect();
        let patterns = || table.routes().iter().map(|route| &route.pattern);
        let deepest = patterns().map(|pattern| pattern.segments().len()).max();
        let fixed = shapes.iter().map(Shape::fixed).max();
        let mut fresh = "x".to_owned();
        while patterns().any(|pattern| pattern.names_segment(&fresh)) {
            fresh.push('x');
        }
        Self {
            table,
            shapes,
            longest: deepest.unwrap_or_default() + fixed.unwrap_or_default() + 1,
            fresh,
        }
    }

    /// A request of the open route that reaches a path which the session route leads to, and that
    /// path. It does not count that the session route cannot be reached at that path because the
    /// open one is the more specific: its service still trusts that the gateway asks a session.
    fn opening(&self, open: usize, session: usize) -> Option<(String, String)> {
        let (way, protected) = (self.shapes.get(open)?, self.shapes.get(session)?);
        let [open, session] = [open, session].map(|index| self.table.routes().get(index));
        let (open, session) = (open?, session?);
        let both = |method: &&Method| open.methods.allow(method) && session.methods.allow(method);
        let methods: Vec<&Method> = METHODS.iter().filter(both).collect();
        way.requests_meeting(protected, self.longest, &self.fresh)
            .find_map(|request| {
                let mut upstreams = methods.iter().filter_map(|method| {
                    let upstream = self.forwarded(open, &request, method)?;
                    Some((request.clone(), upstream))
                });
                upstreams.next()
            })
    }

    /// What the service is asked for, if the request is this route's.
    fn forwarded(&self, route: &Route, path: &str, method: &Method) -> Option<String> {
        let slash = match route.keep_encoded_slash {
            true => EncodedSlash::Keep,
            false => EncodedSlash::Refuse,
        };
        let target = RequestTarget::parse(path.as_bytes(), slash).ok()?;
        let found = self.table.matches(&target, method).ok()?;
        (found.route.id == route.id).then(|| found.upstream_target(&target))
    }
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
