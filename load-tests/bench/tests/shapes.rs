//! The variants of the bare proxy: each is one that the program knows, and answers rightly.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use tokenbridge_bench::process::free_address;
use tokenbridge_bench::scenario::Scenario;
use tokenbridge_bench::shapes::variant::Variant;
use tokenbridge_bench::stage::Stage;
use tokenbridge_bench::target::{Manner, Side, Target, send};

#[test]
fn a_bare_proxy_answers_rightly_with_every_shape_buffer_and_pool() {
    let stage = Stage::set().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_bare-counted"));
    let mut known = Vec::new();
    for variant in Variant::ALL {
        let arguments = variant.arguments();
        if known.contains(&arguments) {
            continue;
        }
        let told = free_address().unwrap().to_string();
        let manner = Manner {
            environment: vec![(tokenbridge_bare::counts::VARIABLE, told)],
            arguments: arguments.clone(),
            ..Manner::default()
        };
        let target = Target::start(&stage, Side::Same, program, &manner).unwrap();
        for (scenario, count) in [
            (Scenario::Open, 40),
            (Scenario::Post, 8),
            (Scenario::Stream, 4),
        ] {
            send(&target, scenario.wire(), &scenario.ask(&[]), count)
                .map_err(|error| format!("{}, {}: {error}", variant.name, scenario.name()))
                .unwrap();
        }
        known.push(arguments);
    }
    assert!(known.len() > 10);
}

#[test]
fn idle_upstream_connections_beyond_the_pool_are_closed() {
    let stage = Stage::set().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_bare-counted"));
    let opened = |pool: &str| {
        let told = free_address().unwrap().to_string();
        let manner = Manner {
            environment: vec![(tokenbridge_bare::counts::VARIABLE, told)],
            arguments: vec!["--upstream-pool".into(), pool.into()],
            ..Manner::default()
        };
        let target = Target::start(&stage, Side::Same, program, &manner).unwrap();
        let before = stage.backend.accepted();
        let ask = Scenario::Open.ask(&[]);
        send(&target, Scenario::Open.wire(), &ask, 400).unwrap();
        stage.backend.accepted() - before
    };
    // Four connections of clients need no more than four to the upstream at the same time.
    let (kept, closed) = (opened("128"), opened("1"));
    assert!(kept <= 8, "{kept}");
    assert!(closed > 8, "{closed}");
}
