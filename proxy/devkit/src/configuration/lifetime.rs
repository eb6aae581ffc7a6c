//! A length of time as the files write it: `30s`, `5m`, `12h`, `7d` or plain seconds.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A duration of whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(Duration);

impl Lifetime {
    /// A lifetime of that many seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The lifetime as a duration.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// The lifetime in seconds.
    pub const fn seconds(self) -> u64 {
        self.0.as_secs()
    }
}

impl std::str::FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
        let factor = match text.get(digits.len()..).unwrap_or_default() {
            "" | "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(unreadable(text)),
        };
        digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(factor))
            .map(Self::from_seconds)
            .ok_or_else(|| unreadable(text))
    }
}

fn unreadable(text: &str) -> String {
    format!("`{text}` is not a duration; write 30s, 5m, 12h, 7d or plain seconds")
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LifetimeVisitor)
    }
}

struct LifetimeVisitor;

impl Visitor<'_> for LifetimeVisitor {
    type Value = Lifetime;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a duration such as 30s, 5m, 12h or plain seconds")
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Lifetime, E> {
        Ok(Lifetime::from_seconds(seconds))
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Lifetime, E> {
        u64::try_from(seconds)
            .map(Lifetime::from_seconds)
            .map_err(|_| E::custom(unreadable(&seconds.to_string())))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Lifetime, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_each_unit() {
        for (text, seconds) in [
            ("1", 1),
            ("30s", 30),
            ("5m", 300),
            ("12h", 43_200),
            ("7d", 604_800),
        ] {
            assert_eq!(text.parse::<Lifetime>().unwrap().seconds(), seconds);
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_the_fix() {
        for text in ["", "s", "5w", "-1s", "1.5h", "99999999999999999999d"] {
            assert!(text.parse::<Lifetime>().unwrap_err().contains("30s, 5m"));
        }
    }
}
