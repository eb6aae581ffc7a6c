//! Services that a session route needs a token for and that have no audience.

use tokenbridge_bridge::route::RouteAuth;

use crate::configuration::Configuration;
use crate::problem::{Problem, Severity};
use crate::reading::suggestion;

/// One problem for each of them: such a configuration runs, but these routes answer 401.
pub(crate) fn find(configuration: &Configuration) -> Vec<Problem> {
    let frontend = &configuration.frontend;
    let without = frontend
        .services
        .iter()
        .enumerate()
        .filter(|(_, service)| service.token.audience.is_none());
    let mut problems = Vec::new();
    for (index, service) in without {
        let needs = |route: &&std::sync::Arc<tokenbridge_bridge::route::Route>| {
            route.service_index == index && route.auth == RouteAuth::Session
        };
        if let Some(route) = frontend.routes.routes().iter().find(needs) {
            problems.push(problem(configuration, service.name.as_str(), &route.id));
        }
    }
    problems
}

fn problem(configuration: &Configuration, service: &str, route: &str) -> Problem {
    let key = format!("service_audiences.{service}");
    let unused = configuration
        .origin
        .places
        .keys()
        .filter_map(|key| key.strip_prefix("service_audiences."));
    let declared = |name: &&str| {
        configuration
            .frontend
            .services
            .iter()
            .any(|service| service.name.as_str() == *name)
    };
    let meant = suggestion::nearest(service, unused.filter(|name| !declared(name)));
    let add = format!("add `{service}: AUDIENCE` under service_audiences");
    let fix = match meant {
        Some(meant) => format!("{add}, or did you mean it by `{meant}`?"),
        None => add,
    };
    configuration.origin.setting(&key, "service_audiences").problem(
        Severity::CheckError,
        format!("is missing: route `{route}` needs a token for `{service}`, and without an audience there is none"),
        fix,
    )
}
