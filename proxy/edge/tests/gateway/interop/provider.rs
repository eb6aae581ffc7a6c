//! What the tests ask of a provider that runs as a process of its own.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::support::{Installation, LoggedProcess};

/// A provider's secret for the gateway; it guards nothing.
pub(crate) const CLIENT_SECRET: &str = "interop-secret";

/// How long an access token lives, in seconds: a few renewals happen while a test looks on.
pub(crate) const TOKEN_LIFE: u64 = 4;

/// How long a provider may take to start: Keycloak adapts its program to its options first.
const STARTING: Duration = Duration::from_secs(240);

/// Numbers since the provider's start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// Refresh grants that were answered with tokens.
    pub(crate) refreshes: u64,
    /// Refresh tokens that came a second time: the gateway's fault, always.
    pub(crate) reused_refresh_tokens: u64,
    /// Logins' grants that were revoked.
    pub(crate) revoked_grants: u64,
}

/// A running provider.
pub(crate) trait RealProvider {
    /// Numbers since its start.
    async fn counts(&self) -> Counts;
    /// All that it printed.
    fn log(&self) -> String;
}

/// A variable of `make interop`.
pub(crate) fn folder_of(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set: run `make interop`"))
        .into()
}

/// A port for a provider that takes its time to start: below those that the system gives to
/// outgoing connections.
pub(crate) fn free_port() -> u16 {
    let start = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (start..32_000)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// Starts a provider's process and waits until it says that it serves.
pub(crate) async fn start(command: &mut Command, ready: &str) -> LoggedProcess {
    let process = LoggedProcess::spawn(command);
    assert!(
        process.within(STARTING, |log| log.contains(ready)).await,
        "the provider did not start in {STARTING:?}:\n{}",
        process.log()
    );
    process
}

/// Waits until the gateway has found the provider that came after it.
pub(crate) async fn found_by<P>(installation: &Installation<P>) {
    let health = installation.folder.admin_url("/health");
    let begin = Instant::now();
    loop {
        let answer = reqwest::get(&health).await.unwrap().text().await.unwrap();
        let health: serde_json::Value = serde_json::from_str(&answer).unwrap();
        if health["identity_provider"]["status"] == "up" {
            return;
        }
        assert!(
            begin.elapsed().as_secs() < 60,
            "the gateway does not find the provider: {health}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
