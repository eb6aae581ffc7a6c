//! A new process takes over from the one that runs: nobody's request fails, and where it does not
//! come up, nothing has happened.

mod failures;
mod hammer;
mod unit;

use tokio::net::TcpStream;

use crate::support::certificates::Authority;
use crate::support::live::{GOING_AWAY, Live};
use crate::support::live_upstream::WITH_SESSION;
use crate::support::raw::RawClient;
use crate::support::{ConfigurationFolder, GatewayProcess, Installation, RedisServer, free_port};
use hammer::Hammer;

const THREADS: [&str; 2] = ["runtime: {threads: 2}", "runtime: {threads: 1}"];

/// Sessions in Redis, and a place for upgrades.
fn upgradable(folder: &mut ConfigurationFolder, redis: &RedisServer) {
    folder.use_redis(&redis.url());
    let socket = folder.path().join("upgrade.sock");
    folder.add_settings(&format!("upgrade_socket: {}", socket.display()));
}

/// Puts a new process in the place of the running one, which ends.
async fn upgrade(installation: &mut Installation) {
    let upgraded = GatewayProcess::upgrade(&installation.folder).await.unwrap();
    let mut old = std::mem::replace(&mut installation.gateway, upgraded);
    old.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_one_process_after_another_takes_over() {
    let redis = RedisServer::start();
    let authority = Authority::new();
    let (mut tls, asked) = (0, free_port());
    let mut installation = Installation::start_with(|folder| {
        upgradable(folder, &redis);
        tls = folder.listen_tls(&authority);
        folder.add_settings(THREADS[0]);
        folder.add_settings(&format!(
            "forward_auth: {{listen: \"127.0.0.1:{asked}\", clients: [127.0.0.1]}}"
        ));
    })
    .await;
    let hammer = Hammer::start(&installation, authority, (tls, asked)).await;
    hammer.has_struck(20).await;
    for (from, to) in [(0, 1), (1, 0)] {
        let settings = "settings.yaml";
        installation
            .folder
            .replace(settings, THREADS[from], THREADS[to]);
        upgrade(&mut installation).await;
        hammer.has_struck(20).await;
    }
    hammer.stop().await;
    installation.gateway.stop().await;
    let left = installation.folder.path().join("upgrade.sock");
    assert!(!left.exists(), "the last one takes its socket away");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_the_old_process_end_as_by_a_stop_and_a_logout_at_the_new_one_cuts_the_rest() {
    let redis = RedisServer::start();
    let mut live = Live::start_with(|folder| upgradable(folder, &redis)).await;
    let (mut websocket, _kept) = live.websocket(live.port(), WITH_SESSION).await;
    let (mut events, _kept_too) = live.events().await;
    let (mut download, mut taken) = live.ask(live.port(), WITH_SESSION, "").await;
    let begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    taken.connection.send(begin).await;
    download.until(b"abc\r\n").await;
    let folder = &live.installation.folder;
    let upgraded = GatewayProcess::upgrade(folder).await.unwrap();
    let mut old = std::mem::replace(&mut live.installation.gateway, upgraded);
    websocket.until(&GOING_AWAY).await;
    assert!(events.rest().await.ends_with(b"0\r\n\r\n"));
    assert!(!old.has_ended(), "a download is under way");
    live.log_out().await;
    let rest = download.rest().await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "a part is not the whole");
    old.end().await;
    live.log_in("alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_listener_of_the_new_process_answers_and_a_kept_connection_to_the_old_one_ends() {
    let redis = RedisServer::start();
    let mut installation = Installation::start_with(|folder| upgradable(folder, &redis)).await;
    let admin = installation.folder.admin_url("");
    let port = admin.rsplit_once(':').unwrap().1.parse().unwrap();
    let mut kept = RawClient::connect(port).await;
    assert_eq!(kept.get("/ready", "localhost").await.status, 200);
    // Something is under way at the old one, so it is still there.
    let mut slow = RawClient::connect(installation.folder.port()).await;
    slow.send("POST /api/v1/crud/items HTTP/1.1\r\n").await;
    let upgraded = GatewayProcess::upgrade(&installation.folder).await.unwrap();
    let mut old = std::mem::replace(&mut installation.gateway, upgraded);
    assert!(kept.is_closed().await);
    for _ in 0..20 {
        let mut client = RawClient::connect(port).await;
        assert_eq!(client.get("/ready", "localhost").await.status, 200);
    }
    assert!(!old.has_ended(), "a head is still coming");
    slow.send("Host: localhost\r\nContent-Length: 0\r\n\r\n")
        .await;
    let answer = slow.answer().await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("connection"), Some("close"));
    old.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_come_and_go_with_an_upgrade() {
    let redis = RedisServer::start();
    let mut installation = Installation::start_with(|folder| upgradable(folder, &redis)).await;
    let port = installation.folder.port();
    let (first, second) = (free_port(), free_port());
    let alone = format!("listen: 127.0.0.1:{port}");
    let with = |other| format!("listen: [127.0.0.1:{other}, 127.0.0.1:{port}]");
    let connects = async |port| TcpStream::connect(("127.0.0.1", port)).await.is_ok();
    installation
        .folder
        .replace("settings.yaml", &alone, &with(first));
    upgrade(&mut installation).await;
    assert!(connects(first).await && connects(port).await);
    installation
        .folder
        .replace("settings.yaml", &with(first), &with(second));
    upgrade(&mut installation).await;
    assert!(!connects(first).await, "nobody listens there any more");
    assert!(connects(second).await && connects(port).await);
    installation.gateway.stop().await;
    assert!(!connects(second).await && !connects(port).await);
}
