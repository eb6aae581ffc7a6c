//! The YAML blocks of the process document that the configuration grew from, pasted unchanged.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::Path;

use tokenbridge_bridge::service::{Strategy, TargetParameter};
use tokenbridge_config::load;

fn nothing(_: &str) -> Option<String> {
    None
}

#[test]
fn the_seeds_blocks_load_unchanged() {
    let folder = Path::new("tests/seed");
    let loaded = load(folder, &nothing).unwrap_or_else(|report| panic!("{report}"));
    assert!(loaded.report.is_empty(), "{}", loaded.report);
    let frontend = &loaded.configuration.frontend;
    let route = &frontend.routes.routes()[0];
    let service = &frontend.services[route.service_index];
    assert_eq!(
        (&*route.id, service.name.as_str()),
        ("api-analytics", "analytics_service")
    );
    assert_eq!(service.upstream.origin(), "http://analytics:8100");
    let plan = &service.token;
    let audience = plan.audience.as_ref().unwrap();
    assert_eq!(
        audience.expected.as_str(),
        "https://analytics.ocg.labs.empowernow.ai"
    );
    assert_eq!(&*audience.others, []);
    assert_eq!(
        (plan.strategy, plan.target_parameter),
        (Strategy::Refresh, TargetParameter::Resource)
    );
    assert_eq!(plan.scopes, ["application.all"]);
}
