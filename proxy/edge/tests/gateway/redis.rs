//! Sessions in a real Redis: they survive the gateway, and an outage is no logout.

use tokenbridge_devkit::browser::BrowserRequest;

use crate::support::certificates::Authority;
use crate::support::{
    ConfigurationFolder, ITEMS, Installation, RedisServer, WORKFLOWS, status_and_code,
};

async fn installation(redis: &RedisServer) -> Installation {
    Installation::start_with(|folder| folder.use_redis(&redis.url())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_gateway_keeps_the_session() {
    let redis = RedisServer::start();
    let mut installation = installation(&redis).await;
    let browser = installation.logged_in("alice").await;
    assert_eq!(installation.get(&browser, WORKFLOWS).await.status, 200);
    installation.restart().await;
    assert_eq!(installation.get(&browser, WORKFLOWS).await.status, 200);
    let metrics = reqwest::get(installation.folder.admin_url("/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let counted = "bff_redis_operations_total{operation=\"read\",status=\"ok\"} 1";
    assert!(
        metrics.contains(counted),
        "one round trip for one request:\n{metrics}"
    );
    installation.gateway.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_is_503_and_the_same_cookie_works_when_it_is_back() {
    let mut redis = RedisServer::start();
    let installation = installation(&redis).await;
    let browser = installation.logged_in("alice").await;
    let cookie = installation.session_cookie(&browser);
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
    redis.stop();
    for request in [
        BrowserRequest::get(installation.url(ITEMS)),
        BrowserRequest::get(installation.url("/auth/session")),
        BrowserRequest::post(installation.url("/auth/logout")),
    ] {
        let page = installation.send(&browser, request).await;
        assert_eq!(status_and_code(&page), (503, "STORE_UNAVAILABLE".into()));
        assert!(page.header("retry-after").is_some() && page.header("set-cookie").is_none());
    }
    let navigation = browser.open(&installation.url(ITEMS)).await.unwrap();
    assert_eq!(
        navigation.status, 503,
        "a navigation is not sent to login either"
    );
    let health = reqwest::get(installation.folder.admin_url("/health"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(health.contains("\"down\""), "{health}");
    let ready = reqwest::get(installation.folder.admin_url("/ready"))
        .await
        .unwrap();
    assert_eq!(
        ready.status(),
        200,
        "an outage of the store must not take every replica out"
    );
    redis.start_again();
    let mut page = installation.get(&browser, ITEMS).await;
    for _ in 0..500 {
        if page.status == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        page = installation.get(&browser, ITEMS).await;
    }
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(installation.session_cookie(&browser), cookie);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_starts_without_its_store_and_without_its_provider() {
    let mut redis = RedisServer::start();
    redis.stop();
    let installation = installation(&redis).await;
    installation.provider.go_away().await;
    let browser = tokenbridge_devkit::BrowserSession::new().unwrap();
    assert_eq!(installation.get(&browser, ITEMS).await.status, 401);
    redis.start_again();
    installation.provider.come_back().await.unwrap();
    let mut landed = installation.log_in(&browser, "alice").await;
    for _ in 0..500 {
        if installation.session_cookie(&browser).is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        landed = installation.log_in(&browser, "alice").await;
    }
    assert!(
        installation.session_cookie(&browser).is_some(),
        "{}",
        landed.text()
    );
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_key_that_this_replica_lacks_is_401_and_keeps_its_cookie() {
    let redis = RedisServer::start();
    let mut installation = installation(&redis).await;
    let browser = installation.logged_in("alice").await;
    let cookie = installation.session_cookie(&browser);
    let keys = installation.folder.path().join(".keys/demo");
    let own = std::fs::read_to_string(&keys).unwrap();
    std::fs::write(&keys, own.replace("test:MDEy", "other:MDEz")).unwrap();
    installation.restart().await;
    for path in [ITEMS, "/auth/session", "/auth/events"] {
        let page = installation.get(&browser, path).await;
        assert_eq!(page.status, 401, "{path}: {}", page.text());
        assert_eq!(page.header("set-cookie"), None, "{path}");
    }
    let page = installation.get(&browser, ITEMS).await;
    assert_eq!(status_and_code(&page), (401, "SESSION_MISSING".into()));
    std::fs::write(&keys, own).unwrap();
    installation.restart().await;
    let page = installation.get(&browser, ITEMS).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(installation.session_cookie(&browser), cookie);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_store_is_used_when_its_own_authority_is_named_and_not_otherwise() {
    let authority = Authority::new();
    let (redis, url) = RedisServer::start_encrypted(&authority);
    let trusting = |pem: String| {
        let url = url.clone();
        move |folder: &mut ConfigurationFolder| {
            folder.use_redis(&url);
            std::fs::write(folder.path().join("redis-ca.pem"), pem).unwrap();
            let key = "\nsession:\n";
            folder.replace(
                "settings.yaml",
                key,
                &format!("{key}  redis_ca_file: redis-ca.pem\n"),
            );
        }
    };
    let installation = Installation::start_with(trusting(authority.pem())).await;
    let browser = installation.logged_in("alice").await;
    assert_eq!(installation.get(&browser, WORKFLOWS).await.status, 200);
    assert!(redis.dump().contains("tb:"), "{}", redis.dump());
    let stranger = Installation::start_with(trusting(Authority::new().pem())).await;
    let page = stranger.get(&browser, WORKFLOWS).await;
    assert_eq!(status_and_code(&page), (503, "STORE_UNAVAILABLE".into()));
}
