//! The document.

use serde_json::{Map, Value, json};

use super::figure::{Counted, Timed};
use super::{Report, Spread, round};
use crate::round::Row;
use crate::scenario::Scenario;
use crate::target::Side;

impl Report {
    /// Everything, for machines. `about` tells of machine and build.
    pub fn json(&self, about: &Value) -> Value {
        let scenarios = Scenario::ALL.map(|scenario| {
            let sides = Side::ALL.map(|side| (side.name().to_owned(), self.side(scenario, side)));
            let mut told = self.ratios(scenario);
            told.insert("sides".into(), Map::from_iter(sides).into());
            (scenario.name().to_owned(), Value::Object(told))
        });
        let memory = self.memory.iter().map(|(side, memory)| {
            let value = json!({
                "resident_bytes_at_start": memory.at_start,
                "resident_bytes_per_idle_connection": round(memory.per_connection),
                "resident_bytes_per_cached_session": memory.per_session.map(round),
                "first_answer_ms": round(memory.first_answer.as_secs_f64() * 1e3),
            });
            (side.name().to_owned(), value)
        });
        json!({
            "about": about,
            "scenarios": Map::from_iter(scenarios),
            "memory": Map::from_iter(memory),
            "store_round_trips_per_warm_request": round(self.round_trips),
            "redis": self.due_index.as_ref().map(|due_index| due_index.json()),
        })
    }

    /// The gateway over both bare proxies.
    fn ratios(&self, scenario: Scenario) -> Map<String, Value> {
        let mut told = Map::new();
        for (bare, over) in [(Side::Same, "over_same_build"), (Side::Stock, "over_stock")] {
            for timed in Timed::ALL {
                let ratio = self.ratio(scenario, timed, bare).map(Spread::json);
                told.insert(format!("{}_{over}", timed.key()), ratio.into());
            }
            for counted in Counted::ALL {
                let ratio = self.counted_ratio(scenario, counted, bare).map(round);
                told.insert(format!("{}_{over}", counted.key()), ratio.into());
            }
        }
        told
    }

    fn side(&self, scenario: Scenario, side: Side) -> Value {
        let of = |counted| self.counted(scenario, side, counted).map(round);
        let cost = self.costs.get(&(scenario, side));
        json!({
            "peak": rows(self.rows.peak.get(&(scenario, side))),
            "fixed_rate": rows(self.rows.paced.get(&(scenario, side))),
            "instructions": of(Counted::Instructions),
            "allocations": of(Counted::Allocations),
            "bytes_allocated": cost.and_then(|cost| cost.bytes).map(round),
            "system_calls": of(Counted::SystemCalls),
        })
    }
}

/// Rows, for machines.
pub fn rows(rows: Option<&Vec<Row>>) -> Value {
    let rows = rows.into_iter().flatten();
    rows.map(|row| {
        json!({
            "cpu_us": round(row.cpu),
            "redis_cpu_us": round(row.redis_cpu),
            "requests_per_second": row.rate.round(),
            "answers": row.answers,
            "p50_p99_p999_us": row.latency,
        })
    })
    .collect()
}
