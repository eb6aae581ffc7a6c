//! Four services whose tokens are had in four ways, called at once by two users for several lives
//! of their tokens: no token reaches another service, and none another user.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::configuration::Lifetime;

use crate::authorize::estate::Estate;

const STRATEGIES: [&str; 4] = ["refresh", "exchange", "authorize", "client_credentials"];
const TOKEN_LIFE: u64 = 4;
const LIVES: u64 = 3;

async fn estate() -> Estate {
    Estate::start_with(
        STRATEGIES.len(),
        |idp| {
            idp.development.modes.clear();
            idp.token.access_token_lifetime = Some(Lifetime::from_seconds(TOKEN_LIFE));
        },
        |folder| {
            folder.replace("settings.yaml", "preset: hydra", "preset: generic");
            folder.edit("routes.yaml", |mut text| {
                for strategy in STRATEGIES {
                    text = text.replacen("mint: login", &format!("token: {strategy}"), 1);
                }
                text
            });
        },
    )
    .await
}

/// Calls one service for as long as it takes; how often.
async fn call(estate: Arc<Estate>, who: (Arc<BrowserSession>, &str), service: usize) -> u32 {
    let (browser, user) = who;
    let end = Instant::now() + Duration::from_secs(TOKEN_LIFE * LIVES);
    let path = format!("/s{service}/{user}");
    let mut calls = 0;
    while Instant::now() < end {
        let page = estate.installation.get(&browser, &path).await;
        assert_eq!(
            page.status,
            200,
            "{path}: {}\n{}",
            page.text(),
            estate.installation.gateway.log()
        );
        calls += 1;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_reaches_another_service_or_another_user_whatever_way_it_came() {
    let estate = Arc::new(estate().await);
    let mut calls = Vec::new();
    for user in ["alice", "bob"] {
        let browser = Arc::new(BrowserSession::new().unwrap());
        estate.installation.log_in(&browser, user).await;
        for service in 0..STRATEGIES.len() {
            for _ in 0..2 {
                let who = (Arc::clone(&browser), user);
                calls.push(tokio::spawn(call(Arc::clone(&estate), who, service)));
            }
        }
    }
    for calls in calls {
        assert!(calls.await.unwrap() > 0);
    }
    estate.assert_each_token_at_its_service(STRATEGIES.len());
    for (path, subject) in estate.subjects_by_path() {
        match path.starts_with("/s3/") {
            true => assert_eq!(subject, "bff-server", "{path}: the gateway's own"),
            false => assert!(path.ends_with(&format!("/{subject}")), "{path}: {subject}"),
        }
    }
    let seen = estate.installation.provider.counters();
    assert_eq!(seen.reuse_detections, 0, "{seen:?}");
    assert!(seen.token_errors.is_empty(), "{seen:?}");
    assert!(seen.refreshes > 4 && seen.exchanges > 4, "{seen:?}");
    assert!(seen.client_credentials >= LIVES, "{seen:?}");
    assert_eq!(
        seen.authorizations, 4,
        "a login and one service, for each user"
    );
}
