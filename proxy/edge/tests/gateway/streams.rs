//! Answers that last: they end with their session, on every replica, as their protocol wants it.

use http::Request;
use tokenbridge_devkit::browser::BrowserRequest;

use crate::support::certificates::Authority;
use crate::support::h2::H2Client;
use crate::support::live::{EVENT, EVENTS, GOING_AWAY, Live, MASKED_HELLO, SESSION_OVER};
use crate::support::live_upstream::{WITH_SESSION, fields_of_page};
use crate::support::raw::PATIENCE;
use crate::support::{ConfigurationFolder, GatewayProcess, Installation, RedisServer};

async fn metric(installation: &Installation, line: &str) -> bool {
    let url = installation.folder.admin_url("/metrics");
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    text.contains(line)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_closed_with_4401_when_its_session_is_logged_out() {
    let live = Live::start().await;
    let (mut client, mut taken) = live.websocket(live.port(), WITH_SESSION).await;
    assert!(taken.head.contains("Bearer "), "{}", taken.head);
    assert!(!taken.head.contains("bff_session"), "{}", taken.head);
    live.log_out().await;
    assert_eq!(client.rest().await, SESSION_OVER);
    assert!(taken.connection.is_closed().await);
    let counted = "bff_streams_cut_total{reason=\"session_over\"} 1";
    assert!(metric(&live.installation, counted).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_talks_on_gets_the_close_frame_as_well() {
    let live = Live::start().await;
    let (mut client, _taken) = live.websocket(live.port(), WITH_SESSION).await;
    live.log_out().await;
    for _ in 0..100 {
        client.send(MASKED_HELLO).await;
    }
    client.until(&SESSION_OVER).await;
    client.send(b"\x88\x80\x00\x00\x00\x00").await;
    assert!(client.is_closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_a_frame_a_websocket_is_only_closed() {
    let mut live = Live::start().await;
    for (sent, end) in [
        (&b"\x81\x05hel"[..], &[][..]),
        (b"\x81", &[]),
        (b"\x82\x7e\x00", &[]),
        // The upstream has closed already.
        (b"\x88\x02\x03\xe8", &[]),
        // A control frame may come between the parts of a message.
        (b"\x01\x03hel", &SESSION_OVER),
    ] {
        live.log_in("alice").await;
        let (mut client, mut taken) = live.websocket(live.port(), WITH_SESSION).await;
        taken.connection.send(sent).await;
        client.until(sent).await;
        live.log_out().await;
        assert_eq!(client.rest().await, end, "{sent:?}");
        assert!(taken.connection.is_closed().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_end_cleanly_with_their_session_and_no_other_stream_does() {
    let mut live = Live::start().await;
    let (mut strangers, mut strangers_upstream) = live.events().await;
    live.log_in("bob").await;
    let (mut client, mut taken) = live.events().await;
    live.log_out().await;
    let rest = client.rest().await;
    assert!(rest.ends_with(b"0\r\n\r\n"), "{rest:?}");
    assert!(taken.connection.is_closed().await);
    strangers_upstream.connection.send(EVENT).await;
    strangers.until(b"data: 1\n\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_end_of_its_own_but_is_no_stream_of_events_is_left_without_one() {
    let live = Live::start().await;
    let (mut client, mut taken) = live.ask(live.port(), WITH_SESSION, "").await;
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    taken.connection.send(format!("{head}4\r\npart\r\n")).await;
    client.until(b"part").await;
    live.log_out().await;
    let rest = client.rest().await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "a part is not the whole");
    assert!(taken.connection.is_closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_still_waits_when_its_session_ends_is_told_so() {
    let live = Live::start().await;
    let (mut client, mut taken) = live.ask(live.port(), WITH_SESSION, "").await;
    live.log_out().await;
    let answer = client.answer().await;
    assert_eq!((answer.status, &*answer.code()), (401, "SESSION_EXPIRED"));
    assert!(taken.connection.is_closed().await);
}

/// Opens a stream of events over HTTP/2 and logs out; what the client got of it.
async fn events_over_http2_until_a_logout(streaming: bool, accept: &str) -> Vec<u8> {
    let authority = Authority::new();
    let mut port = 0;
    let live = Live::start_with(|folder| {
        port = folder.listen_tls(&authority);
        let id = "- id: \"api-crud\"";
        folder.replace(
            "routes.yaml",
            id,
            &format!("{id}\n    streaming: {streaming}"),
        );
    })
    .await;
    let client = H2Client::connect(&authority, port).await;
    let cookie = live.installation.session_cookie(&live.browser).unwrap();
    let request = Request::get(format!("https://localhost:{port}{WITH_SESSION}"))
        .header("accept", accept)
        .header("sec-fetch-site", "same-origin")
        .header("cookie", format!("bff_session={cookie}"));
    let sending = tokio::spawn(async move { client.send(request.body(()).unwrap(), b"").await });
    let mut taken = live.upstream.take().await;
    taken.connection.send(format!("{EVENTS}{EVENT}")).await;
    live.log_out().await;
    let ended = tokio::time::timeout(PATIENCE, sending).await;
    let answer = ended.expect("the stream ends").unwrap();
    assert!(taken.connection.is_closed().await);
    answer.expect("it ends cleanly").body
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_over_http2_end_with_their_session() {
    let events = b"data: 1\n\n";
    assert_eq!(
        events_over_http2_until_a_logout(false, "text/event-stream").await,
        events
    );
    assert_eq!(events_over_http2_until_a_logout(true, "*/*").await, events);
}

/// Another gateway with the same store and upstream.
async fn replica(live: &Live, redis: &RedisServer) -> (ConfigurationFolder, GatewayProcess) {
    let mut folder = ConfigurationFolder::demo(
        live.installation.provider.issuer(),
        &live.installation.analytics.url(),
        &live.installation.crud.url(),
    );
    live.upstream.stand_in(&folder);
    folder.use_redis(&redis.url());
    let gateway = GatewayProcess::start(&mut folder).await;
    (folder, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_the_streams_of_another_replica() {
    let redis = RedisServer::start();
    let mut live = Live::start_with(|folder| folder.use_redis(&redis.url())).await;
    let (folder, _replica) = replica(&live, &redis).await;
    let cookie = live.installation.session_cookie(&live.browser).unwrap();
    live.fields = fields_of_page(folder.public_url(), &cookie);
    let (mut client, mut taken) = live.websocket(folder.port(), WITH_SESSION).await;
    live.log_out().await;
    assert_eq!(client.rest().await, SESSION_OVER);
    assert!(taken.connection.is_closed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_everywhere_ends_the_streams_of_other_browsers_on_another_replica() {
    let redis = RedisServer::start();
    let mut live = Live::start_with(|folder| folder.use_redis(&redis.url())).await;
    let (folder, _replica) = replica(&live, &redis).await;
    let mut streams = Vec::new();
    for user in ["alice", "alice", "bob"] {
        live.log_in(user).await;
        let cookie = live.installation.session_cookie(&live.browser).unwrap();
        live.fields = fields_of_page(folder.public_url(), &cookie);
        streams.push(live.websocket(folder.port(), WITH_SESSION).await);
    }
    let (mut bobs, mut bobs_upstream) = streams.pop().unwrap();
    live.log_in("alice").await;
    let logout = live.installation.url("/auth/logout?everywhere=true");
    let page = live
        .installation
        .send(&live.browser, BrowserRequest::post(logout))
        .await;
    assert_eq!(page.status, 200);
    for (mut client, mut taken) in streams {
        assert_eq!(client.rest().await, SESSION_OVER);
        assert!(taken.connection.is_closed().await);
    }
    bobs.send(MASKED_HELLO).await;
    bobs_upstream.connection.until(MASKED_HELLO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_went_unnoticed_is_found_when_the_channel_is_back() {
    let redis = RedisServer::start();
    let live = Live::start_with(|folder| folder.use_redis(&redis.url())).await;
    let (mut client, _taken) = live.websocket(live.port(), WITH_SESSION).await;
    redis.command(&["FLUSHALL"]);
    redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_eq!(client.rest().await, SESSION_OVER);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_store_ends_no_stream_and_the_sessions_lifetime_does() {
    let mut redis = RedisServer::start();
    let live = Live::start_with(|folder| {
        folder.use_redis(&redis.url());
        folder.replace("settings.yaml", "session_ttl: 12h", "session_ttl: 28s");
    })
    .await;
    let (mut client, mut taken) = live.websocket(live.port(), WITH_SESSION).await;
    redis.stop();
    let refused = live.installation.get(&live.browser, WITH_SESSION).await;
    assert_eq!(refused.status, 503);
    client.send(MASKED_HELLO).await;
    taken.connection.until(MASKED_HELLO).await;
    assert_eq!(client.rest().await, SESSION_OVER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_tells_its_streams_and_does_not_wait_for_them() {
    let mut live = Live::start().await;
    let (mut socket, mut below_socket) = live.websocket(live.port(), WITH_SESSION).await;
    let (mut events, _below_events) = live.events().await;
    let reading = tokio::spawn(async move { (socket.rest().await, events.rest().await) });
    live.installation.gateway.stop().await;
    let (socket, events) = reading.await.unwrap();
    assert_eq!(socket, GOING_AWAY);
    assert!(events.ends_with(b"0\r\n\r\n"), "{events:?}");
    assert!(below_socket.connection.is_closed().await);
}
