//! What an operator is told of an outage. The log belongs to the whole process, so a test looks at
//! the lines that name its own server.

use std::io::Write;
use std::sync::{Mutex, Once, PoisonError};

use tokenbridge_bridge::Secret;
use tokenbridge_session_store::{SessionStore, StoreError};

use crate::bench::{keyring, open};
use crate::server::RedisServer;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn record() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(|| Log)
            .init()
    });
}

fn lines_about(server: &RedisServer) -> Vec<String> {
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let place = format!("127.0.0.1:{} ", server.port);
    let text = String::from_utf8_lossy(&log).into_owned();
    text.lines()
        .filter(|line| format!("{line} ").contains(&place))
        .map(str::to_owned)
        .collect()
}

fn count(lines: &[String], words: &str) -> usize {
    lines.iter().filter(|line| line.contains(words)).count()
}

#[tokio::test]
async fn an_outage_and_its_end_are_logged_once_each_without_the_password() {
    record();
    let mut server = RedisServer::start().await;
    server.kill();
    let url = Secret::new(format!("redis://default:hunter2@127.0.0.1:{}", server.port));
    let store = open(&url, keyring("k1", 1));
    for _ in 0..50 {
        assert!(matches!(
            store.ping().await,
            Err(StoreError::Unavailable(_))
        ));
    }
    let lines = lines_about(&server);
    assert_eq!(count(&lines, "session store lost"), 1, "{lines:?}");
    server.start_again().await;
    while store.ping().await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for _ in 0..50 {
        store.ping().await.unwrap();
    }
    let lines = lines_about(&server);
    assert_eq!(count(&lines, "session store is back"), 1, "{lines:?}");
    assert_eq!(lines.len(), 2, "nothing else is said of it: {lines:?}");
    assert_eq!(count(&lines, "hunter2"), 0, "{lines:?}");
}
