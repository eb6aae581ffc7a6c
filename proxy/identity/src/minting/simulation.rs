//! A simulation of several replicas that run the real minting code over one store and one
//! provider. A seed decides what happens and in which order; the same seed is the same run.
//!
//! | module | owns |
//! |---|---|
//! | [`chance`] | numbers that a seed decides |
//! | [`timeline`] | virtual time |
//! | [`executor`] | one thread that runs tasks step by step, kills and pauses |
//! | [`scenario`] | what a seed is about |
//! | [`provider`] | a provider that notices what is used again |
//! | [`garbled`] | answers that do not arrive as they should |
//! | [`issuer`], [`store`] | the ways to the provider and to the store |
//! | [`ledger`], [`observe`] | what happened, and what must not |
//! | [`world`], [`fleet`], [`users`] | who takes part |
//! | [`run`] | one seed from start to end |

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod chance;
mod executor;
mod fleet;
mod garbled;
mod issuer;
mod ledger;
mod observe;
mod provider;
mod run;
mod scenario;
mod store;
mod timeline;
mod users;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use run::run;

/// How many seeds run when nobody says how many.
const SEEDS: u64 = 20_000;
/// Of so many refresh tokens that are sent, at most one may be sent once too often because its
/// sender was paused between its last check and the send. Pauses are as frequent here as nowhere.
const ONE_OVERTAKEN_IN: u64 = 2_000;

#[derive(Default)]
struct Totals {
    presented: AtomicU64,
    overtaken: AtomicU64,
    failed: AtomicU64,
}

/// A number that the caller of the test gives.
fn given(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    (!text.is_empty()).then(|| text.parse().unwrap())
}

/// `SIMULATION_SEED` replays one seed and shows its steps; `SIMULATION_SEEDS` says how many run,
/// from `SIMULATION_FIRST` on.
#[test]
fn no_seed_loses_a_session_or_uses_a_refresh_token_twice() {
    if let Some(seed) = given("SIMULATION_SEED") {
        let outcome = run(seed, true);
        assert_eq!(outcome.violation, None, "seed {seed}");
        return;
    }
    let first = given("SIMULATION_FIRST").unwrap_or(0);
    let seeds = first..first + given("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let started = Instant::now();
    let (totals, next) = (Totals::default(), AtomicU64::new(seeds.start));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| run_some(&next, seeds.end, &totals));
        }
    });
    let [presented, overtaken, failed] = [&totals.presented, &totals.overtaken, &totals.failed]
        .map(|count| count.load(Ordering::SeqCst));
    println!(
        "{} seeds in {:.1} s: {presented} refresh tokens sent, {overtaken} overtaken in a pause, \
         {failed} seeds failed",
        seeds.end - seeds.start,
        started.elapsed().as_secs_f64()
    );
    assert_eq!(failed, 0, "replay a seed with make simulate SEED=n");
    assert!(
        overtaken * ONE_OVERTAKEN_IN <= presented,
        "{overtaken} of {presented}"
    );
}

fn run_some(next: &AtomicU64, end: u64, totals: &Totals) {
    loop {
        let seed = next.fetch_add(1, Ordering::SeqCst);
        if seed >= end || totals.failed.load(Ordering::SeqCst) >= 20 {
            return;
        }
        let outcome = run(seed, false);
        totals
            .presented
            .fetch_add(outcome.presented, Ordering::SeqCst);
        totals
            .overtaken
            .fetch_add(outcome.overtaken, Ordering::SeqCst);
        if let Some(violation) = outcome.violation {
            totals.failed.fetch_add(1, Ordering::SeqCst);
            println!("seed {seed}: {violation}");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..20 {
        let (one, other) = (run(seed, false), run(seed, false));
        assert_eq!(one.violation, other.violation);
        assert_eq!(one.presented, other.presented);
    }
}
