//! One event as one line of JSON, written where it stands: no map, no copy, nothing for what was
//! not said. Every request has such a line.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, time};
use tracing_subscriber::registry::LookupSpan;

use crate::digits::write_digits;

/// The fields of an event beside time, level and target, in the order in which they were said.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'f> FormatFields<'f> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        line.write_str("{\"timestamp\":\"")?;
        write_time(&mut line)?;
        line.write_str("\",\"level\":\"")?;
        line.write_str(metadata.level().as_str())?;
        line.write_char('"')?;
        let mut fields = Fields {
            line: &mut line,
            target: None,
            outcome: Ok(()),
        };
        event.record(&mut fields);
        let (target, outcome) = (fields.target, fields.outcome);
        outcome?;
        line.write_str(",\"target\":")?;
        write_text(&mut line, target.as_deref().unwrap_or(metadata.target()))?;
        line.write_str("}\n")
    }
}

thread_local! {
    /// A second, and how it is written.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// Letters of a time down to the second.
const TO_THE_SECOND: usize = "2026-01-01T00:00:00".len();

/// The time, to the microsecond.
pub(super) fn write_time(line: &mut impl Write) -> fmt::Result {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    SECOND.with_borrow_mut(|(second, text)| {
        if *second != now.as_secs() || text.is_empty() {
            text.clear();
            time::SystemTime.format_time(&mut Writer::new(text))?;
            text.truncate(TO_THE_SECOND);
            *second = now.as_secs();
        }
        line.write_str(text)
    })?;
    line.write_char('.')?;
    write_digits(line, now.subsec_micros().into(), 6)?;
    line.write_char('Z')
}

struct Fields<'l, 'w> {
    line: &'l mut Writer<'w>,
    /// What the crate `log` names as target.
    target: Option<String>,
    outcome: fmt::Result,
}

impl Fields<'_, '_> {
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        // How the crate `log` carries what every event has.
        if self.outcome.is_err() || field.name().starts_with("log.") {
            return;
        }
        self.outcome = self
            .line
            .write_str(",\"")
            .and_then(|()| self.line.write_str(field.name()))
            .and_then(|()| self.line.write_str("\":"))
            .and_then(|()| value(self.line));
    }
}

impl Visit for Fields<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, |line| {
            line.write_char('"')?;
            write!(Escaped(line), "{value:?}")?;
            line.write_char('"')
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.target = Some(value.to_owned());
        }
        self.write(field, |line| write_text(line, value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.write(field, |line| match value.is_finite() {
            true => write!(line, "{value:?}"),
            false => line.write_str("null"),
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, |line| write!(line, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, |line| write!(line, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, |line| write!(line, "{value}"));
    }
}

/// Text as a string of JSON.
pub(super) fn write_text(line: &mut impl Write, text: &str) -> fmt::Result {
    line.write_char('"')?;
    Escaped(line).write_str(text)?;
    line.write_char('"')
}

/// Writes text as it stands within a string of JSON (RFC 8259 § 7).
struct Escaped<'l, W>(&'l mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let special = |byte: u8| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
        // In one pass without a branch for each byte: nearly no text holds one.
        if !text
            .bytes()
            .fold(false, |found, byte| found | special(byte))
        {
            return self.0.write_str(text);
        }
        let mut rest = text;
        while let Some(at) = rest.bytes().position(special) {
            // A special byte is a character of its own, so both cuts are between characters.
            let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
            self.0.write_str(plain)?;
            let mut characters = tail.chars();
            match characters.next() {
                Some('"') => self.0.write_str("\\\"")?,
                Some('\\') => self.0.write_str("\\\\")?,
                Some('\n') => self.0.write_str("\\n")?,
                Some(other) => write!(self.0, "\\u{:04x}", u32::from(other))?,
                None => {}
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Output {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn said(say: impl FnOnce()) -> Value {
        let output = Output::default();
        let writer = output.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(JsonLines)
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), say);
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "one line: {text}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn an_event_is_one_line_of_json_whatever_it_says() {
        let odd = "a \"quoted\" \\ line\nwith \u{1} and \u{e4}\u{1f36a}";
        let mut line = said(|| {
            tracing::warn!(
                target: "tokenbridge",
                text = odd, shown = %odd, number = 7_u64, less = -7, share = 0.5, whole = 2.0,
                no = f64::NAN, yes = true, "{odd}"
            );
        });
        let time = line["timestamp"].take();
        let time = time.as_str().unwrap();
        assert_eq!((time.len(), time.ends_with('Z')), (27, true), "{time}");
        assert_eq!(
            line,
            json!({
                "timestamp": null, "level": "WARN", "target": "tokenbridge", "message": odd,
                "text": odd, "shown": odd, "number": 7, "less": -7, "share": 0.5, "whole": 2.0,
                "no": null, "yes": true,
            })
        );
    }
}
