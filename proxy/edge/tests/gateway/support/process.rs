//! The gateway's process, with all that it logs.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::ConfigurationFolder;

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(20);

/// A running gateway; dropping it kills it.
pub(crate) struct GatewayProcess {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl GatewayProcess {
    /// Starts the gateway and waits until it is ready. Takes other ports when somebody else has
    /// taken one in the meantime.
    pub(crate) async fn start(folder: &mut ConfigurationFolder) -> Self {
        for _ in 0..10 {
            match Self::try_start(folder).await {
                Ok(started) => return started,
                Err(log) if log.contains("cannot listen on") => folder.take_ports(),
                Err(log) => panic!("the gateway did not start:\n{log}"),
            }
        }
        panic!("no free port in ten attempts");
    }

    /// Starts the gateway again where it was.
    pub(crate) async fn start_again(folder: &mut ConfigurationFolder) -> Self {
        match Self::try_start(folder).await {
            Ok(started) => started,
            Err(log) => panic!("the gateway did not start again:\n{log}"),
        }
    }

    async fn try_start(folder: &ConfigurationFolder) -> Result<Self, String> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tokenbridge"))
            .args(["run", "--config"])
            .arg(folder.path())
            .envs(folder.environment().iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().unwrap(), log.clone());
        collect(child.stderr.take().unwrap(), log.clone());
        let mut process = Self { child, log };
        let ready = folder.admin_url("/ready");
        let client = reqwest::Client::new();
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if process.child.try_wait().unwrap().is_some() {
                process.eventually(|log| !log.is_empty()).await;
                return Err(process.log());
            }
            let answer = client.get(&ready).send().await;
            let listening = tokio::net::TcpStream::connect(("127.0.0.1", folder.port()))
                .await
                .is_ok();
            if listening && answer.is_ok_and(|answer| answer.status() == 200) {
                return Ok(process);
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(format!("not ready in {PATIENCE:?}:\n{}", process.log()))
    }

    /// All that was logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log is as wanted; says at once what it is when it never is.
    pub(crate) async fn eventually(&self, wanted: impl Fn(&str) -> bool) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if wanted(&self.log()) {
                return true;
            }
            tokio::time::sleep(LOOK).await;
        }
        false
    }

    /// Waits until the log holds a text.
    pub(crate) async fn logs(&self, text: &str) {
        assert!(
            self.eventually(|log| log.contains(text)).await,
            "{text:?} is not in the log:\n{}",
            self.log()
        );
    }

    /// Stops it as an operator does, and waits for its end.
    pub(crate) async fn stop(&mut self) {
        let pid = self.child.id().expect("it runs");
        let sent = Command::new("kill")
            .args(["-TERM", &pid.to_string()])
            .status()
            .await
            .unwrap();
        assert!(sent.success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        assert!(
            ended.expect("it ends").unwrap().success(),
            "a clean stop exits with 0"
        );
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
