//! What each script does, and its bounds.

use std::time::Duration;

use super::arrivals::Stage;

/// What one request, or one user, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Logs in, reads, writes and logs out.
    Journey,
    /// Reads.
    Read,
    /// Writes.
    Write,
}

/// What a script must not exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The share of requests whose latency is bounded.
    pub share: f64,
    /// That latency.
    pub latency: Duration,
}

/// A script.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Its name on the command line.
    pub name: &'static str,
    /// How many have logged in before it begins.
    pub sessions: usize,
    /// How often something is sent.
    pub stages: Vec<Stage>,
    /// What it must not exceed, beside that every answer is right and none is left out.
    pub bounds: Bounds,
    /// One of so many requests is a write; 0: none.
    writes: usize,
}

/// What a person may change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choices {
    /// Requests per second: the steady rate, or the calm one of `spike`, or the peak of `ramp`.
    pub rate: Option<f64>,
    /// Sessions.
    pub sessions: Option<usize>,
    /// Seconds of `journey`, `mixed` and `soak`.
    pub seconds: Option<f64>,
    /// Milliseconds that the script's share of requests may take.
    pub milliseconds: Option<u64>,
}

impl Script {
    /// All names, in the order in which they are run.
    pub const NAMES: [&'static str; 5] = ["journey", "mixed", "ramp", "spike", "soak"];

    /// A script by its name.
    pub fn named(name: &str, choices: &Choices) -> Option<Self> {
        let rate = |default| choices.rate.unwrap_or(default);
        let sessions = |default| choices.sessions.unwrap_or(default);
        let steady = |per_second, seconds| {
            vec![Stage::steady(
                rate(per_second),
                choices.seconds.unwrap_or(seconds),
            )]
        };
        let mut script = match name {
            "journey" => Self::new("journey", 0, steady(2.0, 20.0), 0),
            "mixed" => Self::new("mixed", sessions(1_000), steady(300.0, 20.0), 10),
            "ramp" => Self::new("ramp", sessions(50), ramp(rate(600.0)), 0),
            "spike" => Self::new("spike", sessions(50), spike(rate(80.0)), 0),
            "soak" => Self::new("soak", sessions(100), steady(100.0, 30.0), 20),
            _ => return None,
        };
        let (share, milliseconds) = match name {
            "journey" => (0.99, 2_000),
            "ramp" => (0.99, 1_000),
            // The first moments of a spike may be felt, its rest may not.
            "spike" => (0.95, 1_000),
            _ => (0.99, 500),
        };
        script.bounds = Bounds {
            share,
            latency: Duration::from_millis(choices.milliseconds.unwrap_or(milliseconds)),
        };
        Some(script)
    }

    fn new(name: &'static str, sessions: usize, stages: Vec<Stage>, writes: usize) -> Self {
        Self {
            name,
            sessions,
            stages,
            bounds: Bounds {
                share: 0.0,
                latency: Duration::ZERO,
            },
            writes,
        }
    }

    /// How long it sends.
    pub fn time(&self) -> Duration {
        self.stages.iter().map(|stage| stage.time).sum()
    }

    /// What the request of a number does.
    pub fn act(&self, number: usize) -> Act {
        // Each time that all sessions have had their turn, others of them write.
        let turn = number + number / self.sessions.max(1);
        match turn.checked_rem(self.writes) {
            _ if self.name == "journey" => Act::Journey,
            Some(0) => Act::Write,
            Some(_) | None => Act::Read,
        }
    }
}

/// More and more, and down again.
fn ramp(peak: f64) -> Vec<Stage> {
    vec![
        Stage::even(peak / 10.0, peak, 15.0),
        Stage::steady(peak, 10.0),
        Stage::even(peak, 0.0, 5.0),
    ]
}

/// Ten times as much within a second, twice.
fn spike(calm: f64) -> Vec<Stage> {
    let high = 10.0 * calm;
    vec![
        Stage::steady(calm, 5.0),
        Stage::even(calm, high, 1.0),
        Stage::steady(high, 4.0),
        Stage::even(high, calm, 1.0),
        Stage::steady(calm, 5.0),
        Stage::even(calm, high, 1.0),
        Stage::even(high, calm, 1.0),
        Stage::steady(calm, 5.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_script_that_ends_within_a_minute() {
        for name in Script::NAMES {
            let script = Script::named(name, &Choices::default()).unwrap();
            assert_eq!(script.name, name);
            assert!(script.time() <= Duration::from_secs(60), "{name}");
        }
        assert!(Script::named("other", &Choices::default()).is_none());
    }

    #[test]
    fn one_of_ten_requests_over_a_thousand_sessions_is_a_write() {
        let mixed = Script::named("mixed", &Choices::default()).unwrap();
        let acts = (0..1_000).map(|number| mixed.act(number));
        assert_eq!(acts.filter(|act| *act == Act::Write).count(), 100);
        assert_eq!(mixed.sessions, 1_000);
    }

    #[test]
    fn every_session_writes_once_in_ten_turns() {
        let mixed = Script::named("mixed", &Choices::default()).unwrap();
        let mut writes = vec![0; 1_000];
        for number in (0..10_000).filter(|number| mixed.act(*number) == Act::Write) {
            writes[number % 1_000] += 1;
        }
        assert!(writes.iter().all(|count| *count == 1));
    }
}
