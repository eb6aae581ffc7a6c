//! Thread shapes and allocators side by side, on the bare proxy built as the gateway is: what each
//! costs with many connections, with two, and with long answers.
//!
//! | module | owns |
//! |---|---|
//! | [`variant`] | what is compared |
//! | [`workload`] | with what |

pub mod variant;
pub mod workload;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::report::Spread;
use crate::round::Row;
use crate::stage::Stage;
use variant::Variant;
use workload::Workload;

/// All rows, in the order of the rounds.
pub type Rows = BTreeMap<(Workload, usize), Vec<Row>>;

/// Runs every variant in every workload, each round in another order.
///
/// # Errors
/// A program is missing, or an answer was wrong.
pub fn measure(dist: &Path, rounds: usize, seconds: f64) -> Outcome<Rows> {
    let stage = Stage::set()?;
    let mut targets = Vec::new();
    for (number, variant) in Variant::ALL.iter().enumerate() {
        targets.push((number, variant.start(&stage, dist)?));
    }
    let mut rows = Rows::new();
    for round in 0..rounds {
        for workload in Workload::ALL {
            eprint!("\rround {} of {rounds}: {:<32}", round + 1, workload.name());
            for (number, target) in &targets {
                let row = workload.row(&stage, target, seconds);
                let row = row.map_err(|error| named(*number, workload, &error.to_string()))?;
                rows.entry((workload, *number)).or_default().push(row);
            }
        }
        targets.rotate_left(1);
    }
    eprintln!();
    Ok(rows)
}

fn named(number: usize, workload: Workload, problem: &str) -> String {
    let variant = Variant::ALL.get(number).map_or("", |variant| variant.name);
    format!("{variant}, {}: {problem}", workload.name())
}

/// A ratio to the first variant, formed in each round.
fn ratio(rows: &Rows, workload: Workload, number: usize, of: fn(&Row, &Row) -> f64) -> Vec<f64> {
    let first = rows.get(&(workload, 0)).into_iter().flatten();
    let this = rows.get(&(workload, number)).into_iter().flatten();
    first
        .zip(this)
        .map(|(first, this)| of(first, this))
        .collect()
}

/// Requests per CPU second, over the first variant's.
fn per_cpu(first: &Row, this: &Row) -> f64 {
    first.cpu / this.cpu
}

/// Requests per second, over the first variant's.
fn per_second(first: &Row, this: &Row) -> f64 {
    this.rate / first.rate
}

/// The 99th percentile, over the first variant's.
fn latency(first: &Row, this: &Row) -> f64 {
    this.latency[1] / first.latency[1]
}

/// The table.
pub fn table(rows: &Rows) -> String {
    let mut text = format!(
        "Ratios within each round over `{}`: median (least-greatest). More requests per CPU second and per second are better, less p99 is.\n",
        Variant::ALL[0].name
    );
    for workload in Workload::ALL {
        text.push_str(&format!(
            "\n{:<34}{:>11}{:>24}{:>24}{:>24}\n",
            workload.name(),
            "CPU us/req",
            "requests per CPU s",
            "requests/s",
            "p99"
        ));
        for (number, variant) in Variant::ALL.iter().enumerate() {
            let told = |of| {
                let spread = Spread::of(ratio(rows, workload, number, of));
                spread.map_or_else(|| "-".into(), Spread::text)
            };
            let cpu = rows.get(&(workload, number)).into_iter().flatten();
            let cpu = Spread::of(cpu.map(|row| row.cpu));
            text.push_str(&format!(
                "{:<34}{:>11}{:>24}{:>24}{:>24}\n",
                variant.name,
                cpu.map_or_else(|| "-".into(), |cpu| format!("{:.1}", cpu.median)),
                told(per_cpu),
                told(per_second),
                told(latency),
            ));
        }
    }
    text
}

/// Everything, for machines: each round's ratios among it.
pub fn json(rows: &Rows, about: &Value) -> Value {
    let workloads = Workload::ALL.map(|workload| {
        let variants = Variant::ALL.iter().enumerate().map(|(number, variant)| {
            let value = json!({
                "rows": crate::report::rows(rows.get(&(workload, number))),
                "requests_per_cpu_second": ratio(rows, workload, number, per_cpu),
                "requests_per_second": ratio(rows, workload, number, per_second),
                "p99": ratio(rows, workload, number, latency),
            });
            (variant.name.to_owned(), value)
        });
        (
            workload.name().to_owned(),
            Value::Object(variants.collect()),
        )
    });
    json!({"about": about, "over": Variant::ALL[0].name, "workloads": Map::from_iter(workloads)})
}
