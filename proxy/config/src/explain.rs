//! `explain METHOD PATH`: what the gateway would do with a request, or why it would not.
//!
//! | module | owns |
//! |---|---|
//! | `token` | the token that goes along |
//! | `text` | the explanation for people |

mod text;
mod token;

use http::Method;
use serde::Serialize;
use tokenbridge_bridge::pattern::{PathPattern, Segment};
use tokenbridge_bridge::route::{NoRoute, Route, RouteAuth, RouteMatch};
use tokenbridge_bridge::target::{EncodedSlash, RequestTarget, TargetProblem};

use crate::configuration::Configuration;
use crate::reading::scalar;

/// What would happen to a request. `Display` has it for people, `Serialize` for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The method as asked about.
    pub method: String,
    /// The request target as asked about.
    pub target: String,
    /// What would happen.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What would happen to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It is forwarded, if the session allows it.
    Route(Box<ExplainedRoute>),
    /// The gateway itself answers.
    Gateway,
    /// 404: no path of a route matches.
    RouteNotFound {
        /// The routes whose paths come nearest, the nearest first.
        closest: Vec<Candidate>,
    },
    /// 405: a path matches, but not for this method.
    MethodNotAllowed {
        /// The methods that it takes.
        allowed: Vec<String>,
        /// The routes of that path.
        routes: Vec<Candidate>,
    },
    /// The gateway knows no such method.
    MethodUnknown {
        /// What is wrong with it.
        reason: String,
    },
    /// 400: the request target is ambiguous.
    TargetRefused {
        /// What is wrong with it.
        reason: String,
    },
}

/// A route's id and path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The route's id.
    pub route: String,
    /// Its path as configured.
    pub path: String,
}

/// A request that finds its route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedRoute {
    /// The route's id.
    pub route: String,
    /// File and line of the route.
    pub place: String,
    /// Its path as configured.
    pub path: String,
    /// The service that it leads to.
    pub service: String,
    /// The URL that the service is asked for.
    pub upstream_url: String,
    /// `session` or `none`.
    pub auth: &'static str,
    /// The token that goes along; absent with `auth: none`.
    pub token: Option<ExplainedToken>,
}

/// The token that goes along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedToken {
    /// What `aud` must hold; absent: no token can be had, and the answer is 401.
    pub audience: Option<String>,
    /// How strictly `aud` is compared.
    pub audience_check: Option<&'static str>,
    /// Where it is made, if not at the issuer of the login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// How the token is obtained.
    pub strategy: &'static str,
    /// Who chose the strategy.
    pub chosen_by: String,
    /// What is sent to the provider for it; empty when nothing is.
    pub asks: Vec<(String, String)>,
    /// The scopes asked for; empty means those of the login.
    pub scopes: Vec<String>,
    /// `jwt` or `opaque`.
    pub format: &'static str,
    /// `login` or `first_use`.
    pub mint: &'static str,
}

/// Explains what would happen to a request for `target`, a path with or without a query.
pub fn explain(configuration: &Configuration, method: &str, target: &str) -> Explanation {
    let outcome = outcome(configuration, method, target).unwrap_or_else(|refused| refused);
    Explanation {
        method: method.to_owned(),
        target: target.to_owned(),
        outcome,
    }
}

fn outcome(configuration: &Configuration, method: &str, target: &str) -> Result<Outcome, Outcome> {
    let method = scalar::method(method).map_err(|complaint| Outcome::MethodUnknown {
        reason: format!("{}; {}", complaint.problem, complaint.fix),
    })?;
    let refused = |problem: TargetProblem| Outcome::TargetRefused {
        reason: problem.to_string(),
    };
    let target = RequestTarget::parse(target.as_bytes(), EncodedSlash::Keep).map_err(refused)?;
    if target.path().starts_with("/auth/") || target.path() == "/api/auth/session" {
        return Ok(Outcome::Gateway);
    }
    match configuration.frontend.routes.matches(&target, &method) {
        Ok(found) => Ok(Outcome::Route(Box::new(explain_route(
            configuration,
            &found,
            &target,
        )))),
        Err(NoRoute::Unknown) if target.path().contains("%2F") => {
            Err(refused(TargetProblem::EncodedSlash))
        }
        Err(NoRoute::Unknown) => Ok(Outcome::RouteNotFound {
            closest: closest(configuration, target.path()),
        }),
        Err(NoRoute::MethodNotAllowed(allowed)) => {
            Ok(not_allowed(configuration, &target, &allowed))
        }
    }
}

fn explain_route(
    configuration: &Configuration,
    found: &RouteMatch,
    target: &RequestTarget,
) -> ExplainedRoute {
    let route = &found.route;
    let service = configuration.frontend.services.get(route.service_index);
    let origin = service
        .map(|service| service.upstream.origin())
        .unwrap_or_default();
    ExplainedRoute {
        route: route.id.to_string(),
        place: configuration
            .origin
            .routing(&format!("routes[{}]", found.index))
            .place(),
        path: route.pattern.as_str().to_owned(),
        service: route.service.to_string(),
        upstream_url: format!("{origin}{}", found.upstream_target(target)),
        auth: route.auth.as_str(),
        token: match route.auth {
            RouteAuth::Session => {
                service.map(|service| token::explain(configuration, &service.token))
            }
            RouteAuth::None => None,
        },
    }
}

fn not_allowed(
    configuration: &Configuration,
    target: &RequestTarget,
    allowed: &[Method],
) -> Outcome {
    let table = &configuration.frontend.routes;
    let mut routes: Vec<Candidate> = Vec::new();
    for found in allowed
        .iter()
        .filter_map(|method| table.matches(target, method).ok())
    {
        let candidate = candidate(&found.route);
        if !routes.contains(&candidate) {
            routes.push(candidate);
        }
    }
    let allowed = allowed.iter().map(Method::to_string).collect();
    Outcome::MethodNotAllowed { allowed, routes }
}

fn candidate(route: &Route) -> Candidate {
    Candidate {
        route: route.id.to_string(),
        path: route.pattern.as_str().to_owned(),
    }
}

/// The three routes that share most of their first segments with `path`.
fn closest(configuration: &Configuration, path: &str) -> Vec<Candidate> {
    let mut routes: Vec<_> = configuration.frontend.routes.routes().iter().collect();
    routes.sort_by_key(|route| std::cmp::Reverse(shared_segments(&route.pattern, path)));
    routes
        .into_iter()
        .take(3)
        .map(|route| candidate(route))
        .collect()
}

fn shared_segments(pattern: &PathPattern, path: &str) -> usize {
    let segments = path.trim_start_matches('/').split('/');
    let pairs = pattern.segments().iter().zip(segments);
    let fits = |(expected, found): &(&Segment, &str)| match expected {
        Segment::Literal(literal) => &**literal == *found,
        Segment::Parameter(_) | Segment::Tail => true,
    };
    pairs.take_while(fits).count()
}
