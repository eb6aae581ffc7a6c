//! The tables.

use super::figure::{Counted, Timed};
use super::{Report, Spread};
use crate::round::Row;
use crate::scenario::Scenario;
use crate::target::Side;

/// The bare proxies, in the order of the columns.
const BARE: [Side; 2] = [Side::Same, Side::Stock];

/// What has no figure.
fn dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".into())
}

fn median(rows: &[Row], of: impl Fn(&Row) -> f64, digits: usize) -> String {
    let spread = Spread::of(rows.iter().map(of));
    dash(spread.map(|spread| format!("{:.digits$}", spread.median)))
}

impl Report {
    /// The tables.
    pub fn table(&self) -> String {
        let mut text = String::new();
        self.peaks(&mut text);
        self.latencies(&mut text);
        self.counts(&mut text);
        self.bytes(&mut text);
        if let Some(due_index) = &self.due_index {
            text.push_str(&format!("\n{}", due_index.table()));
        }
        text
    }

    fn peaks(&self, text: &mut String) {
        text.push_str("As fast as requests are answered; ratios: tokenbridge over bare Pingora, more is better: median (least-greatest) of ratios within a round\n");
        text.push_str(&format!(
            "{:<28}{:<18}{:>12}{:>12}{:>10}{:>26}{:>22}\n",
            "",
            "",
            "CPU us/req",
            "requests/s",
            "Redis us",
            "ratio per CPU second",
            "ratio per second"
        ));
        for (scenario, side) in lines() {
            let rows = self.timed(scenario, side, Timed::PerSecond);
            text.push_str(&format!(
                "{:<28}{:<18}{:>12}{:>12}{:>10}{:>26}{:>22}\n",
                name(scenario, side),
                side.name(),
                median(rows, |row| row.cpu, 1),
                median(rows, |row| row.rate, 0),
                median(rows, |row| row.redis_cpu, 1),
                self.over(scenario, Timed::PerCpuSecond, side),
                self.over(scenario, Timed::PerSecond, side),
            ));
        }
    }

    /// The gateway's ratio to a bare proxy, in that one's line.
    fn over(&self, scenario: Scenario, timed: Timed, bare: Side) -> String {
        match BARE.contains(&bare) {
            true => dash(self.ratio(scenario, timed, bare).map(Spread::text)),
            false => String::new(),
        }
    }

    fn latencies(&self, text: &mut String) {
        text.push_str("\nLatency in us at the same fixed rate, 70 % of the slowest side's peak; ratios: tokenbridge over bare Pingora, less is better\n");
        text.push_str(&format!(
            "{:<28}{:<18}{:>10}{:>8}{:>8}{:>8}{:>20}{:>20}{:>20}\n",
            "", "", "rate/s", "p50", "p99", "p99.9", "p50 ratio", "p99 ratio", "p99.9 ratio"
        ));
        for (scenario, side) in lines() {
            let rows = self.timed(scenario, side, Timed::P50);
            let at = |timed: Timed| median(rows, |row| timed.of(row), 0);
            text.push_str(&format!(
                "{:<28}{:<18}{:>10}{:>8}{:>8}{:>8}{:>20}{:>20}{:>20}\n",
                name(scenario, side),
                side.name(),
                median(rows, |row| row.rate, 0),
                at(Timed::P50),
                at(Timed::P99),
                at(Timed::P999),
                self.over(scenario, Timed::P50, side),
                self.over(scenario, Timed::P99, side),
                self.over(scenario, Timed::P999, side),
            ));
        }
    }

    fn counts(&self, text: &mut String) {
        text.push_str(
            "\nCounted for each request; ratios: tokenbridge over bare Pingora, less is better\n",
        );
        text.push_str(&format!("{:<28}{:<18}", "", ""));
        for counted in Counted::ALL {
            text.push_str(&format!("{:>14}{:>8}", counted.name(), "ratio"));
        }
        text.push_str(&format!("{:>16}\n", "bytes allocated"));
        for (scenario, side) in lines() {
            self.counts_of(scenario, side, text);
        }
        text.push_str(&format!(
            "store round trips for each warm request: {:.4}\n",
            self.round_trips
        ));
        self.not_counted(text);
    }

    fn counts_of(&self, scenario: Scenario, side: Side, text: &mut String) {
        text.push_str(&format!("{:<28}{:<18}", name(scenario, side), side.name()));
        for counted in Counted::ALL {
            let digits = match counted {
                Counted::Instructions => 0,
                Counted::Allocations | Counted::SystemCalls => 2,
            };
            let number = self.counted(scenario, side, counted);
            let number = dash(number.map(|number| format!("{number:.digits$}")));
            let ratio = self.counted_ratio(scenario, counted, side);
            let ratio = match BARE.contains(&side) {
                true => dash(ratio.map(|ratio| format!("{ratio:.2}"))),
                false => String::new(),
            };
            text.push_str(&format!("{number:>14}{ratio:>8}"));
        }
        let cost = self.costs.get(&(scenario, side));
        let bytes = cost.and_then(|cost| cost.bytes);
        let bytes = dash(bytes.map(|bytes| format!("{bytes:.0}")));
        text.push_str(&format!("{bytes:>16}\n"));
    }

    /// Why a column is empty.
    fn not_counted(&self, text: &mut String) {
        let is_empty = |counted: &Counted| {
            lines().all(|(scenario, side)| self.counted(scenario, side, *counted).is_none())
        };
        for counted in Counted::ALL.into_iter().filter(is_empty) {
            let why = match counted {
                Counted::SystemCalls => "perf is missing, or may not read the kernel's tracepoints",
                Counted::Instructions | Counted::Allocations => "not asked for",
            };
            text.push_str(&format!("no {}: {why}\n", counted.name()));
        }
    }

    fn bytes(&self, text: &mut String) {
        text.push_str("\nResident bytes and start; a bare proxy has no sessions\n");
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
                dash(memory.per_session.map(|bytes| format!("{bytes:.0}"))),
                memory.first_answer.as_secs_f64() * 1e3,
            ));
        }
    }
}

fn lines() -> impl Iterator<Item = (Scenario, Side)> {
    let sides = |scenario| {
        Side::ALL
            .into_iter()
            .rev()
            .map(move |side| (scenario, side))
    };
    Scenario::ALL.into_iter().flat_map(sides)
}

/// Once for each kind of request.
fn name(scenario: Scenario, side: Side) -> &'static str {
    match side {
        Side::Gateway => scenario.name(),
        Side::Same | Side::Stock => "",
    }
}
