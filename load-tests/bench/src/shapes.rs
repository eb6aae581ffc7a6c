//! Thread shapes, allocators, buffers, pools and builds side by side, on the bare proxy built as the
//! gateway is: what each costs with many connections, with two, and with long answers, and what an
//! idle connection takes.
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

use crate::report::{Spread, round};
use crate::round::Row;
use crate::stage::Stage;
use crate::target::Target;
use crate::{Outcome, memory};
use variant::Variant;
use workload::Workload;

/// What the rounds showed.
pub struct Compared {
    variants: Vec<Variant>,
    /// Resident bytes of an idle connection, for each variant.
    idle: Vec<f64>,
    /// By workload and the variant's place, in the order of the rounds.
    rows: BTreeMap<(Workload, usize), Vec<Row>>,
    /// Connections to the upstream that were opened for each thousand requests, likewise.
    opened: BTreeMap<(Workload, usize), Vec<f64>>,
}

/// Runs every variant in every workload, each round in another order.
///
/// # Errors
/// A program is missing, or an answer was wrong.
pub fn measure(
    builds: &Path,
    variants: Vec<Variant>,
    rounds: usize,
    seconds: f64,
) -> Outcome<Compared> {
    let stage = Stage::set()?;
    let mut compared = Compared {
        idle: Vec::new(),
        rows: BTreeMap::new(),
        opened: BTreeMap::new(),
        variants,
    };
    let mut targets = Vec::new();
    for (number, variant) in compared.variants.iter().enumerate() {
        eprint!("\ridle connections: {:<40}", variant.name);
        // On a program of its own: one that has let connections go reuses what they had.
        let idle = memory::per_connection(&variant.start(&stage, builds)?)?;
        compared.idle.push(idle);
        targets.push((number, variant.start(&stage, builds)?));
    }
    for round in 0..rounds {
        for workload in Workload::ALL {
            eprint!("\rround {} of {rounds}: {:<40}", round + 1, workload.name());
            for (number, target) in &targets {
                compared.row((workload, *number), &stage, target, seconds)?;
            }
        }
        targets.rotate_left(1);
    }
    eprintln!();
    Ok(compared)
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

impl Compared {
    /// Measures one row of a round.
    fn row(
        &mut self,
        place: (Workload, usize),
        stage: &Stage,
        target: &Target,
        seconds: f64,
    ) -> Outcome<()> {
        let (workload, number) = place;
        let count = || (stage.backend.accepted(), stage.backend.answered());
        let before = count();
        let row = workload.row(stage, target, seconds).map_err(|error| {
            let variant = self.variants.get(number).map_or("", |variant| variant.name);
            format!("{variant}, {}: {error}", workload.name())
        })?;
        let after = count();
        let answered = (after.1 - before.1).max(1) as f64;
        let opened = (after.0 - before.0) as f64 * 1e3 / answered;
        self.rows.entry(place).or_default().push(row);
        self.opened.entry(place).or_default().push(opened);
        Ok(())
    }

    fn first(&self) -> &'static str {
        self.variants.first().map_or("", |variant| variant.name)
    }

    /// Ratios to the first variant, formed in each round.
    fn ratios(&self, workload: Workload, number: usize, of: fn(&Row, &Row) -> f64) -> Vec<f64> {
        let first = self.rows.get(&(workload, 0)).into_iter().flatten();
        let this = self.rows.get(&(workload, number)).into_iter().flatten();
        first
            .zip(this)
            .map(|(first, this)| of(first, this))
            .collect()
    }

    /// The tables.
    pub fn table(&self) -> String {
        let mut text = format!(
            "Ratios within each round over `{}`: median (least-greatest). More requests per CPU second and per second are better, less p99 is.\n",
            self.first()
        );
        for workload in Workload::ALL {
            self.workload(workload, &mut text);
        }
        text.push_str(&format!(
            "\n{:<40}{:>11}{:>10}\n",
            "idle connection without TLS", "bytes", "ratio"
        ));
        let first = self.idle.first().copied().unwrap_or(f64::NAN);
        for (variant, idle) in self.variants.iter().zip(&self.idle) {
            let name = variant.name;
            text.push_str(&format!("{name:<40}{idle:>11.0}{:>10.2}\n", idle / first));
        }
        text
    }

    fn workload(&self, workload: Workload, text: &mut String) {
        text.push_str(&format!(
            "\n{:<40}{:>11}{:>22}{:>22}{:>22}{:>26}\n",
            workload.name(),
            "CPU us/req",
            "requests per CPU s",
            "requests/s",
            "p99",
            "upstream conn./1,000 req"
        ));
        for (number, variant) in self.variants.iter().enumerate() {
            let told = |of| {
                let spread = Spread::of(self.ratios(workload, number, of));
                spread.map_or_else(|| "-".into(), Spread::text)
            };
            let median = |values: Vec<f64>| {
                let spread = Spread::of(values);
                spread.map_or_else(|| "-".into(), |spread| format!("{:.1}", spread.median))
            };
            let place = (workload, number);
            let rows = self.rows.get(&place).into_iter().flatten();
            let opened = self.opened.get(&place).cloned();
            text.push_str(&format!(
                "{:<40}{:>11}{:>22}{:>22}{:>22}{:>26}\n",
                variant.name,
                median(rows.map(|row| row.cpu).collect()),
                told(per_cpu),
                told(per_second),
                told(latency),
                median(opened.unwrap_or_default()),
            ));
        }
    }

    /// Everything, for machines: each round's ratios among it.
    pub fn json(&self, about: &Value) -> Value {
        let workloads = Workload::ALL.map(|workload| {
            let variants = self.variants.iter().enumerate().map(|(number, variant)| {
                let place = (workload, number);
                let value = json!({
                    "rows": crate::report::rows(self.rows.get(&place)),
                    "requests_per_cpu_second": self.ratios(workload, number, per_cpu),
                    "requests_per_second": self.ratios(workload, number, per_second),
                    "p99": self.ratios(workload, number, latency),
                    "upstream_connections_per_1000_requests": self.opened.get(&place),
                });
                (variant.name.to_owned(), value)
            });
            (
                workload.name().to_owned(),
                Value::Object(variants.collect()),
            )
        });
        let idle = self.variants.iter().zip(&self.idle);
        let idle = idle.map(|(variant, idle)| (variant.name.to_owned(), round(*idle).into()));
        json!({
            "about": about,
            "over": self.first(),
            "workloads": Map::from_iter(workloads),
            "resident_bytes_per_idle_connection": Value::Object(idle.collect()),
        })
    }
}
