//! A real Redis on a free port.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running Redis; dropping it kills it. Its data survives [`stop`](Self::stop).
pub(crate) struct RedisServer {
    port: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut server = Self {
            port,
            folder: TempDir::new().unwrap(),
            child: None,
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
