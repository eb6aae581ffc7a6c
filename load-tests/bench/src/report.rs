//! What a run showed: a table for people, JSON for machines.

use serde_json::{Value, json};

use crate::counting::{Cost, Costs};
use crate::memory::Memory;
use crate::round::{Row, Rows};
use crate::scenario::Scenario;
use crate::target::Side;

/// All that a run showed.
pub struct Report {
    /// The timed rows.
    pub rows: Rows,
    /// What was counted.
    pub costs: Costs,
    /// Bytes, and times of the first answer.
    pub memory: Vec<(Side, Memory)>,
    /// Reads of the store for each request of a cached session.
    pub round_trips: f64,
}

/// The middle of some values, the least and the greatest.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

impl Spread {
    /// `None` where there are no values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => (values.get(middle.checked_sub(1)?)? + values.get(middle)?) / 2.0,
            _ => *values.get(middle)?,
        };
        Some(Self {
            median,
            least: *values.first()?,
            greatest: *values.last()?,
        })
    }

    /// For machines.
    pub fn json(self) -> Value {
        json!({"median": round(self.median), "least": round(self.least), "greatest": round(self.greatest)})
    }

    /// For people.
    pub fn text(self) -> String {
        format!(
            "{:.2} ({:.2}-{:.2})",
            self.median, self.least, self.greatest
        )
    }
}

fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

impl Report {
    /// Requests per CPU second of the gateway over those of a bare proxy, formed in each round.
    pub fn ratio(&self, scenario: Scenario, bare: Side) -> Option<Spread> {
        let of = |side| self.rows.peak.get(&(scenario, side));
        let pairs = of(bare)?.iter().zip(of(Side::Gateway)?);
        Spread::of(pairs.map(|(bare, gateway)| bare.cpu / gateway.cpu))
    }

    /// The 99th percentile of the gateway over that of a bare proxy, at the same rate.
    fn latency_ratio(&self, scenario: Scenario, bare: Side) -> Option<Spread> {
        let of = |side| self.rows.paced.get(&(scenario, side));
        let pairs = of(bare)?.iter().zip(of(Side::Gateway)?);
        let p99 = |row: &Row| row.latency.get(1).copied().unwrap_or(f64::NAN);
        Spread::of(pairs.map(|(bare, gateway)| p99(gateway) / p99(bare)))
    }

    /// The tables.
    pub fn table(&self) -> String {
        let mut text = String::new();
        text.push_str("Requests per CPU second, tokenbridge over bare Pingora: median (least-greatest) of ratios within a round\n");
        text.push_str(&format!(
            "{:<28}{:>24}{:>24}{:>14}{:>12}\n",
            "", "over same build", "over stock", "CPU us/req", "Redis us"
        ));
        for scenario in Scenario::ALL {
            let ratio = |side| {
                self.ratio(scenario, side)
                    .map_or_else(|| "-".into(), Spread::text)
            };
            let rows = self.rows.peak.get(&(scenario, Side::Gateway));
            let median = |value: fn(&Row) -> f64| {
                let spread = Spread::of(rows.into_iter().flatten().map(value));
                spread.map_or_else(|| "-".into(), |spread| format!("{:.1}", spread.median))
            };
            text.push_str(&format!(
                "{:<28}{:>24}{:>24}{:>14}{:>12}\n",
                scenario.name(),
                ratio(Side::Same),
                ratio(Side::Stock),
                median(|row| row.cpu),
                median(|row| row.redis_cpu),
            ));
        }
        self.latencies(&mut text);
        self.counts(&mut text);
        self.bytes(&mut text);
        text
    }

    fn latencies(&self, text: &mut String) {
        text.push_str("\nLatency in us at the same fixed rate, 70 % of the slowest side's peak; p99 over same build\n");
        text.push_str(&format!(
            "{:<28}{:<20}{:>10}{:>10}{:>10}{:>22}\n",
            "", "", "p50", "p99", "p99.9", "p99 ratio"
        ));
        for ((scenario, side), rows) in &self.rows.paced {
            let at = |index: usize| {
                let values = rows
                    .iter()
                    .filter_map(|row| row.latency.get(index).copied());
                Spread::of(values)
                    .map_or_else(|| "-".into(), |spread| format!("{:.0}", spread.median))
            };
            let ratio = match side {
                Side::Gateway => self.latency_ratio(*scenario, Side::Same).map(Spread::text),
                Side::Stock | Side::Same => None,
            };
            text.push_str(&format!(
                "{:<28}{:<20}{:>10}{:>10}{:>10}{:>22}\n",
                scenario.name(),
                side.name(),
                at(0),
                at(1),
                at(2),
                ratio.unwrap_or_default()
            ));
        }
    }

    fn counts(&self, text: &mut String) {
        text.push_str("\nCounted for each request\n");
        text.push_str(&format!(
            "{:<28}{:<20}{:>14}{:>14}{:>14}{:>14}\n",
            "", "", "instructions", "allocations", "bytes", "system calls"
        ));
        for ((scenario, side), cost) in &self.costs {
            let number = |value: Option<f64>, digits: usize| {
                value.map_or_else(|| "-".into(), |value| format!("{value:.digits$}"))
            };
            text.push_str(&format!(
                "{:<28}{:<20}{:>14}{:>14}{:>14}{:>14}\n",
                scenario.name(),
                side.name(),
                number(cost.instructions, 0),
                number(cost.allocations, 1),
                number(cost.bytes, 0),
                number(cost.system_calls, 2),
            ));
        }
        text.push_str(&format!(
            "store round trips for each warm request: {:.4}\n",
            self.round_trips
        ));
    }

    fn bytes(&self, text: &mut String) {
        text.push_str("\nResident bytes and start\n");
        text.push_str(&format!(
            "{:<20}{:>14}{:>24}{:>24}{:>22}\n",
            "", "at start", "each idle connection", "each cached session", "first answer ms"
        ));
        for (side, memory) in &self.memory {
            text.push_str(&format!(
                "{:<20}{:>14}{:>24.0}{:>24}{:>22.1}\n",
                side.name(),
                memory.at_start,
                memory.per_connection,
                memory
                    .per_session
                    .map_or_else(|| "-".into(), |bytes| format!("{bytes:.0}")),
                memory.first_answer.as_secs_f64() * 1e3,
            ));
        }
    }

    /// Everything, for machines. `about` tells of machine and build.
    pub fn json(&self, about: &Value) -> Value {
        let mut scenarios = serde_json::Map::new();
        for scenario in Scenario::ALL {
            let sides = Side::ALL.map(|side| (side.name().to_owned(), self.side(scenario, side)));
            let ratio = |side| self.ratio(scenario, side).map(Spread::json);
            scenarios.insert(
                scenario.name().to_owned(),
                json!({
                    "requests_per_cpu_second_over_same_build": ratio(Side::Same),
                    "requests_per_cpu_second_over_stock": ratio(Side::Stock),
                    "p99_over_same_build": self.latency_ratio(scenario, Side::Same).map(Spread::json),
                    "sides": serde_json::Map::from_iter(sides),
                }),
            );
        }
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
            "scenarios": scenarios,
            "memory": serde_json::Map::from_iter(memory),
            "store_round_trips_per_warm_request": round(self.round_trips),
        })
    }

    fn side(&self, scenario: Scenario, side: Side) -> Value {
        let cost = self
            .costs
            .get(&(scenario, side))
            .copied()
            .unwrap_or_default();
        let Cost {
            instructions,
            allocations,
            bytes,
            system_calls,
        } = cost;
        json!({
            "peak": rows(self.rows.peak.get(&(scenario, side))),
            "fixed_rate": rows(self.rows.paced.get(&(scenario, side))),
            "instructions": instructions.map(round),
            "allocations": allocations.map(round),
            "bytes_allocated": bytes.map(round),
            "system_calls": system_calls.map(round),
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
            "p50_p99_p999_us": row.latency,
        })
    })
    .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_of_its_values() {
        let odd = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.least, odd.median, odd.greatest), (1.0, 2.0, 3.0));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert!(Spread::of([]).is_none());
        assert!(Spread::of([f64::NAN]).is_none());
    }
}
