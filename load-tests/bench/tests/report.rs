//! What a run is told as: no figure of any row may be missing in table, document or picture.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use tokenbridge_bench::chart;
use tokenbridge_bench::counting::Cost;
use tokenbridge_bench::memory::Memory;
use tokenbridge_bench::report::Report;
use tokenbridge_bench::report::figure::{Counted, Timed};
use tokenbridge_bench::round::{Row, Rows};
use tokenbridge_bench::scenario::Scenario;
use tokenbridge_bench::target::Side;

/// The gateway has twice a bare proxy's CPU, latency and counts, and half of its rate.
fn report() -> Report {
    let mut report = Report {
        rows: Rows::default(),
        costs: Default::default(),
        memory: Side::ALL.map(|side| (side, Memory::default())).into(),
        round_trips: 0.0,
        due_index: None,
    };
    for scenario in Scenario::ALL {
        for side in Side::ALL {
            let times = if side == Side::Gateway { 2.0 } else { 1.0 };
            // The second round is slower by half, for all sides.
            let rows: Vec<_> = [1.0, 1.5].map(|slow| row(times * slow)).into();
            report.rows.peak.insert((scenario, side), rows.clone());
            report.rows.paced.insert((scenario, side), rows);
            let cost = Cost {
                instructions: Some(80_000.0 * times),
                allocations: Some(80.0 * times),
                bytes: Some(100_000.0 * times),
                system_calls: Some(5.0 * times),
            };
            report.costs.insert((scenario, side), cost);
        }
    }
    report
}

fn row(times: f64) -> Row {
    Row {
        cpu: 20.0 * times,
        redis_cpu: 1.0,
        rate: 10_000.0 / times,
        answers: 10_000,
        latency: [100.0 * times, 300.0 * times, 500.0 * times],
    }
}

#[test]
fn every_ratio_of_every_row_is_formed_within_rounds_and_told_in_the_document() {
    let told = report().json(&serde_json::Value::Null);
    for scenario in Scenario::ALL {
        for over in ["over_same_build", "over_stock"] {
            let row = &told["scenarios"][scenario.name()];
            for timed in Timed::ALL {
                let ratio = &row[format!("{}_{over}", timed.key())];
                let right = if timed.more_is_better() { 0.5 } else { 2.0 };
                for of in ["least", "median", "greatest"] {
                    assert_eq!(ratio[of], right, "{} {timed:?}", scenario.name());
                }
            }
            for counted in Counted::ALL {
                let ratio = &row[format!("{}_{over}", counted.key())];
                assert_eq!(*ratio, 2.0, "{} {counted:?}", scenario.name());
            }
        }
    }
}

#[test]
fn table_and_picture_leave_no_figure_of_any_row_out() {
    let mut report = report();
    let picture = chart::svg(&report, "title");
    assert!(!picture.contains("not measured"));
    for scenario in Scenario::ALL {
        let panels = Timed::ALL.len() + Counted::ALL.len();
        assert_eq!(picture.matches(scenario.name()).count(), panels);
    }
    let whole = report.table();
    let dashes = |table: &str| table.split_whitespace().filter(|word| *word == "-").count();
    // Bare proxies have no sessions.
    assert_eq!(dashes(&whole), 3, "{whole}");
    for cost in report.costs.values_mut() {
        cost.system_calls = None;
    }
    assert!(chart::svg(&report, "title").contains("not measured"));
    assert!(report.table().contains("no system calls: "));
}
