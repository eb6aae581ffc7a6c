//! What the rounds with other gateways showed: a table for people, JSON for machines.

use serde_json::{Map, Value, json};

use crate::load::Wire;
use crate::peer_rounds::{Compared, Rival, SCENARIOS};
use crate::report::{self, Spread};
use crate::round::Row;
use crate::scenario::Scenario;

impl Compared {
    /// Requests per CPU second of the gateway over a rival's, formed in each round; Redis's CPU
    /// counts on both sides.
    fn ratio(&self, scenario: Scenario, own: Rival, rival: Rival) -> Option<Spread> {
        let of = |rival| self.rows.get(&(scenario, rival));
        let pairs = of(rival)?.iter().zip(of(own)?);
        let cpu = |row: &Row| row.cpu + row.redis_cpu;
        Spread::of(pairs.map(|(rival, own)| cpu(rival) / cpu(own)))
    }

    fn of(&self, scenario: Scenario) -> impl Iterator<Item = (Rival, &Vec<Row>)> {
        let rows = self.rows.iter();
        rows.filter_map(move |((sent, rival), rows)| (*sent == scenario).then_some((*rival, rows)))
    }

    /// The tables, one for each kind of request.
    pub fn table(&self) -> String {
        let mut text = "Medians over the rounds; ratios are of requests per CPU second, Redis's CPU counted, tokenbridge over the row\n".to_owned();
        for scenario in SCENARIOS {
            text.push_str(&format!(
                "\n{:<28}{:>12}{:>12}{:>12}{:>12}{:>22}{:>22}\n",
                title(scenario),
                "CPU us/req",
                "Redis us",
                "requests/s",
                "p99 us",
                "warm over it",
                "cold over it"
            ));
            for (rival, rows) in self.of(scenario) {
                text.push_str(&self.line(scenario, rival, rows));
            }
        }
        text.push_str(&format!(
            "\nCipher suite of all rows with TLS: {}\n",
            self.cipher_suite
        ));
        text
    }

    fn line(&self, scenario: Scenario, rival: Rival, rows: &[Row]) -> String {
        let median = |value: fn(&Row) -> f64| {
            let spread = Spread::of(rows.iter().map(value));
            spread.map_or_else(|| "-".into(), |spread| format!("{:.1}", spread.median))
        };
        let over = |own| {
            let ratio = self.ratio(scenario, own, rival);
            ratio.map_or_else(|| "-".into(), Spread::text)
        };
        format!(
            "{:<28}{:>12}{:>12}{:>12}{:>12}{:>22}{:>22}\n",
            rival.name(),
            median(|row| row.cpu),
            median(|row| row.redis_cpu),
            median(|row| row.rate),
            median(|row| row.latency[1]),
            over(Rival::Warm),
            over(Rival::Cold),
        )
    }

    /// Everything, for machines. `about` tells of machine and build.
    pub fn json(&self, about: &Value) -> Value {
        let tls = SCENARIOS.into_iter();
        let tls = tls.filter(|scenario| scenario.wire() != Wire::Plain);
        let tls = tls.map(|scenario| (scenario.name().to_owned(), self.gateways(scenario)));
        json!({
            "about": about,
            "gateways": self.gateways(Scenario::Warm),
            "tls": Map::from_iter(tls),
            "tls_cipher_suite": self.cipher_suite,
        })
    }

    fn gateways(&self, scenario: Scenario) -> Value {
        let gateways = self.of(scenario).map(|(rival, rows)| {
            let over = |own| self.ratio(scenario, own, rival).map(Spread::json);
            let value = json!({
                "rows": report::rows(Some(rows)),
                "warm_over_it": over(Rival::Warm),
                "cold_over_it": over(Rival::Cold),
            });
            (rival.name().to_owned(), value)
        });
        Value::Object(Map::from_iter(gateways))
    }
}

fn title(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::Warm => "HTTP/1.1, 256 bytes",
        other => other.name(),
    }
}
