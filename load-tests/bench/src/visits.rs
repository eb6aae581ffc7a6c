//! Users of a running demo: they log in, read, write and log out, at a rate that a script lays
//! down, and what they notice is held to the script's bounds.
//!
//! | module | owns |
//! |---|---|
//! | [`script`] | what each script does, and its bounds |
//! | [`arrivals`] | when the next request is due |
//! | [`visitor`] | one user with a session |
//! | [`target`] | where load may go |
//! | [`tally`] | what came of all requests |

#![allow(clippy::print_stdout)]

pub mod arrivals;
pub mod script;
pub mod tally;
pub mod target;
pub mod visitor;

use std::io::IsTerminal;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::Outcome;
use script::{Act, Choices, Script};
use tally::Tally;
use visitor::Visitor;

/// Requests at the same time. One that finds no room is not sent, which fails the script.
const AT_ONCE: usize = 400;
/// Logins at the same time.
const LOGINS: usize = 4;
/// How long the last answers are waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Carries scripts out one after the other and prints what came of each.
///
/// # Errors
/// The target may not be loaded, there is no such script, nobody can log in, or bounds do not hold.
pub fn run_all(target: &str, names: &[String], choices: &Choices) -> Outcome<()> {
    let remote = target::remote();
    let target = target::check(target, remote)?;
    runtime()?.block_on(target::check_provider(&target, remote))?;
    let named = |name: &String| {
        let there_are = Script::NAMES.join(", ");
        Script::named(name, choices)
            .ok_or_else(|| format!("there is no script {name}; there are {there_are}"))
    };
    let scripts = names.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    let mut failed = Vec::new();
    for script in &scripts {
        let (table, broken) = run(&target, script)?;
        print!("\n{}\n{table}", script.name);
        for bound in &broken {
            println!("FAILED {}: {bound}", script.name);
        }
        if !broken.is_empty() {
            failed.push(script.name);
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("bounds do not hold: {}", failed.join(", ")).into()),
    }
}

/// Carries a script out; the table, and why it failed, if it did.
///
/// # Errors
/// Nobody can log in.
fn run(target: &str, script: &Script) -> Outcome<(String, Vec<String>)> {
    tokio::task::LocalSet::new().block_on(&runtime()?, async {
        let visitors = log_in(target, script).await?;
        let tally = Rc::new(Tally::default());
        send(target, script, &visitors, &tally).await;
        Ok((tally.table(), tally.broken(script.bounds)))
    })
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// All of a script's sessions, each by a login of its own.
async fn log_in(target: &str, script: &Script) -> Outcome<Vec<Rc<Visitor>>> {
    let begun = Instant::now();
    let mut progress = Progress::of(script);
    let mut visitors = Vec::with_capacity(script.sessions);
    while visitors.len() < script.sessions {
        let count = LOGINS.min(script.sessions - visitors.len());
        let logins = (0..count).map(|more| Visitor::log_in(target, visitors.len() + more));
        let logged_in = futures_util::future::try_join_all(logins).await?;
        visitors.extend(logged_in.into_iter().map(Rc::new));
        let there_are = visitors.len();
        progress.tell(|| format!("{there_are} of {} sessions logged in", script.sessions));
    }
    if script.sessions > 0 {
        let (sessions, taken) = (script.sessions, begun.elapsed().as_secs_f64());
        progress.end(&format!(
            "{sessions} sessions by as many logins, in {taken:.1} s"
        ));
    }
    Ok(visitors)
}

async fn send(target: &str, script: &Script, visitors: &[Rc<Visitor>], tally: &Rc<Tally>) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let begun = tokio::time::Instant::now();
    let mut progress = Progress::of(script);
    for (number, at) in arrivals::arrivals(&script.stages).enumerate() {
        let due = begun + at;
        tokio::time::sleep_until(due).await;
        progress.tell(|| {
            let under_way = AT_ONCE - room.available_permits();
            let (at, whole) = (at.as_secs(), script.time().as_secs());
            format!("{at} of {whole} s, {number} sent, {under_way} under way")
        });
        let Ok(permit) = room.clone().try_acquire_owned() else {
            tally.left_out();
            continue;
        };
        let visitor = visitors.get(number % visitors.len().max(1));
        let (visitor, tally) = (visitor.cloned(), tally.clone());
        let (act, target) = (script.act(number), target.to_owned());
        tokio::task::spawn_local(async move {
            match (act, visitor) {
                (Act::Journey, _) => visitor::journey(&target, number, due, &tally).await,
                (Act::Read, Some(visitor)) => visitor.read(due, &tally).await,
                (Act::Write, Some(visitor)) => visitor.write(due, &tally).await,
                (Act::Read | Act::Write, None) => tally.left_out(),
            }
            drop(permit);
        });
    }
    // What is not answered by then is missing in the tally.
    let all = room.acquire_many(AT_ONCE as u32);
    if tokio::time::timeout(PATIENCE, all).await.is_err() {
        (room.available_permits()..AT_ONCE).for_each(|_| tally.left_out());
    }
}

/// Tells now and then how far a script is.
struct Progress {
    script: &'static str,
    told: Instant,
}

impl Progress {
    fn of(script: &Script) -> Self {
        Self {
            script: script.name,
            told: Instant::now(),
        }
    }

    /// Where somebody looks, a line that the next one replaces.
    fn tell(&mut self, text: impl FnOnce() -> String) {
        let looks = std::io::stderr().is_terminal();
        let pause = Duration::from_secs(if looks { 1 } else { 5 });
        if self.told.elapsed() < pause {
            return;
        }
        self.told = Instant::now();
        let line = format!("{}: {}", self.script, text());
        match looks {
            true => eprint!("\r{line:<72}"),
            false => eprintln!("{line}"),
        }
    }

    fn end(&self, text: &str) {
        let line = format!("{}: {text}", self.script);
        match std::io::stderr().is_terminal() {
            true => eprintln!("\r{line:<72}"),
            false => eprintln!("{line}"),
        }
    }
}
