//! The access event of a request. Every request has one, so where lines are JSON it is written as it
//! stands, without the steps by which any other event comes to its line.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use tokenbridge_bridge::rejection::Level;

use super::json::{write_text, write_time};
use super::writer::LogWriter;
use crate::digits::write_digits;

/// What is said of one request and its answer. The path has no query: queries carry secrets.
pub(crate) struct AccessEvent<'a> {
    pub(crate) level: Level,
    pub(crate) message: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) route: &'a str,
    /// How long it took, told in milliseconds with two decimals; `None` for what never became a
    /// request.
    pub(crate) duration: Option<Duration>,
    pub(crate) request_id: &'a str,
}

/// The same for each level, whose callsite has to be its own.
macro_rules! by_level {
    ($event:ident, $act:ident) => {
        match $event.level {
            Level::Info => $act!(INFO),
            Level::Warn => $act!(WARN),
            Level::Error => $act!(ERROR),
        }
    };
}

impl AccessEvent<'_> {
    /// Says it to whoever listens to events.
    pub(super) fn emit(&self) {
        macro_rules! say {
            ($level:ident) => {
                tracing::event!(
                    target: "tokenbridge",
                    tracing::Level::$level,
                    method = self.method,
                    path = self.path,
                    status = self.status,
                    route = self.route,
                    duration_ms = self.hundredths().map(|hundredths| hundredths as f64 / 100.0),
                    request_id = self.request_id,
                    "{}",
                    self.message
                )
            };
        }
        by_level!(self, say);
    }

    /// Writes it as a line of JSON, as [`Self::emit`] would.
    pub(super) fn write(&self, writer: &LogWriter) {
        macro_rules! listened_to {
            ($level:ident) => {
                tracing::enabled!(target: "tokenbridge", tracing::Level::$level).then_some(stringify!($level))
            };
        }
        let Some(level) = by_level!(self, listened_to) else {
            return;
        };
        LINE.with_borrow_mut(|line| {
            line.clear();
            // Writing to memory does not fail.
            let _ = self.line(level, line);
            writer.push(line.as_bytes());
        });
    }

    fn line(&self, level: &str, line: &mut String) -> fmt::Result {
        line.push_str("{\"timestamp\":\"");
        write_time(line)?;
        line.push_str("\",\"level\":\"");
        line.push_str(level);
        line.push_str("\",\"message\":");
        write_text(line, self.message)?;
        line.push_str(",\"method\":");
        write_text(line, self.method)?;
        line.push_str(",\"path\":");
        write_text(line, self.path)?;
        line.push_str(",\"status\":");
        write_digits(line, self.status.into(), 1)?;
        line.push_str(",\"route\":");
        write_text(line, self.route)?;
        if let Some(hundredths) = self.hundredths() {
            line.push_str(",\"duration_ms\":");
            write_digits(line, hundredths / 100, 1)?;
            line.push('.');
            write_digits(line, hundredths % 100, 2)?;
        }
        line.push_str(",\"request_id\":");
        write_text(line, self.request_id)?;
        line.push_str(",\"target\":\"tokenbridge\"}\n");
        Ok(())
    }

    /// Hundredths of a millisecond, the nearest.
    fn hundredths(&self) -> Option<u64> {
        let nanoseconds = u64::try_from(self.duration?.as_nanos()).unwrap_or(u64::MAX);
        Some(nanoseconds.saturating_add(5_000) / 10_000)
    }
}

thread_local! {
    /// Where a line is put together.
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::json::JsonLines;
    use super::*;

    fn event(level: Level, nanoseconds: Option<u64>) -> AccessEvent<'static> {
        AccessEvent {
            level,
            message: "a \"remark\"\n",
            method: "GET",
            path: "/a%20b/\\c",
            status: 200,
            route: "api",
            duration: nanoseconds.map(Duration::from_nanos),
            request_id: "0123",
        }
    }

    fn without_time(line: &str) -> (Value, String) {
        let mut value: Value = serde_json::from_str(line).unwrap();
        let time = value["timestamp"].take();
        (value, time.as_str().unwrap().to_owned())
    }

    /// The names in the order in which they stand.
    fn names(line: &str) -> Vec<&str> {
        let names = line.split("\":").map(|part| part.rsplit('"').next());
        names.map(Option::unwrap).collect()
    }

    #[test]
    fn the_short_way_writes_what_the_long_way_does() {
        for (level, word, nanoseconds) in [
            (Level::Info, "INFO", Some(1_234_567)),
            (Level::Warn, "WARN", Some(1_234_567)),
            (Level::Error, "ERROR", Some(1_234_567)),
            (Level::Info, "INFO", None),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            let layer = tracing_subscriber::fmt::layer()
                .event_format(JsonLines)
                .with_writer(std::sync::Arc::new(file.reopen().unwrap()));
            let subscriber = tracing_subscriber::registry().with(layer);
            let event = event(level, nanoseconds);
            tracing::subscriber::with_default(subscriber, || event.emit());
            let long = std::fs::read_to_string(file.path()).unwrap();
            let mut short = String::new();
            event.line(word, &mut short).unwrap();
            let (same, time) = without_time(&short);
            assert_eq!(without_time(&long).0, same);
            assert_eq!(same["level"], json!(word));
            assert_eq!(time.len(), "2026-01-01T00:00:00.000000Z".len(), "{time}");
            assert_eq!(names(&short), names(&long));
            assert!(short.ends_with("}\n"));
        }
    }

    #[test]
    fn the_page_has_every_field_in_its_order() {
        let page = include_str!("../../../../docs/operations.md");
        let table = page.split("### The access event").nth(1).unwrap();
        let rows = table.split("### ").next().unwrap().lines();
        let rows = rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next());
        let example = table.lines().find(|line| line.starts_with('{')).unwrap();
        let mut line = String::new();
        event(Level::Info, Some(0)).line("INFO", &mut line).unwrap();
        // Behind the last name stands the end of the line.
        let written = names(line.trim_end());
        assert_eq!(written, names(example));
        assert_eq!(written[..written.len() - 1], rows.collect::<Vec<_>>());
    }

    #[test]
    fn a_duration_has_two_decimals() {
        for (nanoseconds, expected) in [
            (0, 0.0),
            (4_999, 0.0),
            (5_000, 0.01),
            (995_000, 1.0),
            (1_070_000, 1.07),
            (61_000_000_000, 61_000.0),
        ] {
            let mut line = String::new();
            event(Level::Info, Some(nanoseconds))
                .line("INFO", &mut line)
                .unwrap();
            let value: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value["duration_ms"], json!(expected), "{line}");
        }
    }
}
