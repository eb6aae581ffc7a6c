//! The gateway's process, with all that it logs.

use std::time::Instant;

use tokio::process::Command;

use super::ConfigurationFolder;
use super::logged_process::{LOOK, LoggedProcess, PATIENCE};

/// A running gateway; dropping it kills it.
pub(crate) struct GatewayProcess(LoggedProcess);

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

    /// What one that does not start says.
    pub(crate) async fn start_refused(folder: &ConfigurationFolder) -> String {
        match Self::try_start(folder).await {
            Ok(_) => panic!("it starts"),
            Err(log) => log,
        }
    }

    /// Starts the gateway beside the one that runs, and waits until it has taken over or given up.
    pub(crate) async fn upgrade(folder: &ConfigurationFolder) -> Result<Self, String> {
        let mut process = Self::spawn(folder, &["--upgrade"]);
        while !process.log().contains("this one serves in its place") {
            if process.0.has_ended() {
                let status = process.0.end().await;
                assert_eq!(status.code(), Some(1), "{}", process.log());
                process.eventually(|log| !log.is_empty()).await;
                return Err(process.log());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(process)
    }

    fn spawn(folder: &ConfigurationFolder, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tokenbridge"));
        command
            .args(["run", "--config"])
            .arg(folder.path())
            .args(more)
            .envs(folder.environment().iter().cloned());
        Self(LoggedProcess::spawn(&mut command))
    }

    async fn try_start(folder: &ConfigurationFolder) -> Result<Self, String> {
        let mut process = Self::spawn(folder, &[]);
        let ready = folder.admin_url("/ready");
        let client = reqwest::Client::new();
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if process.0.has_ended() {
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
        self.0.log()
    }

    /// Waits until the log is as wanted; whether it ever was.
    pub(crate) async fn eventually(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.0.eventually(wanted).await
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
        let status = self.0.terminate().await;
        assert!(status.success(), "a clean stop exits with 0");
    }

    /// Waits for the end of one that another has taken over from.
    pub(crate) async fn end(&mut self) {
        let status = self.0.end().await;
        assert!(
            status.success(),
            "a clean stop exits with 0:\n{}",
            self.log()
        );
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.has_ended()
    }

    /// Kills it without warning.
    pub(crate) async fn kill(&mut self) {
        self.0.kill().await;
    }
}
