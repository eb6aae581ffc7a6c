//! What a run showed: a table for people, JSON for machines.
//!
//! | module | owns |
//! |---|---|
//! | [`figure`] | what is told of each kind of request, and its ratios |
//! | `table`, `json` | all of it |

pub mod figure;
mod json;
mod table;

use serde_json::{Value, json};

use crate::counting::Costs;
use crate::due_index::DueIndex;
use crate::memory::Memory;
use crate::round::Rows;
use crate::target::Side;
pub use json::rows;

/// All that a run showed.
pub struct Report {
    /// The timed rows.
    pub rows: Rows,
    /// What was counted.
    pub costs: Costs,
    /// Bytes, and times of the first answer.
    pub memory: Vec<(Side, Memory)>,
    /// Reads of the store for each request of a cached session.
    pub round_trips: f64,
    /// Finding due sessions among many, and bytes of a session in Redis.
    pub due_index: Option<DueIndex>,
}

/// The middle of some values, the least and the greatest.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

impl Spread {
    /// `None` where there are no values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => (values.get(middle.checked_sub(1)?)? + values.get(middle)?) / 2.0,
            _ => *values.get(middle)?,
        };
        Some(Self {
            median,
            least: *values.first()?,
            greatest: *values.last()?,
        })
    }

    /// For machines.
    pub fn json(self) -> Value {
        json!({"median": round(self.median), "least": round(self.least), "greatest": round(self.greatest)})
    }

    /// For people.
    pub fn text(self) -> String {
        format!(
            "{:.2} ({:.2}-{:.2})",
            self.median, self.least, self.greatest
        )
    }
}

/// To three decimals.
pub fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_of_its_values() {
        let odd = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.least, odd.median, odd.greatest), (1.0, 2.0, 3.0));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert!(Spread::of([]).is_none());
        assert!(Spread::of([f64::NAN]).is_none());
    }
}
