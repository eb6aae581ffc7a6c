//! Pages learn what happens to their session, on whichever replica it happens.

use std::time::Duration;

use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::BrowserRequest;

use crate::support::{
    ConfigurationFolder, GatewayProcess, ITEMS, Installation, RedisServer, status_and_code,
};

/// Far more than an event takes.
const BOUND: Duration = Duration::from_secs(20);

/// An open stream, read as far as was asked for.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn open(gateway: &str, path: &str, cookie: &str) -> Self {
        let response = reqwest::Client::new()
            .get(format!("{gateway}{path}"))
            .header("cookie", format!("bff_session={cookie}"))
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let text = String::new();
        let mut events = Self { response, text };
        events.until("retry: ").await;
        events
    }

    /// Reads until the stream has said something.
    async fn until(&mut self, wanted: &str) {
        let reading = async {
            while !self.text.contains(wanted) {
                let chunk = self.response.chunk().await.unwrap();
                let chunk = chunk.unwrap_or_else(|| panic!("{wanted:?} never: {}", self.text));
                self.text.push_str(&String::from_utf8_lossy(&chunk));
            }
        };
        tokio::time::timeout(BOUND, reading).await.expect(wanted);
    }

    /// Reads to a clean end.
    async fn end(mut self) -> String {
        let reading = async {
            while let Some(chunk) = self.response.chunk().await.unwrap() {
                self.text.push_str(&String::from_utf8_lossy(&chunk));
            }
        };
        tokio::time::timeout(BOUND, reading).await.expect("it ends");
        self.text
    }
}

async fn open(installation: &Installation, browser: &BrowserSession, path: &str) -> Events {
    let cookie = installation.session_cookie(browser).unwrap();
    Events::open(installation.folder.public_url(), path, &cookie).await
}

async fn log_out(installation: &Installation, browser: &BrowserSession) {
    let logout = BrowserRequest::post(installation.url("/auth/logout"));
    assert_eq!(installation.send(browser, logout).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_open_page_of_a_session_is_told_of_its_logout_and_no_other_is() {
    let installation = Installation::start().await;
    let (alice, bob) = (
        installation.logged_in("alice").await,
        installation.logged_in("bob").await,
    );
    let one = open(&installation, &alice, "/auth/events").await;
    let other = open(&installation, &alice, "/auth/events").await;
    let strangers = open(&installation, &bob, "/auth/events").await;
    log_out(&installation, &alice).await;
    for events in [one, other] {
        let text = events.end().await;
        let expected = "event: logout\ndata: {\"reason\":\"logout\"}\n\n";
        assert!(text.ends_with(expected), "{text}");
    }
    log_out(&installation, &bob).await;
    let text = strangers.end().await;
    assert_eq!(text.matches("event: ").count(), 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_hangs_on_another_replica_is_told_as_well() {
    let redis = RedisServer::start();
    let installation = Installation::start_with(|folder| folder.use_redis(&redis.url())).await;
    let mut folder = ConfigurationFolder::demo(
        installation.provider.issuer(),
        &installation.analytics.url(),
        &installation.crud.url(),
    );
    folder.use_redis(&redis.url());
    let _replica = GatewayProcess::start(&mut folder).await;
    let browser = installation.logged_in("alice").await;
    let cookie = installation.session_cookie(&browser).unwrap();
    let events = Events::open(folder.public_url(), "/auth/events", &cookie).await;
    log_out(&installation, &browser).await;
    assert!(events.end().await.contains("{\"reason\":\"logout\"}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_went_unnoticed_is_found_when_the_channel_is_back() {
    let redis = RedisServer::start();
    let installation = Installation::start_with(|folder| folder.use_redis(&redis.url())).await;
    let browser = installation.logged_in("alice").await;
    let events = open(&installation, &browser, "/auth/events").await;
    redis.command(&["FLUSHALL"]);
    redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert!(events.end().await.contains("{\"reason\":\"logout\"}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_store_ends_no_stream() {
    let mut redis = RedisServer::start();
    let installation = Installation::start_with(|folder| folder.use_redis(&redis.url())).await;
    let browser = installation.logged_in("alice").await;
    let mut events = open(&installation, &browser, "/auth/events?renewed=true").await;
    redis.stop();
    assert_eq!(installation.get(&browser, ITEMS).await.status, 503);
    redis.start_again();
    let mut status = 503;
    for _ in 0..500 {
        status = installation.get(&browser, ITEMS).await.status;
        if status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status, 200);
    // The channel heals by itself as well; until then a logout would be found a moment later.
    log_out(&installation, &browser).await;
    events.until("event: logout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_told_that_its_session_ends_soon_and_then_that_it_ended() {
    let installation = Installation::start_with(|folder| {
        folder.replace("settings.yaml", "session_ttl: 12h", "session_ttl: 4s");
    })
    .await;
    let browser = installation.logged_in("alice").await;
    let text = open(&installation, &browser, "/auth/events")
        .await
        .end()
        .await;
    assert!(
        text.contains("event: expires_soon\ndata: {\"expires_at\":"),
        "{text}"
    );
    assert!(text.ends_with("event: logout\ndata: {\"reason\":\"expired\"}\n\n"));
    assert_eq!(text.matches("expires_soon").count(), 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_login_of_the_browser_is_told_to_the_pages_of_the_old_session() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let events = open(&installation, &browser, "/auth/events").await;
    installation.log_in(&browser, "alice").await;
    assert!(events.end().await.contains("{\"reason\":\"replaced\"}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_are_told_to_those_who_ask_for_them_alone() {
    let installation = Installation::start_with(|folder| {
        folder.replace(
            "routes.yaml",
            "  crud_service:\n",
            "  crud_service:\n    mint: first_use\n",
        );
    })
    .await;
    let browser = installation.logged_in("alice").await;
    let mut asked = open(&installation, &browser, "/auth/events?renewed=true").await;
    let silent = open(&installation, &browser, "/auth/events").await;
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
    asked
        .until("event: renewed\ndata: {\"service\":\"crud_service\"}\n\n")
        .await;
    log_out(&installation, &browser).await;
    assert!(!silent.end().await.contains("renewed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_there_is_nothing_to_tell() {
    let installation = Installation::start().await;
    let stranger = BrowserSession::new().unwrap();
    let page = installation.get(&stranger, "/auth/events").await;
    assert_eq!(status_and_code(&page), (401, "SESSION_MISSING".into()));
    let unknown = format!("bff_session={}; Path=/", "A".repeat(43));
    let gateway = installation.folder.public_url();
    stranger.plant_cookie(gateway, &unknown).unwrap();
    let page = installation.get(&stranger, "/auth/events").await;
    assert_eq!(status_and_code(&page), (401, "SESSION_EXPIRED".into()));
    let browser = installation.logged_in("alice").await;
    let request = BrowserRequest::get(installation.url("/auth/events"));
    let foreign = browser.fetch(request.from_origin("http://evil.example"));
    assert_eq!(foreign.await.unwrap().status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_ends_its_streams_cleanly_and_soon() {
    let mut installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let events = open(&installation, &browser, "/auth/events").await;
    let end = tokio::spawn(events.end());
    installation.gateway.stop().await;
    assert!(!end.await.unwrap().contains("event: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_script_is_served_to_everybody_in_at_most_a_kibibyte() {
    let installation = Installation::start().await;
    let stranger = BrowserSession::new().unwrap();
    let script = installation.get(&stranger, "/auth/client.js").await;
    assert_eq!(script.status, 200);
    assert!(script.body.len() <= 1024, "{} bytes", script.body.len());
    let media_type = script.header("content-type");
    assert_eq!(media_type, Some("text/javascript; charset=utf-8"));
    assert_eq!(script.header("x-content-type-options"), Some("nosniff"));
    assert!(script.header("set-cookie").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_a_hundred_streams_and_the_next_one_is_told_when_to_come_back() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(open(&installation, &browser, "/auth/events").await);
    }
    let one_more = BrowserRequest::get(installation.url("/auth/events"));
    let refused = browser.fetch(one_more).await.unwrap();
    let (status, code) = status_and_code(&refused);
    assert_eq!((status, code.as_str()), (429, "TOO_MANY_REQUESTS"));
    assert_eq!(refused.header("retry-after"), Some("15"));
    let other = installation.logged_in("bob").await;
    open(&installation, &other, "/auth/events").await;
}
