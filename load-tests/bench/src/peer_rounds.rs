//! The rounds in which other gateways are compared.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Outcome;
use crate::load::{Ask, Load, Pace, Wire, cipher_suite};
use crate::peers::{Peer, Running};
use crate::round::{Measured, Options, Row};
use crate::scenario::Scenario;
use crate::stage::{Stage, Ticket};
use crate::target::{Manner, Programs, Side, Target};

/// What is sent, in the order of the tables. Over TLS those are compared that ask for no session,
/// and the gateway with one that is kept ready.
pub const SCENARIOS: [Scenario; 3] = [Scenario::Warm, Scenario::Tls, Scenario::TlsHttp2];

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rival {
    /// The gateway, its session cache warm.
    Warm,
    /// The gateway, its session cache off.
    Cold,
    /// The gateway, on a route that needs no session.
    Open,
    /// Bare Pingora, built as the gateway is.
    Bare,
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
            Self::Bare => "bare Pingora, same build",
            Self::Peer(peer) => peer.name(),
        }
    }
}

/// Everything that runs.
pub struct Field<'s> {
    stage: &'s Stage,
    warm: Target,
    cold: Target,
    bare: Target,
    tickets: Vec<Ticket>,
    peers: Vec<Running>,
}

/// What the rounds showed.
pub struct Compared {
    /// All rows of a rival, in the order of the rounds.
    pub rows: BTreeMap<(Scenario, Rival), Vec<Row>>,
    /// What all rivals with TLS speak.
    pub cipher_suite: String,
}

/// A rival with its program and what it is sent.
struct Contender<'f> {
    rival: Rival,
    target: &'f Target,
    ask: Ask,
    wire: Wire,
}

impl<'s> Field<'s> {
    /// Starts the gateway, a bare proxy and the peers, and logs users in everywhere. A peer that
    /// is not installed is left out, and said so, unless `all` are wanted.
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
        let program = programs.of(Side::Same).0;
        let bare = Target::start(stage, Side::Same, &program, &Manner::default())?;
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
            bare,
            tickets,
            peers,
        })
    }

    fn contenders(&self, scenario: Scenario) -> Vec<Contender<'_>> {
        let wire = scenario.wire();
        let contender = |rival, target, ask| Contender {
            rival,
            target,
            ask,
            wire,
        };
        let own = |rival, target, scenario: Scenario| {
            contender(rival, target, scenario.ask(&self.tickets))
        };
        let mut all = vec![
            own(Rival::Warm, &self.warm, scenario),
            own(Rival::Bare, &self.bare, scenario),
        ];
        if wire == Wire::Plain {
            all.push(own(Rival::Cold, &self.cold, scenario));
            all.push(own(Rival::Open, &self.warm, Scenario::Open));
        }
        for running in &self.peers {
            if wire == Wire::Plain || running.peer.speaks_tls() {
                let ask = scenario.ask(&running.tickets);
                all.push(contender(Rival::Peer(running.peer), &running.target, ask));
            }
        }
        all
    }

    /// Measures all rounds, in an order that rotates.
    ///
    /// # Errors
    /// An answer was wrong, a token that reached the backend was another user's, or a rival speaks
    /// another cipher suite.
    pub fn measure(&self, options: &Options) -> Outcome<Compared> {
        let cipher_suite = self.cipher_suite()?;
        let mut rows: BTreeMap<_, Vec<Row>> = BTreeMap::new();
        for round in 0..options.rounds {
            self.check()?;
            for scenario in SCENARIOS {
                let mut contenders = self.contenders(scenario);
                let turn = round % contenders.len();
                contenders.rotate_left(turn);
                for contender in &contenders {
                    let name = contender.rival.name();
                    let (number, rounds) = (round + 1, options.rounds);
                    eprint!("\rround {number} of {rounds}: {name:<28}");
                    let row = self.row(contender, options);
                    let sent = scenario.name();
                    let row = row.map_err(|error| format!("{name}, {sent}: {error}"))?;
                    rows.entry((scenario, contender.rival))
                        .or_default()
                        .push(row);
                }
            }
        }
        self.check()?;
        eprintln!();
        Ok(Compared { rows, cipher_suite })
    }

    /// What all rivals with TLS speak: another cipher costs another time.
    fn cipher_suite(&self) -> Outcome<String> {
        let mut agreed: Option<String> = None;
        for contender in SCENARIOS.iter().flat_map(|sent| self.contenders(*sent)) {
            let wire = contender.wire;
            let Some(suite) = cipher_suite(contender.target.address(wire), wire)? else {
                continue;
            };
            let first = agreed.get_or_insert_with(|| suite.clone());
            if *first != suite {
                let name = contender.rival.name();
                return Err(format!("{name} speaks {suite}, others {first}").into());
            }
        }
        Ok(agreed.unwrap_or_default())
    }

    fn check(&self) -> Outcome<()> {
        let two = self.tickets.get(..2).unwrap_or(&self.tickets);
        self.warm.check_tokens(two, &[])?;
        self.cold.check_tokens(two, &[])?;
        self.peers.iter().try_for_each(Running::check)
    }

    fn row(&self, contender: &Contender<'_>, options: &Options) -> Outcome<Row> {
        let Contender {
            target, ask, wire, ..
        } = contender;
        let load = Load {
            address: target.address(*wire),
            wire: *wire,
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
