//! Routes and the compiled table that finds the most specific one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};

use crate::pattern::{Captures, PathPattern, Segment, UpstreamPath};
use crate::service::ServiceName;
use crate::target::{EncodedSlash, RequestTarget, canonical_path};

mod limits;
pub use limits::RouteLimits;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteAuth {
    /// A session, whose token for the route's service is sent along.
    Session,
    /// Anybody; no token is sent.
    None,
}

impl RouteAuth {
    /// The name in `routes.yaml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::None => "none",
        }
    }
}

/// The methods that a route takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Methods {
    /// Every method that the gateway knows.
    Any,
    /// These alone; HEAD goes with GET (RFC 9110 § 9.3.2).
    Only(Vec<Method>),
}

impl Methods {
    /// Whether `method` is among them.
    pub fn allow(&self, method: &Method) -> bool {
        match self {
            Self::Any => true,
            Self::Only(list) => {
                list.contains(method) || (*method == Method::HEAD && list.contains(&Method::GET))
            }
        }
    }

    fn meet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Only(mine), Self::Only(theirs)) => {
                mine.iter().any(|method| theirs.contains(method))
            }
        }
    }

    fn list(&self) -> impl Iterator<Item = &Method> {
        match self {
            Self::Any => [].iter(),
            Self::Only(list) => list.iter(),
        }
    }
}

/// One route of `routes.yaml`, checked.
#[derive(Debug)]
pub struct Route {
    /// Its id, which is also its metric label.
    pub id: Box<str>,
    /// What it matches.
    pub pattern: PathPattern,
    /// The methods that it takes.
    pub methods: Methods,
    /// Where it leads.
    pub service: ServiceName,
    /// The position of that service in the configuration's list of services.
    pub service_index: usize,
    /// How the upstream's path is made.
    pub upstream_path: UpstreamPath,
    /// Who may use it.
    pub auth: RouteAuth,
    /// Answers may last: idle limits of their own, no limit on the whole.
    pub streaming: bool,
    /// What a request may hold and how long it may take.
    pub limits: RouteLimits,
    /// Whether `%2F` may stand in its path.
    pub keep_encoded_slash: bool,
    /// Header names of the client that are let through although they are stripped elsewhere.
    pub pass_headers: Vec<HeaderName>,
    /// How long an upstream may take to begin its answer, where it differs from the service's.
    pub timeout: Option<Duration>,
    /// For people.
    pub description: Option<String>,
}

/// A route found for a request.
#[derive(Clone, Debug)]
pub struct RouteMatch {
    /// The route.
    pub route: Arc<Route>,
    /// Its position in the file.
    pub index: usize,
    captures: Captures,
}

impl RouteMatch {
    /// Whether `raw` is path and query to ask the upstream for, to the letter.
    pub fn asks_for(&self, target: &RequestTarget, raw: &[u8]) -> bool {
        let pieces = self
            .route
            .upstream_path
            .pieces(target.path(), &self.captures)
            .chain([target.query_suffix()]);
        let mut rest = Some(raw);
        for piece in pieces {
            rest = rest.and_then(|rest| rest.strip_prefix(piece.as_bytes()));
        }
        rest == Some(b"")
    }

    /// Path and query to ask the upstream for.
    pub fn upstream_target(&self, target: &RequestTarget) -> String {
        let path = &self.route.upstream_path;
        let mut text = path.render(target.path(), &self.captures);
        text.push_str(target.query_suffix());
        text
    }
}

/// Why no route was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// No pattern matches the path.
    Unknown,
    /// The most specific pattern does not take the method; these are taken.
    MethodNotAllowed(Vec<Method>),
}

/// Two routes that match the same requests with equal right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// Position of the earlier route in the list.
    pub first: usize,
    /// Position of the later one.
    pub second: usize,
}

/// All routes, compiled into a tree over path segments.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: Vec<Arc<Route>>,
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    /// Few beside each other: comparing costs less than hashing.
    literals: BTreeMap<Box<str>, Node>,
    parameter: Option<Box<Node>>,
    /// Routes whose pattern ends here.
    here: Vec<Entry>,
    /// Routes whose pattern ends in a tail from here on.
    tail: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    index: usize,
    route: Arc<Route>,
}

impl RouteTable {
    /// Compiles the routes, in the order of the file.
    ///
    /// # Errors
    /// Every pair of routes of the same shape whose methods meet: no order decides between them.
    pub fn compile(routes: Vec<Route>) -> Result<Self, Vec<Overlap>> {
        let mut table = Self::default();
        let mut overlaps = Vec::new();
        for (index, route) in routes.into_iter().map(Arc::new).enumerate() {
            let slot = table.root.slot(route.pattern.segments());
            let rivals = slot
                .iter()
                .filter(|rival| rival.route.methods.meet(&route.methods));
            overlaps.extend(rivals.map(|rival| Overlap {
                first: rival.index,
                second: index,
            }));
            slot.push(Entry {
                index,
                route: route.clone(),
            });
            table.routes.push(route);
        }
        if overlaps.is_empty() {
            Ok(table)
        } else {
            Err(overlaps)
        }
    }

    /// The routes in the order of the file.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// The most specific route for a path: literal before parameter before tail, segment by
    /// segment, whatever the order in the file. A route of that path that takes the method, or
    /// which methods are taken: a less specific pattern is never asked for the method's sake.
    ///
    /// A path with an encoded slash matches only where the route keeps it and the path with a
    /// plain slash would have matched the same route.
    ///
    /// # Errors
    /// [`NoRoute`] when nothing matches.
    pub fn matches(&self, target: &RequestTarget, method: &Method) -> Result<RouteMatch, NoRoute> {
        let path = target.path();
        let (found, captures) = self.find(path).ok_or(NoRoute::Unknown)?;
        let entry = found.iter().find(|entry| entry.route.methods.allow(method));
        let entry = entry.ok_or_else(|| NoRoute::MethodNotAllowed(allowed_methods(found)))?;
        if path.contains("%2F") && !self.both_readings_match(path, entry) {
            return Err(NoRoute::Unknown);
        }
        Ok(RouteMatch {
            route: entry.route.clone(),
            index: entry.index,
            captures,
        })
    }

    fn find(&self, path: &str) -> Option<(&[Entry], Captures)> {
        let mut captures = Captures::default();
        let found = self.root.find(path, 1, &mut captures)?;
        Some((found, captures))
    }

    fn both_readings_match(&self, path: &str, entry: &Entry) -> bool {
        let plain = path.replace("%2F", "/");
        let canonical = canonical_path(plain.as_bytes(), EncodedSlash::Refuse).is_ok();
        let same = |other: &Entry| Arc::ptr_eq(&other.route, &entry.route);
        entry.route.keep_encoded_slash
            && canonical
            && self
                .find(&plain)
                .is_some_and(|(found, _)| found.iter().any(same))
    }
}

fn allowed_methods(entries: &[Entry]) -> Vec<Method> {
    let mut allowed: Vec<Method> = entries
        .iter()
        .flat_map(|entry| entry.route.methods.list())
        .cloned()
        .collect();
    if allowed.contains(&Method::GET) {
        allowed.push(Method::HEAD);
    }
    allowed.sort_by(|left, right| left.as_str().cmp(right.as_str()));
    allowed.dedup();
    allowed
}

impl Node {
    /// The list in which a pattern's routes stand, made when it is missing.
    fn slot(&mut self, segments: &[Segment]) -> &mut Vec<Entry> {
        match segments {
            [] => &mut self.here,
            [Segment::Tail, ..] => &mut self.tail,
            [Segment::Literal(literal), rest @ ..] => {
                self.literals.entry(literal.clone()).or_default().slot(rest)
            }
            [Segment::Parameter(_), rest @ ..] => self.parameter.get_or_insert_default().slot(rest),
        }
    }

    /// Searches from byte `start` of the path on. Every node of the tree is visited at most once.
    fn find(&self, path: &str, start: usize, captures: &mut Captures) -> Option<&[Entry]> {
        let Some(rest) = path.get(start..) else {
            return (!self.here.is_empty()).then_some(&self.here);
        };
        let end = rest.find('/').map_or(path.len(), |length| start + length);
        let segment = path.get(start..end).unwrap_or_default();
        if let Some(found) = self
            .literals
            .get(segment)
            .and_then(|next| next.find(path, end + 1, captures))
        {
            return Some(found);
        }
        if let Some(next) = self.parameter.as_deref().filter(|_| !segment.is_empty()) {
            captures.parameters.push((start, end));
            if let Some(found) = next.find(path, end + 1, captures) {
                return Some(found);
            }
            captures.parameters.pop();
        }
        (!self.tail.is_empty()).then(|| {
            captures.tail = Some(start);
            &*self.tail
        })
    }
}

#[cfg(test)]
mod tests;
