//! One entry of `routes`.

use http::Method;
use tokenbridge_bridge::pattern::{PathPattern, Segment, UpstreamPath};
use tokenbridge_bridge::route::{Methods, Route, RouteAuth, RouteLimits};
use tokenbridge_bridge::service::ServiceName;

use super::headers;
use super::service::ServiceDraft;
use crate::reading::place::{At, Complaint, Read};
use crate::reading::section::{Item, Section};
use crate::reading::{scalar, suggestion};

/// A route and where it stands.
pub(crate) struct RouteDraft<'r> {
    pub(crate) at: At<'r>,
    pub(crate) id: Option<(String, At<'r>)>,
    /// Absent when something of the route is wrong.
    pub(crate) route: Option<Route>,
    /// Whether it says that it means to be open although another route asks a session.
    pub(crate) means_open: bool,
}

/// Where a route leads.
struct Target<'s> {
    name: &'s str,
    index: usize,
    base_path: &'s str,
}

/// Reads one route.
pub(crate) fn read<'r>(item: Item<'r>, services: &[ServiceDraft<'_>]) -> Option<RouteDraft<'r>> {
    let at = item.at.clone();
    let section = item.section()?;
    let id = section.require("id", "add a name of its own: it shows in logs and metrics");
    let id = id.and_then(|item| Some((item.value(scalar::name)?, item.at)));
    let pattern = section
        .require(
            "path",
            "add the path that browsers call, such as /api/v1/analytics/*",
        )
        .and_then(|item| item.value(pattern));
    let target = read_target(&section, services);
    let upstream_path = read_upstream_path(&section, pattern.as_ref(), target.as_ref());
    let auth = section.value_or(
        "auth",
        scalar::choice(&[("session", RouteAuth::Session), ("none", RouteAuth::None)]),
        RouteAuth::Session,
    );
    let rest = Rest::read(&section, auth);
    let route = || {
        let (pattern, target) = (pattern?, target?);
        let id = id.as_ref().map(|(id, _)| id.as_str().into())?;
        Some(rest.complete(id, pattern, target, upstream_path?))
    };
    let means_open = section.value_or("dangerously_without_session", scalar::boolean, false);
    Some(RouteDraft {
        route: route(),
        means_open,
        at,
        id,
    })
}

fn read_limits(section: &Section<'_>) -> RouteLimits {
    RouteLimits {
        max_headers: section.value("max_headers", scalar::count),
        max_header_bytes: section.value("max_header_bytes", scalar::size),
        max_target: section.value("max_target", scalar::size),
        max_body: section.value("max_body", scalar::size),
        total_timeout: section.value("total_timeout", scalar::duration),
    }
}

/// What every route has, with defaults.
struct Rest {
    auth: RouteAuth,
    methods: Methods,
    streaming: bool,
    limits: RouteLimits,
    keep_encoded_slash: bool,
    pass_headers: Vec<http::HeaderName>,
    timeout: Option<std::time::Duration>,
    description: Option<String>,
}

impl Rest {
    fn read(section: &Section<'_>, auth: RouteAuth) -> Self {
        Self {
            auth,
            methods: read_methods(section),
            streaming: section.value_or("streaming", scalar::boolean, false),
            limits: read_limits(section),
            keep_encoded_slash: section.value_or(
                "encoded_slash",
                scalar::choice(&[("refuse", false), ("keep", true)]),
                false,
            ),
            pass_headers: headers::read(section, auth),
            timeout: section.value("timeout", scalar::duration),
            description: section.value("description", scalar::text),
        }
    }

    fn complete(
        self,
        id: Box<str>,
        pattern: PathPattern,
        target: Target<'_>,
        upstream_path: UpstreamPath,
    ) -> Route {
        Route {
            id,
            pattern,
            methods: self.methods,
            service: ServiceName::new(target.name),
            service_index: target.index,
            upstream_path,
            auth: self.auth,
            streaming: self.streaming,
            limits: self.limits,
            keep_encoded_slash: self.keep_encoded_slash,
            pass_headers: self.pass_headers,
            timeout: self.timeout,
            description: self.description,
        }
    }
}

fn pattern(value: &str) -> Read<PathPattern> {
    if !value.starts_with('/') {
        return Err(Complaint::new(
            "does not begin with `/`",
            "write /exact, /with/{name} or /with/a/tail/*",
        ));
    }
    let pattern = PathPattern::parse(value).map_err(|problem| {
        let fix = "write /exact, /with/{name} or /with/a/tail/*";
        Complaint::new(format!("is no path of a route: {problem}"), fix)
    })?;
    let reserved = match pattern.segments() {
        [Segment::Literal(first), _, ..] if &**first == "auth" => true,
        _ => value == "/api/auth/session",
    };
    match reserved {
        false => Ok(pattern),
        true => Err(Complaint::new(
            "belongs to the gateway itself",
            "choose a path outside /auth/ that is not /api/auth/session",
        )),
    }
}

fn read_target<'s>(section: &Section<'_>, services: &'s [ServiceDraft<'_>]) -> Option<Target<'s>> {
    let item = section.require(
        "target_service",
        "add the name of a service declared under `services`",
    )?;
    item.value(|value| {
        let found = services
            .iter()
            .enumerate()
            .find(|(_, service)| service.name == value);
        let (index, service) = found.ok_or_else(|| {
            let names = services.iter().map(|service| service.name);
            let hint = suggestion::sentence(value, names);
            Complaint::new(
                "is not declared under `services`",
                format!("declare it there; {hint}"),
            )
        })?;
        let base_path = service
            .upstream
            .as_ref()
            .map(|upstream| &*upstream.base_path)
            .unwrap_or_default();
        Ok(Target {
            name: service.name,
            index,
            base_path,
        })
    })
}

fn read_upstream_path(
    section: &Section<'_>,
    pattern: Option<&PathPattern>,
    target: Option<&Target<'_>>,
) -> Option<UpstreamPath> {
    let base_path = target.map(|target| target.base_path).unwrap_or_default();
    let template = section.get("upstream_path");
    let preserve = section.value_or("preserve_path", scalar::boolean, false);
    match (template, preserve) {
        (None, true) => Some(UpstreamPath::preserved(base_path)),
        (None, false) => {
            let fix = "add `upstream_path`, such as /v1/{path}, or `preserve_path: true` to forward the path as it is";
            section
                .at
                .error("does not say which path the service is asked for", fix);
            None
        }
        (Some(item), true) => {
            item.at
                .error("stands beside preserve_path: true", "keep one of the two");
            None
        }
        (Some(item), false) => item.value(|value| {
            // Without its pattern a template cannot be judged; the pattern's problem is noted.
            let Some(pattern) = pattern else {
                return Ok(None);
            };
            UpstreamPath::parse(value, pattern, base_path)
                .map(Some)
                .map_err(|problem| {
                    let fix =
                        "write a path with the placeholders of `path`; {path} is its tail `*`";
                    Complaint::new(format!("is no upstream path: {problem}"), fix)
                })
        })?,
    }
}

fn read_methods(section: &Section<'_>) -> Methods {
    let Some(item) = section.get("methods") else {
        return Methods::Any;
    };
    if item.is_empty_list() {
        item.at.error(
            "lists no method",
            "write such as [GET, POST], or leave the key out for every method",
        );
    }
    let items = item.list();
    let methods: Vec<Method> = items
        .iter()
        .filter_map(|item| item.value(scalar::method))
        .collect();
    Methods::Only(methods)
}
