//! What is counted and not timed: instructions, allocations and system calls of a request. These
//! hold on a machine that others use as well.
//!
//! Each is the difference of two counts, of so many requests and of twice as many, so that what a
//! program does at its start or by the clock falls out. Not so [`least_instructions_of`], which a bound is
//! held against: it is the least of several counts, what is done by the clock included.
//!
//! | module | owns |
//! |---|---|
//! | [`system_calls`] | the kernel's own count of system calls |

pub mod system_calls;

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::load::Ask;
use crate::process::free_address;
use crate::scenario::Scenario;
use crate::stage::{Stage, Ticket};
use crate::target::{Manner, Programs, Side, Target, send};
use crate::{Outcome, tools};

/// Requests before anything is counted, so that caches and pools are filled.
const WARM_UP: u64 = 200;
/// Requests under Callgrind; as many come before they are counted.
const SLOW: u64 = 300;
/// Requests of a counted program.
const FAST: u64 = 1_000;
/// How many times fewer requests are counted where an answer is a mebibyte.
const LONG: u64 = 5;

/// What one request takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Instructions in user space.
    pub instructions: Option<f64>,
    /// Allocations, reallocations among them.
    pub allocations: Option<f64>,
    /// Bytes allocated.
    pub bytes: Option<f64>,
    /// System calls.
    pub system_calls: Option<f64>,
}

/// By scenario and side.
pub type Costs = BTreeMap<(Scenario, Side), Cost>;

/// Counts instructions by Callgrind.
///
/// # Errors
/// Valgrind is missing, or an answer was wrong.
pub fn instructions(
    stage: &Stage,
    programs: &Programs,
    tickets: &[Ticket],
    costs: &mut Costs,
) -> Outcome<()> {
    tools::find(tools::VALGRIND)?;
    for (side, cold) in RUNS {
        let (program, _) = programs.of(side);
        eprint!("\rcallgrind: {:<28}", side.name());
        let scenarios = scenarios(side, cold);
        let asks: Vec<_> = scenarios
            .clone()
            .map(|scenario| (scenario, of(side, scenario, tickets)))
            .collect();
        let counted = instructions_of(stage, (side, cold, &program), &asks, SLOW)?;
        for (scenario, count) in scenarios.zip(counted) {
            costs.entry((scenario, side)).or_default().instructions = Some(count);
        }
    }
    eprintln!();
    Ok(())
}

/// The instructions of one program for each kind of request, from so many small requests.
///
/// # Errors
/// An answer was wrong.
fn instructions_of(
    stage: &Stage,
    program: (Side, bool, &Path),
    asks: &[(Scenario, Ask)],
    step: u64,
) -> Outcome<Vec<f64>> {
    let mut slowed = Slowed::start(stage, program)?;
    let mut counted = Vec::new();
    for (scenario, ask) in asks {
        let step = step_of(*scenario, step);
        let mut counts = Vec::new();
        for count in [step, step, 2 * step] {
            counts.push(slowed.count(*scenario, ask, count)?);
        }
        counted.push(per_request(&counts, step).ok_or("no counts")?);
    }
    Ok(counted)
}

/// The least instructions that one of `step` requests took in any of so many `parts` of a run, all that
/// the program did meanwhile by the clock included: that only ever adds, and a machine that others use
/// makes it more.
///
/// # Errors
/// An answer was wrong.
pub fn least_instructions_of(
    stage: &Stage,
    program: (Side, bool, &Path),
    (scenario, ask): (Scenario, &Ask),
    (step, parts): (u64, usize),
) -> Outcome<f64> {
    let mut slowed = Slowed::start(stage, program)?;
    slowed.count(scenario, ask, step)?;
    let mut least = f64::INFINITY;
    for _ in 0..parts {
        let count = slowed.count(scenario, ask, step)?;
        least = least.min(count as f64 / step as f64);
    }
    Ok(least)
}

/// A program under Callgrind.
struct Slowed {
    target: Target,
    output: PathBuf,
    part: u32,
}

impl Slowed {
    fn start(stage: &Stage, (side, cold, program): (Side, bool, &Path)) -> Outcome<Self> {
        let output = stage
            .path()
            .join(format!("callgrind-{}-{cold}", side as u8));
        let option = format!("--callgrind-out-file={}", output.display());
        let words = ["valgrind", "--tool=callgrind", "--dump-line=no", &option];
        let manner = Manner {
            prefix: words.map(str::to_owned).into(),
            // A program that counts its allocations asks where to tell them.
            environment: vec![(
                tokenbridge_bare::counts::VARIABLE,
                free_address()?.to_string(),
            )],
            cold,
            ..Manner::default()
        };
        Ok(Self {
            target: Target::start(stage, side, program, &manner)?,
            output,
            part: 0,
        })
    }

    /// The instructions until so many requests are answered, since the last count.
    fn count(&mut self, scenario: Scenario, ask: &Ask, requests: u64) -> Outcome<u64> {
        send(&self.target, scenario.wire(), ask, requests)?;
        self.part += 1;
        dump(self.target.process.id(), &self.output, self.part)
    }
}

/// Counts allocations of these kinds of requests, which counted programs tell.
///
/// # Errors
/// An answer was wrong.
pub fn allocations(
    stage: &Stage,
    programs: &Programs,
    tickets: &[Ticket],
    wanted: &[Scenario],
    costs: &mut Costs,
) -> Outcome<()> {
    for (side, cold) in RUNS {
        let asked: Vec<_> = scenarios(side, cold)
            .filter(|scenario| wanted.contains(scenario))
            .collect();
        if asked.is_empty() {
            continue;
        }
        let (_, program) = programs.of(side);
        let told = free_address()?;
        let manner = Manner {
            environment: vec![(tokenbridge_bare::counts::VARIABLE, told.to_string())],
            cold,
            ..Manner::default()
        };
        let target = Target::start(stage, side, &program, &manner)?;
        for scenario in asked {
            let ask = of(side, scenario, tickets);
            let each = allocations_of(&target, told, scenario, &ask)?;
            let cost = costs.entry((scenario, side)).or_default();
            (cost.allocations, cost.bytes) = (Some(each[0]), Some(each[1]));
        }
    }
    Ok(())
}

/// Allocations and bytes of one request.
fn allocations_of(
    target: &Target,
    told: SocketAddr,
    scenario: Scenario,
    ask: &Ask,
) -> Outcome<[f64; 2]> {
    let step = step_of(scenario, FAST);
    send(target, scenario.wire(), ask, WARM_UP)?;
    let mut counts = [Vec::new(), Vec::new()];
    for count in [step, 2 * step] {
        let before = allocated(told)?;
        send(target, scenario.wire(), ask, count)?;
        let after = allocated(told)?;
        counts[0].push(after.0 - before.0);
        counts[1].push(after.1 - before.1);
    }
    let each = |counts: &[u64]| per_request(counts, step).ok_or("no counts");
    Ok([each(&counts[0])?, each(&counts[1])?])
}

/// Which programs are counted; the gateway's second one asks the store for every request.
const RUNS: [(Side, bool); 4] = [
    (Side::Stock, false),
    (Side::Same, false),
    (Side::Gateway, false),
    (Side::Gateway, true),
];

/// The kinds of requests that a program is counted with.
fn scenarios(side: Side, cold: bool) -> impl Iterator<Item = Scenario> + Clone {
    Scenario::ALL
        .into_iter()
        .filter(move |scenario| side != Side::Gateway || (*scenario == Scenario::Cold) == cold)
}

/// How many requests of a kind are counted where so many small ones are.
fn step_of(scenario: Scenario, small: u64) -> u64 {
    match scenario {
        Scenario::Stream => small.div_ceil(LONG),
        Scenario::Warm
        | Scenario::Cold
        | Scenario::Open
        | Scenario::Refused
        | Scenario::Post
        | Scenario::Tls
        | Scenario::TlsHttp2 => small,
    }
}

/// The request of a scenario, as a side answers it.
pub fn of(side: Side, scenario: Scenario, tickets: &[Ticket]) -> Ask {
    let mut ask = scenario.ask(tickets);
    if side != Side::Gateway {
        ask.status = 200;
    }
    ask
}

/// The last two counts' difference, for each of `step` requests.
fn per_request(counts: &[u64], step: u64) -> Option<f64> {
    let [.., once, twice] = counts else {
        return None;
    };
    Some((*twice as f64 - *once as f64) / step as f64)
}

/// What Callgrind counted since the last dump, which is written to `output` with `.part` behind it.
///
/// # Errors
/// It writes nothing.
pub fn dump(process: u32, output: &Path, part: u32) -> Outcome<u64> {
    let status = Command::new("callgrind_control")
        .args(["--dump", &process.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let file = format!("{}.{part}", output.display());
    for _ in 0..200 {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let total = text
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("totals:"));
        if let Some(total) = total {
            return Ok(total.trim().parse()?);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(format!("callgrind_control ({status}) wrote no {file}").into())
}

/// Allocations and bytes so far, as a counted program tells them.
fn allocated(told: SocketAddr) -> Outcome<(u64, u64)> {
    let mut text = String::new();
    std::net::TcpStream::connect(told)?.read_to_string(&mut text)?;
    let pair = text.trim().split_once(' ').ok_or("no counts")?;
    Ok((pair.0.parse()?, pair.1.parse()?))
}
