use std::process::{Child, Command, Stdio};

use tokenbridge_bridge::Secret;
use tokenbridge_session_store::{Clock, SessionStore, SystemClock};

use crate::bench::{keyring, open};
use crate::samples::{found, session};
use crate::server::{RedisServer, free_port};

struct Sentinel {
    port: u16,
    process: Child,
}

impl Sentinel {
    fn watching(server: &RedisServer) -> Self {
        let port = free_port();
        let file = server.directory().join("sentinel.conf");
        let lines = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor primary 127.0.0.1 {} 1\n",
            server.port
        );
        std::fs::write(&file, lines).unwrap();
        let process = Command::new("redis-server")
            .arg(&file)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { port, process }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn the_primary_is_found_through_sentinel() {
    let server = RedisServer::start().await;
    let sentinel = Sentinel::watching(&server);
    let nobody = free_port();
    let url = format!(
        "redis+sentinel://127.0.0.1:{nobody},127.0.0.1:{}/primary",
        sentinel.port
    );
    let store = open(&Secret::new(url), keyring("k1", 1));
    for _ in 0..500 {
        if store.ping().await.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    store
        .create(&session(1, SystemClock::default().now()))
        .await
        .unwrap();
    found(&store, 1, "crud").await;
    assert!(
        server
            .keys()
            .await
            .iter()
            .any(|name| name.starts_with("tb:main:session:"))
    );
}
