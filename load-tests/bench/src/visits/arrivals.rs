//! When the next request is due, at a rate that rises and falls.

use std::time::Duration;

/// A stretch in which the rate goes evenly from one value to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// Requests per second at its begin.
    pub from: f64,
    /// Requests per second at its end.
    pub to: f64,
    /// How long it takes.
    pub time: Duration,
}

impl Stage {
    /// A stretch at one rate.
    pub fn steady(rate: f64, seconds: f64) -> Self {
        Self::even(rate, rate, seconds)
    }

    /// A stretch from one rate to another.
    pub fn even(from: f64, to: f64, seconds: f64) -> Self {
        Self {
            from,
            to,
            time: Duration::from_secs_f64(seconds),
        }
    }

    fn requests(&self) -> f64 {
        (self.from + self.to) / 2.0 * self.time.as_secs_f64()
    }

    /// The seconds after which it has had so many requests.
    fn after(&self, requests: f64) -> f64 {
        let slope = (self.to - self.from) / self.time.as_secs_f64();
        if slope.abs() < 1e-9 {
            return requests / self.from;
        }
        // requests = from * t + slope / 2 * t^2
        let root = (self.from * self.from + 2.0 * slope * requests).max(0.0);
        (root.sqrt() - self.from) / slope
    }
}

/// When each request is due, counted from the begin of the first stage.
pub fn arrivals(stages: &[Stage]) -> impl Iterator<Item = Duration> {
    let mut begins = 0.0;
    // What a stage leaves of a request is the next one's to send.
    let mut carried = 0.0;
    stages.iter().flat_map(move |stage| {
        let (stage, begin, first) = (*stage, begins, carried);
        let whole = stage.requests() + first;
        begins += stage.time.as_secs_f64();
        carried = whole.fract();
        (1..=whole as u64).map(move |number| {
            let at = begin + stage.after(number as f64 - first);
            Duration::from_secs_f64(at.max(0.0))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(stages: &[Stage]) -> Vec<usize> {
        let mut seconds = vec![0; 40];
        for at in arrivals(stages) {
            seconds[at.as_secs_f64().floor() as usize] += 1;
        }
        seconds
    }

    #[test]
    fn a_steady_rate_sends_as_many_each_second() {
        let seconds = counted(&[Stage::steady(10.5, 4.0)]);
        let all: usize = seconds.iter().sum();
        assert_eq!(all, 42);
        assert!(seconds[..4].iter().all(|second| (10..=11).contains(second)));
    }

    #[test]
    fn a_ramp_sends_more_each_second_and_then_fewer() {
        let up = [Stage::even(0.0, 100.0, 10.0), Stage::even(100.0, 0.0, 10.0)];
        let seconds = counted(&up);
        assert!(seconds[..10].windows(2).all(|pair| pair[0] < pair[1]));
        assert!(seconds[10..20].windows(2).all(|pair| pair[0] > pair[1]));
        assert!((999..=1001).contains(&seconds.iter().sum::<usize>()));
    }

    #[test]
    fn no_request_is_due_before_the_one_before_it() {
        let stages = [
            Stage::steady(7.3, 1.5),
            Stage::even(7.3, 80.0, 0.7),
            Stage::steady(80.0, 2.0),
        ];
        let all: Vec<_> = arrivals(&stages).collect();
        assert!(all.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(all.last().unwrap() <= &Duration::from_secs_f64(4.2 + 1e-6));
    }
}
