//! What a request costs, held against upper bounds: counts, which hold on any machine, and no
//! times. The programs are those of the tests' own profile, so that what is compared is the
//! gateway and a bare proxy built in the same way.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::path::Path;

use tokenbridge_bench::counting::{self, Cost, Costs};
use tokenbridge_bench::scenario::Scenario;
use tokenbridge_bench::stage::{Stage, Ticket};
use tokenbridge_bench::target::{Manner, Programs, Side, Target, send};
use tokenbridge_bench::tools;

/// What the gateway may allocate beside what the framework does for the same request: 9.5, 8.5, 40, 11,
/// 15 and 16.5, and two or three more where the machine is so slow that more timers are set. With that
/// room a bound catches coarse growth alone; the figures of `make bench` show the rest.
const ALLOCATIONS: [(Scenario, f64); 6] = [
    (Scenario::Warm, 14.0),
    (Scenario::Open, 14.0),
    (Scenario::Cold, 50.0),
    (Scenario::Post, 18.0),
    (Scenario::Tls, 22.0),
    (Scenario::TlsHttp2, 24.0),
];
/// What it may allocate for an answer of its own.
const ALLOCATIONS_OF_A_REFUSAL: f64 = 100.0;
/// How many times a bare proxy's instructions it may take, both without optimisation: 1.6 to 1.75 on a
/// quiet machine. What both do by the clock is counted with it, and more of it where others use the
/// machine, so this catches coarse growth alone: a third more passes. `make bench` counts what is left.
const INSTRUCTIONS: f64 = 2.3;
/// In so many parts of a run; the one with the least counts.
const PARTS: usize = 6;

/// Callgrind is slow, and a repeat differs by a thousandth.
const REQUESTS: u64 = 60;
/// Four connections are what is counted with.
const SESSIONS: usize = 4;

fn programs() -> Programs {
    let counted = Path::new(env!("CARGO_BIN_EXE_tokenbridge-counted"));
    let folder = counted.parent().unwrap().to_path_buf();
    Programs {
        dist: folder.clone(),
        release: folder,
    }
}

fn gateway(stage: &Stage, cold: bool) -> Target {
    let (_, program) = programs().of(Side::Gateway);
    let told = tokenbridge_bench::process::free_address().unwrap();
    let manner = Manner {
        environment: vec![(tokenbridge_bare::counts::VARIABLE, told.to_string())],
        cold,
        ..Manner::default()
    };
    Target::start(stage, Side::Gateway, &program, &manner).unwrap()
}

fn logged_in(stage: &Stage) -> (Target, Vec<Ticket>) {
    let gateway = gateway(stage, false);
    let tickets = stage.log_in(&gateway.url(), SESSIONS).unwrap();
    (gateway, tickets)
}

fn reads_of(target: &Target, tickets: &[Ticket], count: u64) -> u64 {
    let ask = Scenario::Warm.ask(tickets);
    send(target, Scenario::Warm.wire(), &ask, 2 * SESSIONS as u64).unwrap();
    let before = target.store_reads().unwrap();
    send(target, Scenario::Warm.wire(), &ask, count).unwrap();
    target.store_reads().unwrap() - before
}

#[test]
fn a_cached_session_costs_no_round_trip_and_any_other_exactly_one() {
    let stage = Stage::set().unwrap();
    let (warm, tickets) = logged_in(&stage);
    warm.check_tokens(&tickets, &[]).unwrap();
    assert_eq!(reads_of(&warm, &tickets, 200), 0);
    let cold = gateway(&stage, true);
    assert_eq!(reads_of(&cold, &tickets, 200), 200);
}

#[test]
fn a_request_allocates_no_more_than_its_bound() {
    let stage = Stage::set().unwrap();
    let (_gateway, tickets) = logged_in(&stage);
    let mut costs = Costs::new();
    let mut wanted = ALLOCATIONS.map(|(scenario, _)| scenario).to_vec();
    wanted.push(Scenario::Refused);
    counting::allocations(&stage, &programs(), &tickets, &wanted, &mut costs).unwrap();
    let of = |scenario, side| allocations(&costs, scenario, side);
    for (scenario, most) in ALLOCATIONS {
        let bare = of(scenario, Side::Same);
        let added = of(scenario, Side::Gateway) - bare;
        let name = scenario.name();
        println!("{name}: {added:.1} allocations beside {bare:.1}");
        assert!(added <= most, "{name}: {added:.1}");
    }
    let refused = of(Scenario::Refused, Side::Gateway);
    println!("{}: {refused:.1} allocations", Scenario::Refused.name());
    assert!(refused <= ALLOCATIONS_OF_A_REFUSAL, "{refused:.1}");
}

fn allocations(costs: &Costs, scenario: Scenario, side: Side) -> f64 {
    let cost: &Cost = &costs[&(scenario, side)];
    cost.allocations.unwrap()
}

#[test]
fn a_request_takes_no_more_instructions_than_its_bound() {
    // Without it nothing would be held: that is no pass.
    tools::find(tools::VALGRIND).unwrap();
    let stage = Stage::set().unwrap();
    let (_gateway, tickets) = logged_in(&stage);
    let counted = |side| {
        let (_, program) = programs().of(side);
        let ask = counting::of(side, Scenario::Warm, &tickets);
        let program = (side, false, program.as_path());
        let ask = (Scenario::Warm, &ask);
        counting::least_instructions_of(&stage, program, ask, (REQUESTS, PARTS)).unwrap()
    };
    let (bare, gateway) = (counted(Side::Same), counted(Side::Gateway));
    println!("{gateway:.0} instructions beside {bare:.0}");
    assert!(
        gateway <= INSTRUCTIONS * bare,
        "{gateway:.0} beside {bare:.0}"
    );
}
