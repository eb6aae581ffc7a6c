//! A real Redis on a free port.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::certificates::Authority;
use super::configuration::free_port;

/// A running Redis; dropping it kills it. Its data survives [`stop`](Self::stop).
pub(crate) struct RedisServer {
    port: u16,
    folder: TempDir,
    child: Option<Child>,
    more: Vec<String>,
}

impl RedisServer {
    /// Starts one.
    pub(crate) fn start() -> Self {
        Self::start_with(|_| Vec::new())
    }

    /// Starts one that listens with TLS too, as `localhost`; the URL for that.
    pub(crate) fn start_encrypted(authority: &Authority) -> (Self, String) {
        let port = free_port();
        let server = Self::start_with(|folder| {
            authority.issue(&["localhost"]).write(folder, "redis");
            let file = |name: &str| folder.join(name).display().to_string();
            [
                ("--tls-port", port.to_string()),
                ("--tls-cert-file", file("redis.pem")),
                ("--tls-key-file", file("redis-key.pem")),
                ("--tls-ca-cert-file", file("redis.pem")),
                ("--tls-auth-clients", "no".to_owned()),
            ]
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
        });
        (server, format!("rediss://localhost:{port}"))
    }

    fn start_with(more: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = TempDir::new().unwrap();
        let mut server = Self {
            port,
            child: None,
            more: more(folder.path()),
            folder,
        };
        server.start_again();
        server
    }

    /// Starts it where it was.
    pub(crate) fn start_again(&mut self) {
        let folder: PathBuf = self.folder.path().into();
        let child = Command::new("redis-server")
            .args([
                "--port",
                &self.port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "yes",
            ])
            .arg("--dir")
            .arg(folder)
            .args(&self.more)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed by `make test`");
        self.child = Some(child);
        let begin = Instant::now();
        while self.command(&["PING"]).trim() != "PONG" {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "redis-server does not answer"
            );
            std::thread::yield_now();
        }
    }

    /// Stops it; what it holds is kept on disk.
    pub(crate) fn stop(&mut self) {
        let _ = self.command(&["SHUTDOWN"]);
        if let Some(mut child) = self.child.take() {
            child.wait().unwrap();
        }
    }

    /// What `redis-cli` prints for a command.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Everything that it holds, values included.
    pub(crate) fn dump(&self) -> String {
        let mut everything = String::new();
        for key in self.command(&["--raw", "KEYS", "*"]).lines() {
            let read: &[&str] = match self.command(&["--raw", "TYPE", key]).trim() {
                "hash" => &["--raw", "HGETALL", key],
                "set" => &["--raw", "SMEMBERS", key],
                "zset" => &["--raw", "ZRANGE", key, "0", "-1", "WITHSCORES"],
                "string" => &["--raw", "GET", key],
                other => panic!("{key} is a {other}"),
            };
            everything.push_str(key);
            everything.push('\n');
            everything.push_str(&self.command(read));
        }
        everything
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
