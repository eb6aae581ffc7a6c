//! What came of all requests of a script.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::time::Duration;

use super::script::Bounds;

#[derive(Default)]
struct Kind {
    right: usize,
    /// Microseconds of each request, from when it was due.
    latencies: Vec<u64>,
    /// What was wrong, and how often.
    wrong: BTreeMap<String, usize>,
}

#[derive(Default)]
struct Counts {
    kinds: BTreeMap<&'static str, Kind>,
    left_out: usize,
}

/// What came of all requests of a script.
#[derive(Default)]
pub struct Tally(RefCell<Counts>);

impl Tally {
    /// Notes an answer to a request of some kind, and whether it was what it had to be.
    pub fn answered(&self, kind: &'static str, took: Duration, outcome: Result<(), String>) {
        let mut counts = self.counts();
        let kind = counts.kinds.entry(kind).or_default();
        kind.latencies.push(took.as_micros() as u64);
        match outcome {
            Ok(()) => kind.right += 1,
            Err(problem) => *kind.wrong.entry(problem).or_default() += 1,
        }
    }

    /// Notes a request that was due and never sent, or never answered.
    pub fn left_out(&self) {
        self.counts().left_out += 1;
    }

    fn counts(&self) -> RefMut<'_, Counts> {
        self.0.borrow_mut()
    }

    /// The table.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<28}{:>10}{:>8}{:>10}{:>10}{:>10}{:>10}\n",
            "", "right", "wrong", "p50 ms", "p95 ms", "p99 ms", "max ms"
        );
        for (name, kind) in &mut self.counts().kinds {
            kind.latencies.sort_unstable();
            let wrong: usize = kind.wrong.values().sum();
            text.push_str(&format!("{name:<28}{:>10}{wrong:>8}", kind.right));
            for share in [0.5, 0.95, 0.99, 1.0] {
                text.push_str(&format!("{:>10.1}", milliseconds(&kind.latencies, share)));
            }
            text.push('\n');
        }
        text
    }

    /// Which bounds do not hold.
    pub fn broken(&self, bounds: Bounds) -> Vec<String> {
        let mut counts = self.counts();
        let mut broken = Vec::new();
        if counts.left_out > 0 {
            broken.push(format!(
                "{} requests were due and not sent, or not answered",
                counts.left_out
            ));
        }
        if counts.kinds.is_empty() {
            broken.push("nothing was answered".to_owned());
        }
        for (name, kind) in &mut counts.kinds {
            for (problem, times) in &kind.wrong {
                broken.push(format!("{name}: {times} times {problem}"));
            }
            kind.latencies.sort_unstable();
            let took = milliseconds(&kind.latencies, bounds.share);
            let bound = bounds.latency.as_secs_f64() * 1e3;
            if took > bound {
                let share = bounds.share * 100.0;
                broken.push(format!(
                    "{name}: p{share:.0} is {took:.1} ms, its bound {bound:.0} ms"
                ));
            }
        }
        broken
    }
}

/// A latency that `share` of all requests did not exceed.
fn milliseconds(sorted: &[u64], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share).ceil() as usize;
    let latency = sorted.get(index.max(1) - 1);
    latency.map_or(f64::NAN, |micros| *micros as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        share: 0.95,
        latency: Duration::from_millis(100),
    };

    fn tally(fast: usize, slow: usize) -> Tally {
        let tally = Tally::default();
        for _ in 0..fast {
            tally.answered("read", Duration::from_millis(2), Ok(()));
        }
        for _ in 0..slow {
            tally.answered("read", Duration::from_millis(300), Ok(()));
        }
        tally
    }

    #[test]
    fn the_bound_is_for_its_share_of_requests() {
        assert!(tally(95, 5).broken(BOUNDS).is_empty());
        assert_eq!(
            tally(94, 6).broken(BOUNDS),
            ["read: p95 is 300.0 ms, its bound 100 ms"]
        );
    }

    #[test]
    fn a_wrong_answer_and_one_that_is_missing_break_a_script() {
        let tally = tally(10, 0);
        tally.answered("read", Duration::from_millis(1), Err("503".into()));
        tally.left_out();
        assert_eq!(
            tally.broken(BOUNDS),
            [
                "1 requests were due and not sent, or not answered",
                "read: 1 times 503"
            ]
        );
    }

    #[test]
    fn a_script_without_an_answer_has_failed() {
        assert_eq!(Tally::default().broken(BOUNDS), ["nothing was answered"]);
    }
}
