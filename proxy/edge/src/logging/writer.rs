//! Log lines on their way to standard output. A request hands its line over and goes on: a slow
//! reader of the log never holds up a request. What finds no room is dropped and counted.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus::IntCounter;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that may wait for a reader.
const ROOM: usize = 8 * 1024 * 1024;
/// After each batch the next one is gathered for so long: one system call for all its lines.
const GATHERING: Duration = Duration::from_millis(10);
/// How long a stop waits for a reader.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Takes lines from any thread.
#[derive(Clone)]
pub(super) struct LogWriter(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    /// Something to write has come, or is to be written at once.
    come: Condvar,
    /// A batch was written.
    written: Condvar,
    dropped: IntCounter,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// The writing thread waits for a line.
    idle: bool,
    /// A batch is being written.
    busy: bool,
    /// Somebody waits for all lines to be written.
    hurry: bool,
}

impl LogWriter {
    /// Begins writing to `output` on a thread of its own. Lines without room count in `dropped`.
    ///
    /// # Errors
    /// The thread cannot be had.
    pub(super) fn start(
        output: impl Write + Send + 'static,
        dropped: IntCounter,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            come: Condvar::new(),
            written: Condvar::new(),
            dropped,
        });
        let writing = shared.clone();
        std::thread::Builder::new()
            .name("log".into())
            .spawn(move || writing.write_to(output))?;
        Ok(Self(shared))
    }

    /// Takes a line.
    pub(super) fn push(&self, line: &[u8]) {
        self.0.push(line);
    }

    /// Waits until all lines are written, or a moment has passed.
    pub(super) fn flush(&self) {
        let mut waiting = self.0.lock();
        waiting.hurry = true;
        self.0.come.notify_one();
        let unwritten = |waiting: &mut Waiting| waiting.busy || !waiting.bytes.is_empty();
        // What a reader does not take until then stays unread.
        let _ = self
            .0
            .written
            .wait_timeout_while(waiting, LAST_LINES, unwritten);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Whatever a thread that panicked left there is whole lines.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.bytes.len() + line.len() > ROOM {
            drop(waiting);
            self.dropped.inc();
            return;
        }
        waiting.bytes.extend_from_slice(line);
        if waiting.idle {
            waiting.idle = false;
            self.come.notify_one();
        }
    }

    fn write_to(&self, mut output: impl Write) {
        let mut batch = Vec::new();
        loop {
            self.next(&mut batch);
            // There is nowhere left to say that the log cannot be written.
            let _ = output.write_all(&batch).and_then(|()| output.flush());
            batch.clear();
            let mut waiting = self.lock();
            waiting.busy = false;
            self.written.notify_all();
            let calm = |waiting: &mut Waiting| !waiting.hurry;
            // Either way what has come meanwhile is next.
            let _ = self.come.wait_timeout_while(waiting, GATHERING, calm);
        }
    }

    /// Waits for lines and takes all of them.
    fn next(&self, batch: &mut Vec<u8>) {
        let mut waiting = self.lock();
        while waiting.bytes.is_empty() {
            waiting.hurry = false;
            waiting.idle = true;
            waiting = self
                .come
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        waiting.idle = false;
        waiting.busy = true;
        std::mem::swap(&mut waiting.bytes, batch);
    }
}

impl<'w> MakeWriter<'w> for LogWriter {
    type Writer = Lines<'w>;

    fn make_writer(&'w self) -> Lines<'w> {
        Lines(&self.0)
    }
}

/// What the formatting layer writes to; it writes each line at once.
pub(super) struct Lines<'w>(&'w Shared);

impl Write for Lines<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that takes nothing until it is let.
    #[derive(Clone, Default)]
    struct Output {
        taken: Arc<Mutex<Vec<u8>>>,
        closed: Arc<Mutex<()>>,
    }

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _open = self.closed.lock().unwrap();
            self.taken.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn writer(output: &Output) -> (LogWriter, IntCounter) {
        let dropped = IntCounter::new("dropped", "lines").unwrap();
        let writer = LogWriter::start(output.clone(), dropped.clone()).unwrap();
        (writer, dropped)
    }

    #[test]
    fn lines_of_many_threads_come_whole_and_a_flush_waits_for_them() {
        let output = Output::default();
        let (writer, dropped) = writer(&output);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let writer = writer.clone();
                scope.spawn(move || {
                    for _ in 0..200 {
                        let line = format!("line of thread {number}\n");
                        writer.make_writer().write_all(line.as_bytes()).unwrap();
                    }
                });
            }
        });
        writer.flush();
        let text = String::from_utf8(output.taken.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1600);
        assert!(
            text.lines()
                .all(|line| line.len() == "line of thread 0".len())
        );
        assert_eq!(dropped.get(), 0);
    }

    #[test]
    fn a_reader_that_takes_nothing_holds_nobody_up_and_drops_are_counted() {
        let output = Output::default();
        let (writer, dropped) = writer(&output);
        let closed = output.closed.lock().unwrap();
        let line = vec![b'x'; 64 * 1024];
        for _ in 0..2 * ROOM / line.len() + 2 {
            writer.make_writer().write_all(&line).unwrap();
        }
        let lost = dropped.get();
        assert!(lost > 0, "there is an end to the room");
        drop(closed);
        writer.flush();
        let kept = output.taken.lock().unwrap().len() / line.len();
        assert_eq!(kept as u64 + lost, (2 * ROOM / line.len() + 2) as u64);
    }
}
