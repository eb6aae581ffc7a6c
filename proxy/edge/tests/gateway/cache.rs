//! Sessions kept ready in each process: no round trip while they are true, and never longer.

use tokenbridge_devkit::browser::BrowserRequest;

use crate::support::{
    ConfigurationFolder, GatewayProcess, ITEMS, Installation, RedisServer, WORKFLOWS,
};

/// How often the store was asked for a session, in one gateway's life.
async fn reads(folder: &ConfigurationFolder) -> u64 {
    let text = reqwest::get(folder.admin_url("/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let line = text.lines().find(|line| {
        line.starts_with("bff_redis_operations_total{operation=\"read\",status=\"ok\"}")
    });
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

/// A second gateway on the same Redis, at the same provider and backends.
async fn replica(
    installation: &Installation,
    redis: &RedisServer,
) -> (ConfigurationFolder, GatewayProcess) {
    let mut folder = ConfigurationFolder::demo(
        installation.provider.issuer(),
        &installation.analytics.url(),
        &installation.crud.url(),
    );
    folder.use_redis(&redis.url());
    let gateway = GatewayProcess::start(&mut folder).await;
    (folder, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_kept_costs_no_round_trip() {
    let redis = RedisServer::start();
    let installation = Installation::start_with(|folder| folder.use_redis(&redis.url())).await;
    let browser = installation.logged_in("alice").await;
    for path in [WORKFLOWS, ITEMS] {
        assert_eq!(installation.get(&browser, path).await.status, 200);
    }
    let before = reads(&installation.folder).await;
    for _ in 0..50 {
        assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
    }
    assert_eq!(reads(&installation.folder).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_at_one_replica_is_heard_by_the_others() {
    let redis = RedisServer::start();
    let installation = Installation::start_with(|folder| folder.use_redis(&redis.url())).await;
    let (folder, _gateway) = replica(&installation, &redis).await;
    let browser = installation.logged_in("alice").await;
    let elsewhere = format!("{}{ITEMS}", folder.public_url());
    let ask = async || {
        browser
            .fetch(BrowserRequest::get(&elsewhere))
            .await
            .unwrap()
    };
    for _ in 0..3 {
        assert_eq!(
            ask().await.status,
            200,
            "the same cookie at the other replica"
        );
    }
    let cookie = installation.session_cookie(&browser).unwrap();
    let logout = BrowserRequest::post(installation.url("/auth/logout"));
    assert_eq!(browser.fetch_with_token(logout).await.unwrap().status, 200);
    let kept = || {
        BrowserRequest::get(&elsewhere).header(
            http::header::COOKIE,
            http::HeaderValue::from_str(&format!("bff_session={cookie}")).unwrap(),
        )
    };
    let mut status = 200;
    for _ in 0..50 {
        status = browser.fetch(kept()).await.unwrap().status;
        if status == 401 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(status, 401, "within a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_not_used_while_the_store_cannot_tell_of_changes() {
    let mut redis = RedisServer::start();
    let installation = Installation::start_with(|folder| folder.use_redis(&redis.url())).await;
    let browser = installation.logged_in("alice").await;
    assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
    redis.stop();
    let mut status = 200;
    for _ in 0..100 {
        status = installation.get(&browser, ITEMS).await.status;
        if status == 503 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(status, 503, "a revocation could not be heard");
    redis.start_again();
    for _ in 0..500 {
        status = installation.get(&browser, ITEMS).await.status;
        if status == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(status, 200, "it comes back by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_answer_to_a_logout_has_no_session_at_any_thread() {
    let installation = Installation::start().await;
    for _ in 0..10 {
        let browser = installation.logged_in("alice").await;
        for _ in 0..4 {
            assert_eq!(installation.get(&browser, ITEMS).await.status, 200);
        }
        let cookie = installation.session_cookie(&browser).unwrap();
        let logout = BrowserRequest::post(installation.url("/auth/logout"));
        assert_eq!(browser.fetch_with_token(logout).await.unwrap().status, 200);
        for _ in 0..4 {
            let cookie = http::HeaderValue::from_str(&format!("bff_session={cookie}")).unwrap();
            let old =
                BrowserRequest::get(installation.url(ITEMS)).header(http::header::COOKIE, cookie);
            assert_eq!(browser.fetch(old).await.unwrap().status, 401);
        }
    }
}
