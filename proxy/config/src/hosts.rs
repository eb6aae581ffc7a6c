//! Services whose host has no address. Looking up is the caller's: nothing here does network I/O.

use crate::configuration::Configuration;
use crate::problem::{Problem, Severity};

/// A warning for each service whose host `resolves` does not know: it may come up later.
pub fn check_hosts(
    configuration: &Configuration,
    resolves: &dyn Fn(&str, u16) -> bool,
) -> Vec<Problem> {
    let unknown = |service: &&crate::service::Service| {
        !resolves(&service.upstream.host, service.upstream.port)
    };
    let services = configuration.frontend.services.iter().filter(unknown);
    let problem = |service: &crate::service::Service| {
        let spot = configuration
            .origin
            .routing(&format!("services.{}.base_url", service.name));
        spot.problem(
            Severity::Warning,
            format!("the host `{}` has no address here", service.upstream.host),
            "correct it, unless it exists only where the gateway will run",
        )
    };
    services.map(problem).collect()
}
