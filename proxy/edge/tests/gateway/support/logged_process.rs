//! A process with all that it prints.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// The longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// A running process; dropping it kills it.
pub(crate) struct LoggedProcess {
    child: Child,
    log: Arc<Mutex<String>>,
    /// Held open: a process may take its end for ours.
    _input: Option<ChildStdin>,
}

impl LoggedProcess {
    /// Starts a command whose standard input stays open as long as this is held.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().unwrap(), log.clone());
        collect(child.stderr.take().unwrap(), log.clone());
        Self {
            _input: child.stdin.take(),
            child,
            log,
        }
    }

    /// All that was printed so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log is as wanted; whether it ever was.
    pub(crate) async fn eventually(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.within(PATIENCE, wanted).await
    }

    /// As [`eventually`](Self::eventually), for what takes longer.
    pub(crate) async fn within(&self, patience: Duration, wanted: impl Fn(&str) -> bool) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < patience {
            if wanted(&self.log()) {
                return true;
            }
            tokio::time::sleep(LOOK).await;
        }
        false
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Asks it to end, as an operator does, and waits for its end.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        let pid = self.child.id().expect("it runs");
        let sent = Command::new("kill")
            .args(["-TERM", &pid.to_string()])
            .status()
            .await
            .unwrap();
        assert!(sent.success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it ends").unwrap()
    }

    /// Waits for its own end.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it ends").unwrap()
    }

    /// Kills it without warning.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}

fn collect(stream: impl AsyncRead + Unpin + Send + 'static, log: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stream).lines();
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
}
