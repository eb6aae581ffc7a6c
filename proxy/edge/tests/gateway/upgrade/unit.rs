//! Upgrades as the systemd unit makes them, with a service manager that the test plays.

use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::process::Command;

use super::{upgradable, upgrade};
use crate::support::{ConfigurationFolder, ITEMS, Installation, RedisServer, repository};

/// Hears what systemd would.
struct Manager {
    socket: UnixDatagram,
    path: String,
    _folder: TempDir,
}

impl Manager {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("notify");
        Self {
            socket: UnixDatagram::bind(&path).unwrap(),
            path: path.to_str().unwrap().to_owned(),
            _folder: folder,
        }
    }

    async fn install(&self, redis: &RedisServer) -> Installation {
        let installation = Installation::start_with(|folder| {
            upgradable(folder, redis);
            folder.set_variable("NOTIFY_SOCKET", &self.path);
        })
        .await;
        assert_eq!(self.main().await, installation.gateway.id());
        installation
    }

    /// Which process is the main one by now.
    async fn main(&self) -> u32 {
        let mut state = [0; 64];
        let received = self.socket.recv(&mut state);
        let received = tokio::time::timeout(Duration::from_secs(30), received);
        let length = received.await.expect("it is told").unwrap();
        let state = String::from_utf8_lossy(&state[..length]).into_owned();
        let process = state.strip_prefix("MAINPID=");
        let process = process.and_then(|rest| rest.strip_suffix("\nREADY=1"));
        process
            .unwrap_or_else(|| panic!("{state}"))
            .parse()
            .unwrap()
    }
}

/// A process that is nobody's child here; dropping it ends it.
struct Orphan(u32);

impl Drop for Orphan {
    fn drop(&mut self) {
        let mut kill = std::process::Command::new("kill");
        // It may have ended by itself.
        let _ = kill.arg(self.0.to_string()).status();
    }
}

/// The unit's `ExecReload` in a shell, as systemd reads it.
async fn reload(folder: &ConfigurationFolder, main: u32) -> bool {
    let unit = repository("deploy/systemd/tokenbridge.service");
    let unit = std::fs::read_to_string(unit).unwrap().replace("\\\n", "");
    let line = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecReload=/bin/sh -c '"));
    let script = line.unwrap().strip_suffix('\'').unwrap().replace("$$", "$");
    let script = script
        .replace(
            "/usr/local/bin/tokenbridge",
            env!("CARGO_BIN_EXE_tokenbridge"),
        )
        .replace("/etc/tokenbridge", folder.path().to_str().unwrap());
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script]).env("MAINPID", main.to_string());
    shell.envs(folder.environment().iter().cloned());
    let ended = shell.stdout(Stdio::null()).stderr(Stdio::null()).status();
    ended.await.unwrap().success()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_is_told_which_process_serves() {
    let (redis, manager) = (RedisServer::start(), Manager::start());
    let mut installation = manager.install(&redis).await;
    upgrade(&mut installation).await;
    assert_eq!(manager.main().await, installation.gateway.id());
    let browser = installation.logged_in("alice").await;
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_puts_a_new_process_in_the_old_ones_place_or_fails_and_leaves_it() {
    let (redis, manager) = (RedisServer::start(), Manager::start());
    let mut installation = manager.install(&redis).await;
    let browser = installation.logged_in("alice").await;
    let old = installation.gateway.id();
    let folder = &installation.folder;
    folder.replace("settings.yaml", "public_url:", "public_address:");
    assert!(!reload(folder, old).await, "it cannot start");
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
    folder.replace("settings.yaml", "public_address:", "public_url:");
    let new = async { Orphan(manager.main().await) };
    // The old one is our child, and there for the shell until we know of its end.
    let (reloaded, new, ()) = tokio::join!(reload(folder, old), new, installation.gateway.end());
    assert!(reloaded);
    assert_ne!(new.0, old);
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
}
