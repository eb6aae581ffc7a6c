//! The rounds in which other gateways are compared.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Outcome;
use crate::load::{Ask, Load, Pace, Wire};
use crate::peers::{Peer, Running};
use crate::report::Spread;
use crate::round::{Measured, Options, Row};
use crate::scenario::Scenario;
use crate::stage::{Stage, Ticket};
use crate::target::{Manner, Programs, Side, Target};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rival {
    /// The gateway, its session cache warm.
    Warm,
    /// The gateway, its session cache off.
    Cold,
    /// The gateway, on a route that needs no session.
    Open,
    /// Another gateway.
    Peer(Peer),
}

impl Rival {
    /// Its name in table and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warm => "tokenbridge, warm",
            Self::Cold => "tokenbridge, cold",
            Self::Open => "tokenbridge, no session",
            Self::Peer(peer) => peer.name(),
        }
    }
}

/// Everything that runs.
pub struct Field<'s> {
    stage: &'s Stage,
    warm: Target,
    cold: Target,
    tickets: Vec<Ticket>,
    peers: Vec<Running>,
}

/// All rows of a rival, in the order of the rounds.
pub type Rows = BTreeMap<Rival, Vec<Row>>;

impl<'s> Field<'s> {
    /// Starts the gateway and the peers, and logs users in everywhere. A peer that is not
    /// installed is left out, and said so, unless `all` are wanted.
    ///
    /// # Errors
    /// Something does not start.
    pub fn start(
        stage: &'s Stage,
        programs: &Programs,
        sessions: usize,
        all: bool,
    ) -> Outcome<Self> {
        let gateway = |cold| {
            let manner = Manner {
                cold,
                ..Manner::default()
            };
            Target::start(stage, Side::Gateway, &programs.of(Side::Gateway).0, &manner)
        };
        let (warm, cold) = (gateway(false)?, gateway(true)?);
        let tickets = stage.log_in(&warm.url(), sessions)?;
        for ticket in &tickets {
            let id = ticket.cookie.split_once('=').map_or("", |(_, id)| id);
            stage
                .redis
                .set(&format!("peer:{id}"), &warm.bearer(ticket)?)?;
        }
        let mut peers = Vec::new();
        for peer in Peer::ALL {
            match peer.find() {
                Ok(_) => peers.push(Running::start(stage, peer, &tickets)?),
                Err(error) if all => return Err(error),
                Err(error) => eprintln!("left out: {}: {error}", peer.name()),
            }
        }
        Ok(Self {
            stage,
            warm,
            cold,
            tickets,
            peers,
        })
    }

    fn rivals(&self) -> Vec<(Rival, &Target, Ask)> {
        let own = |scenario: Scenario| scenario.ask(&self.tickets);
        let mut rivals = vec![
            (Rival::Warm, &self.warm, own(Scenario::Warm)),
            (Rival::Cold, &self.cold, own(Scenario::Warm)),
            (Rival::Open, &self.warm, own(Scenario::Open)),
        ];
        for running in &self.peers {
            let ask = Scenario::Warm.ask(&running.tickets);
            rivals.push((Rival::Peer(running.peer), &running.target, ask));
        }
        rivals
    }

    /// Measures all rounds, in an order that rotates.
    ///
    /// # Errors
    /// An answer was wrong, or a token that reached the backend was another user's.
    pub fn measure(&self, options: &Options) -> Outcome<Rows> {
        let mut rows = Rows::new();
        let mut rivals = self.rivals();
        for round in 0..options.rounds {
            self.check()?;
            for (rival, target, ask) in &rivals {
                eprint!(
                    "\rround {} of {}: {:<28}",
                    round + 1,
                    options.rounds,
                    rival.name()
                );
                let row = self.row(target, ask, options);
                let row = row.map_err(|error| format!("{}: {error}", rival.name()))?;
                rows.entry(*rival).or_default().push(row);
            }
            rivals.rotate_left(1);
        }
        self.check()?;
        eprintln!();
        Ok(rows)
    }

    fn check(&self) -> Outcome<()> {
        let two = self.tickets.get(..2).unwrap_or(&self.tickets);
        self.warm.check_tokens(two, &[])?;
        self.cold.check_tokens(two, &[])?;
        self.peers.iter().try_for_each(Running::check)
    }

    fn row(&self, target: &Target, ask: &Ask, options: &Options) -> Outcome<Row> {
        let load = Load {
            address: target.address,
            wire: Wire::Plain,
            connections: options.connections,
            warm_up: Duration::from_millis(300),
            pace: Pace::Unbounded,
            time: options.row,
            requests: u64::MAX,
        };
        let counted = self.stage.backend.answered();
        let measured = Measured::of(&load, ask, &target.process, self.stage)?;
        let passed = self.stage.backend.answered() - counted;
        let (right, wrong) = (measured.answered.right, measured.answered.wrong);
        match wrong == 0 && right > 0 && passed >= right {
            true => Ok(measured.row()),
            false => Err(format!(
                "{right} right answers, {wrong} wrong ones, {passed} at the backend"
            )
            .into()),
        }
    }
}

/// Requests per CPU second of the gateway over a rival's, formed in each round; Redis's CPU counts
/// on both sides.
fn ratio(rows: &Rows, own: Rival, rival: Rival) -> Option<Spread> {
    let pairs = rows.get(&rival)?.iter().zip(rows.get(&own)?);
    Spread::of(pairs.map(|(rival, own)| (rival.cpu + rival.redis_cpu) / (own.cpu + own.redis_cpu)))
}

/// The table.
pub fn table(rows: &Rows) -> String {
    let mut text = format!(
        "Medians over the rounds; ratios are of requests per CPU second, Redis's CPU counted, tokenbridge over the row\n{:<28}{:>12}{:>12}{:>12}{:>12}{:>22}{:>22}\n",
        "", "CPU us/req", "Redis us", "requests/s", "p99 us", "warm over it", "cold over it"
    );
    for (rival, measured) in rows {
        let median = |value: fn(&Row) -> f64| {
            let spread = Spread::of(measured.iter().map(value));
            spread.map_or_else(|| "-".into(), |spread| format!("{:.1}", spread.median))
        };
        let over = |own| ratio(rows, own, *rival).map_or_else(|| "-".into(), Spread::text);
        text.push_str(&format!(
            "{:<28}{:>12}{:>12}{:>12}{:>12}{:>22}{:>22}\n",
            rival.name(),
            median(|row| row.cpu),
            median(|row| row.redis_cpu),
            median(|row| row.rate),
            median(|row| row.latency[1]),
            over(Rival::Warm),
            over(Rival::Cold),
        ));
    }
    text
}

/// Everything, for machines.
pub fn json(rows: &Rows, about: &Value) -> Value {
    let rivals = rows.iter().map(|(rival, measured)| {
        let over = |own| ratio(rows, own, *rival).map(Spread::json);
        let value = json!({
            "rows": crate::report::rows(Some(measured)),
            "warm_over_it": over(Rival::Warm),
            "cold_over_it": over(Rival::Cold),
        });
        (rival.name().to_owned(), value)
    });
    json!({"about": about, "gateways": serde_json::Map::from_iter(rivals)})
}
