//! `check --idp`: do the gateway's files and those of a provider in the seed's form agree?
//!
//! Four places must name a service for it to get a token: `target_service` in `routes.yaml`
//! (loading checks that), `service_audiences` and `service_scopes` in `settings.yaml`, the
//! provider's `scope_mappings`, and the client's `scopes` and `allowed_audiences`.
//!
//! | module | owns |
//! |---|---|
//! | `files` | what is read of the provider's files |
//! | `comparison` | which place lacks what |

mod comparison;
mod files;

use std::path::Path;

use tokenbridge_bridge::route::RouteAuth;

use crate::configuration::Configuration;
use crate::missing_audience;
use crate::problem::Problem;
use crate::service::Service;

/// Compares the configuration with `settings.yaml` and `clients.yaml` of `folder`, for every
/// service that a session route leads to. Each problem is a place that lacks something.
pub fn check_idp(folder: &Path, configuration: &Configuration) -> Vec<Problem> {
    let mut problems = missing_audience::find(configuration);
    let provider = files::read(
        folder,
        &configuration.frontend.issuer.client_id,
        &mut problems,
    );
    let comparison = comparison::Comparison {
        configuration,
        provider: &provider,
    };
    comparison.compare_login(&mut problems);
    for service in used_by_session_routes(configuration) {
        comparison.compare_service(service, &mut problems);
    }
    problems
}

fn used_by_session_routes(configuration: &Configuration) -> impl Iterator<Item = &Service> {
    let routes = configuration.frontend.routes.routes();
    configuration
        .frontend
        .services
        .iter()
        .enumerate()
        .filter_map(|(index, service)| {
            let used = routes
                .iter()
                .any(|route| route.service_index == index && route.auth == RouteAuth::Session);
            used.then_some(service)
        })
}
