//! Log lines: text with colour on a terminal, JSON otherwise, and never more than asked for.

use std::io::IsTerminal;

use tokenbridge_config::process::{LogFormat, LogLevel, Logging};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Begins logging to standard output. Pingora's own targets show request targets with their
/// queries at warn and whole headers at debug, so they are capped whatever the level.
pub(crate) fn start(logging: Logging) {
    let level = logging.level.as_str();
    let framework = match logging.level {
        LogLevel::Error | LogLevel::Warn | LogLevel::Info | LogLevel::Debug => "error",
        LogLevel::Trace => "info",
    };
    let directives = format!(
        "warn,tokenbridge={level},pingora={framework},pingora_core={framework},pingora_proxy={framework}"
    );
    let terminal = std::io::stdout().is_terminal();
    let json = match logging.format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let registry = tracing_subscriber::registry().with(EnvFilter::new(directives));
    // A second start in one process (tests) keeps the first subscriber.
    let _ = match json {
        true => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(false),
            )
            .try_init(),
        false => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(terminal)
                    .with_target(false),
            )
            .try_init(),
    };
}
