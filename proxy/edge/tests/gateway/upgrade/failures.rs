//! What keeps an upgrade from happening leaves the running gateway as it was.

use std::path::PathBuf;

use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};

use super::{upgradable, upgrade};
use crate::support::{GatewayProcess, ITEMS, Installation, RedisServer};

const GREETING: &str = "tokenbridge-upgrade 1\n";

fn socket(installation: &Installation) -> PathBuf {
    installation.folder.path().join("upgrade.sock")
}

/// A client of the upgrade socket that says what it is told to.
struct Stranger {
    stream: UnixStream,
    heard: String,
}

impl Stranger {
    async fn connect(installation: &Installation) -> Self {
        let stream = UnixStream::connect(socket(installation)).await.unwrap();
        let heard = String::new();
        Self { stream, heard }
    }

    async fn says(installation: &Installation, bytes: &[u8]) -> Self {
        let mut stranger = Self::connect(installation).await;
        stranger.stream.write_all(bytes).await.unwrap();
        stranger
    }

    /// The first line that begins so.
    async fn hears(&mut self, beginning: &str) -> String {
        loop {
            let lines = self.heard.split_inclusive('\n');
            let mut whole = lines.filter(|line| line.ends_with('\n'));
            if let Some(line) = whole.find(|line| line.starts_with(beginning)) {
                return line.to_owned();
            }
            // A read ends behind a descriptor although more is there: `read` would wait for news.
            self.stream.readable().await.unwrap();
            let mut bytes = [0; 256];
            match self.stream.try_read(&mut bytes) {
                Ok(0) => panic!("{beginning:?} never comes: {}", self.heard),
                Ok(read) => self.heard += std::str::from_utf8(&bytes[..read]).unwrap(),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_without_a_running_gateway_is_an_error_that_names_the_socket() {
    let redis = RedisServer::start();
    let mut installation = Installation::start_with(|folder| upgradable(folder, &redis)).await;
    installation.gateway.stop().await;
    let refused = GatewayProcess::upgrade(&installation.folder)
        .await
        .err()
        .unwrap();
    let path = socket(&installation);
    assert!(refused.contains(path.to_str().unwrap()), "{refused}");
    assert!(refused.contains("no gateway listens"), "{refused}");
    let folder = &installation.folder;
    folder.without_lines("settings.yaml", "upgrade_socket");
    let refused = GatewayProcess::upgrade(folder).await.err().unwrap();
    assert!(
        refused.contains("--upgrade needs upgrade_socket"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_process_that_does_not_come_up_leaves_the_old_one_as_it_was() {
    let redis = RedisServer::start();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken
        .local_addr()
        .map(|address| (taken, address.port()))
        .unwrap();
    let mut installation = Installation::start_with(|folder| upgradable(folder, &redis)).await;
    let browser = installation.logged_in("alice").await;
    let alone = format!("listen: 127.0.0.1:{}", installation.folder.port());
    let missing = format!("{alone}\nhsts: {{max_age: never}}");
    let more = format!(
        "listen: [{}, 127.0.0.1:{}]",
        &alone["listen: ".len()..],
        taken.1
    );
    for (broken, why) in [(&missing, "hsts.max_age"), (&more, "cannot listen on")] {
        installation.folder.replace("settings.yaml", &alone, broken);
        let refused = GatewayProcess::upgrade(&installation.folder)
            .await
            .err()
            .unwrap();
        assert!(refused.contains(why), "{refused}");
        installation.folder.replace("settings.yaml", broken, &alone);
        assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
    }
    installation
        .gateway
        .logs("the new process ended before it was ready")
        .await;
    upgrade(&mut installation).await;
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_process_without_its_session_store_does_not_take_over() {
    let redis = RedisServer::start();
    let mut installation = Installation::start_with(|folder| upgradable(folder, &redis)).await;
    let browser = installation.logged_in("alice").await;
    installation.folder.use_redis("redis://127.0.0.1:1");
    let refused = GatewayProcess::upgrade(&installation.folder).await.err();
    let refused = refused.unwrap();
    assert!(refused.contains("session store does not"), "{refused}");
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
    installation.folder.use_redis(&redis.url());
    upgrade(&mut installation).await;
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_something_else_or_nothing_gets_no_socket_and_keeps_nobody_waiting() {
    let redis = RedisServer::start();
    let mut installation = Installation::start_with(|folder| upgradable(folder, &redis)).await;
    let mut silent = Stranger::connect(&installation).await;
    for (bytes, why) in [
        (
            &b"tokenbridge-upgrade 2\n"[..],
            "another upgrade protocol (2, this build 1)",
        ),
        (
            b"GET / HTTP/1.1\r\n\r\n",
            "does not speak the upgrade protocol",
        ),
        (b"\xff\xfe\n", "a line is no text"),
        (&[b'a'; 4096], "a line is too long"),
    ] {
        let mut stranger = Stranger::says(&installation, bytes).await;
        let refused = stranger.hears("refused ").await;
        assert!(refused.contains(why), "{refused}");
    }
    drop(Stranger::says(&installation, b"tokenbr").await);
    let mut other = Stranger::says(&installation, format!("{GREETING}done\n").as_bytes()).await;
    let refused = other.hears("refused ").await;
    assert!(refused.contains("says something else"), "{refused}");
    let refused = silent.hears("refused ").await;
    assert!(refused.contains("nothing was said for 5s"), "{refused}");
    upgrade(&mut installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_upgrades_at_once_the_second_is_refused_until_the_first_is_over() {
    let redis = RedisServer::start();
    let mut installation = Installation::start_with(|folder| upgradable(folder, &redis)).await;
    let mut first = Stranger::says(&installation, GREETING.as_bytes()).await;
    first.hears("sockets ").await;
    let refused = GatewayProcess::upgrade(&installation.folder)
        .await
        .err()
        .unwrap();
    assert!(
        refused.contains("another upgrade is under way"),
        "{refused}"
    );
    drop(first);
    installation
        .gateway
        .logs("the new process ended before it was ready")
        .await;
    upgrade(&mut installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_speaks_otherwise_is_not_taken_over_from() {
    let redis = RedisServer::start();
    let mut installation = Installation::start_with(|folder| upgradable(folder, &redis)).await;
    installation.gateway.stop().await;
    let path = socket(&installation);
    for (says, why) in [
        (
            "tokenbridge-upgrade 7\n",
            "speaks another upgrade protocol (7, this build 1)",
        ),
        ("+PONG\r\n", "does not speak the upgrade protocol"),
        (
            "tokenbridge-upgrade 1\npublic 127.0.0.1:80\n",
            "what is no listening socket",
        ),
        (
            "tokenbridge-upgrade 1\nrefused it stops\n",
            "refuses: it stops",
        ),
        (
            "tokenbridge-upgrade 1\nsockets 3\n",
            "what is no listening socket",
        ),
    ] {
        let listener = UnixListener::bind(&path).unwrap();
        let speaking = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(says.as_bytes()).await.unwrap();
            // Until the other one has had enough.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        };
        let upgrading = GatewayProcess::upgrade(&installation.folder);
        let (upgraded, ()) = tokio::join!(upgrading, speaking);
        let refused = upgraded.err().unwrap();
        assert!(refused.contains(why), "{refused}");
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_that_is_no_upgrade_takes_nothing_from_the_first() {
    let redis = RedisServer::start();
    let mut installation = Installation::start_with(|folder| upgradable(folder, &redis)).await;
    let other = Installation::start_with(|folder| {
        folder.use_redis(&redis.url());
    })
    .await;
    let line = format!("upgrade_socket: {}", socket(&installation).display());
    other.folder.add_settings(&line);
    let mut other = other;
    other.gateway.stop().await;
    let refused = GatewayProcess::start_refused(&other.folder).await;
    assert!(refused.contains("a gateway listens on"), "{refused}");
    upgrade(&mut installation).await;
}
