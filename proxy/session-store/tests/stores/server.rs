//! A real redis-server of a test's own, on a free port, gone with the test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::FromRedisValue;
use tempfile::TempDir;
use tokenbridge_bridge::Secret;

const START_WITHIN: Duration = Duration::from_secs(20);

pub struct RedisServer {
    pub port: u16,
    arguments: Vec<String>,
    directory: TempDir,
    process: Option<Child>,
}

impl RedisServer {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub async fn start_with(arguments: &[&str]) -> Self {
        let arguments = arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect();
        let directory = tempfile::tempdir().unwrap();
        let mut server = Self {
            port: 0,
            arguments,
            directory,
            process: None,
        };
        // Another process may take the port between the choice and the start.
        for _ in 0..5 {
            server.port = free_port();
            if server.launch().await {
                return server;
            }
        }
        panic!("redis-server does not start; is it installed?");
    }

    /// One node that holds all slots of a cluster.
    pub async fn start_cluster() -> Self {
        let server = Self::start_with(&[
            "--cluster-enabled",
            "yes",
            "--cluster-config-file",
            "nodes.conf",
        ])
        .await;
        let _: String = server
            .ask(
                redis::cmd("CLUSTER")
                    .arg("ADDSLOTSRANGE")
                    .arg(0)
                    .arg(16_383),
            )
            .await;
        let deadline = Instant::now() + START_WITHIN;
        loop {
            let info: String = server.ask(redis::cmd("CLUSTER").arg("INFO")).await;
            if info.contains("cluster_state:ok") {
                return server;
            }
            assert!(Instant::now() < deadline, "the cluster does not come up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn url(&self) -> Secret {
        Secret::new(format!("redis://127.0.0.1:{}", self.port))
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it again on the same port.
    pub async fn start_again(&mut self) {
        self.kill();
        assert!(self.launch().await, "redis-server does not start again");
    }

    /// Stops (`STOP`) or continues (`CONT`) the process without ending it.
    pub fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args([&format!("-{signal}"), &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Runs one command beside the store.
    pub async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> T {
        let client = redis::Client::open(self.url().expose()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        command.query_async(&mut connection).await.unwrap()
    }

    pub async fn keys(&self) -> Vec<String> {
        self.ask(redis::cmd("KEYS").arg("*")).await
    }

    /// The keys of sessions, in order.
    pub async fn sessions(&self) -> Vec<String> {
        let mut keys = self.keys().await;
        keys.retain(|name| name.starts_with("tb:main:session:"));
        keys.sort();
        keys
    }

    async fn launch(&mut self) -> bool {
        // It writes this file once it listens: that somebody answers on the port proves nothing.
        let listening = self.directory.path().join("listening.pid");
        let _ = std::fs::remove_file(&listening);
        let mut process = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(self.directory.path())
            .arg("--pidfile")
            .arg(&listening)
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server must be installed");
        let deadline = Instant::now() + START_WITHIN;
        while Instant::now() < deadline {
            if process.try_wait().unwrap().is_some() {
                return false;
            }
            if listening.exists() && answers(self.port).await {
                self.process = Some(process);
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        process.kill().unwrap();
        process.wait().unwrap();
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn answers(port: u16) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Ok(mut socket) = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
        return false;
    };
    let mut answer = [0; 1];
    socket.write_all(b"PING\r\n").await.is_ok() && socket.read_exact(&mut answer).await.is_ok()
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
