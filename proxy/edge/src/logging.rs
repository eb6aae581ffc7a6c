//! Log lines: text with colour on a terminal, JSON otherwise, and never more than asked for. They
//! are written behind the back of whoever has something to say.

mod access;
mod json;
mod writer;

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::sync::OnceLock;

use log::{Log, Metadata, Record};
use prometheus::IntCounter;
use tokenbridge_config::process::{LogFormat, LogLevel, Logging};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::set_global_default;
use tracing_log::{AsLog, LogTracer};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;

pub(crate) use access::AccessEvent;
use json::JsonLines;
use writer::LogWriter;

static WRITER: OnceLock<LogWriter> = OnceLock::new();
/// Where access events go as lines of JSON, while nobody else listens to events.
static ACCESS: OnceLock<LogWriter> = OnceLock::new();

/// Begins logging to standard output. Pingora's own targets show request targets with their
/// queries at warn and whole headers at debug, so they are capped whatever the level. Lines that
/// nobody took in time count in `dropped`.
///
/// # Errors
/// There is no thread that could write.
pub(crate) fn start(logging: Logging, dropped: IntCounter) -> std::io::Result<()> {
    let level = logging.level.as_str();
    let framework = match logging.level {
        LogLevel::Error | LogLevel::Warn | LogLevel::Info | LogLevel::Debug => "error",
        LogLevel::Trace => "info",
    };
    let directives = format!(
        "warn,tokenbridge={level},pingora={framework},pingora_core={framework},pingora_proxy={framework}"
    );
    let terminal = std::io::stdout().is_terminal();
    let no_color = std::env::var_os("NO_COLOR");
    let json = match logging.format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let writer = LogWriter::start(std::io::stdout(), dropped)?;
    // A second start in one process (tests) keeps the first writer, as it does the subscriber.
    let writer = WRITER.get_or_init(|| writer).clone();
    let registry = tracing_subscriber::registry().with(EnvFilter::new(directives));
    let begun = match json {
        true => {
            let lines = tracing_subscriber::fmt::layer().event_format(JsonLines);
            set_global_default(registry.with(lines.with_writer(writer.clone())))
                // A second start in one process (tests) keeps what the first one set.
                .map(|()| drop(ACCESS.set(writer)))
        }
        false => set_global_default(
            registry.with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(is_coloured(terminal, no_color.as_deref()))
                    .with_target(false)
                    .with_writer(writer),
            ),
        ),
    };
    // A second start in one process (tests) keeps the first subscriber.
    if begun.is_ok() && log::set_boxed_logger(Box::new(Placeless(LogTracer::new()))).is_ok() {
        log::set_max_level(LevelFilter::current().as_log());
    }
    Ok(())
}

/// Says what a request was answered.
pub(crate) fn access(event: &AccessEvent<'_>) {
    match ACCESS.get() {
        Some(writer) => event.write(writer),
        None => event.emit(),
    }
}

/// Waits until what was said is written, or a moment has passed: to be called before the end.
pub(crate) fn flush() {
    if let Some(writer) = WRITER.get() {
        writer.flush();
    }
}

/// Whether text has colours: on a terminal, unless NO_COLOR says something (no-color.org).
fn is_coloured(terminal: bool, no_color: Option<&OsStr>) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty)
}

/// Passes on what dependencies log, without the place in their source: it is a path on the machine
/// that the program was built on.
struct Placeless(LogTracer);

impl Log for Placeless {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let mut placeless = Record::builder();
        placeless
            .metadata(record.metadata().clone())
            .args(*record.args());
        self.0.log(&placeless.build());
    }

    fn flush(&self) {
        self.0.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dependencies_log_names_no_place_in_their_source() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(JsonLines)
            .with_writer(std::sync::Arc::new(file.reopen().unwrap()));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let mut record = Record::builder();
            record
                .args(format_args!("something happened"))
                .level(log::Level::Warn)
                .target("dependency")
                .module_path(Some("dependency::inner"))
                .file(Some("/build/machine/src/inner.rs"))
                .line(Some(7));
            Placeless(LogTracer::new()).log(&record.build());
        });
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.contains("something happened"), "{text}");
        assert!(text.contains("dependency"), "{text}");
        assert!(!text.contains("inner"), "{text}");
    }

    #[test]
    fn text_has_colours_on_a_terminal_unless_no_color_says_something() {
        for (terminal, no_color, expected) in [
            (true, None, true),
            (true, Some(""), true),
            (true, Some("1"), false),
            (false, None, false),
            (false, Some("0"), false),
        ] {
            let no_color = no_color.map(OsStr::new);
            assert_eq!(
                is_coloured(terminal, no_color),
                expected,
                "{terminal} {no_color:?}"
            );
        }
    }
}
