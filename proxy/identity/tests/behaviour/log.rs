//! What was logged, so that a test can look at it.

use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

static LINES: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();

struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let lines = LINES.get_or_init(Mutex::default);
        lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Starts to listen; once for all tests.
pub(crate) fn listen() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        tracing_subscriber::fmt()
            .with_env_filter("tokenbridge=trace,tokenbridge_identity=trace")
            .with_ansi(false)
            .with_writer(|| Sink)
            .init();
    });
}

/// All lines so far, of all tests.
pub(crate) fn text() -> String {
    let lines = LINES.get_or_init(Mutex::default);
    let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&lines).into_owned()
}

/// The lines that hold all of these words.
pub(crate) fn lines(words: &[&str]) -> Vec<String> {
    text()
        .lines()
        .filter(|line| words.iter().all(|word| line.contains(word)))
        .map(str::to_owned)
        .collect()
}
