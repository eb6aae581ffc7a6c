//! Many users at once: every answer belongs to its own user and audience.

use std::sync::Arc;

use serde_json::Value;
use tokenbridge_devkit::configuration::User;
use tokenbridge_devkit::{BrowserSession, ProviderOptions};

use crate::support::{ANALYTICS, CRUD, ITEMS, Installation, WORKFLOWS};

const SESSIONS: usize = 50;
const REQUESTS: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_parallel_requests_of_fifty_sessions_never_cross() {
    let mut options = ProviderOptions::demo().unwrap();
    let template: User = options.configuration.users.get("alice").unwrap().clone();
    for number in 0..SESSIONS {
        options
            .configuration
            .users
            .insert(format!("user-{number}"), template.clone());
    }
    let installation = Arc::new(Installation::start_at(options, |_| {}).await);
    let mut browsers = Vec::new();
    for number in 0..SESSIONS {
        let browser = BrowserSession::new().unwrap();
        let user = format!("user-{number}");
        browser
            .login(installation.folder.public_url(), &user, "wonderland")
            .await
            .unwrap();
        browsers.push(Arc::new(browser));
    }
    let requests = (0..REQUESTS).map(|number| {
        let (installation, browser) = (installation.clone(), browsers[number % SESSIONS].clone());
        tokio::spawn(async move {
            let (path, audience) = if number % 3 == 0 {
                (ITEMS, CRUD)
            } else {
                (WORKFLOWS, ANALYTICS)
            };
            let page = installation.get(&browser, path).await;
            assert_eq!(page.status, 200, "{}", page.text());
            let answer: Value = page.json().unwrap();
            assert_eq!(answer["sub"], format!("user-{}", number % SESSIONS));
            assert_eq!(answer["aud"], *audience);
        })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap();
    }
    assert_eq!(installation.provider.counters().reuse_detections, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_polls_with_the_old_cookie_does_not_undo_a_new_login() {
    let installation = Installation::start().await;
    let browser = Arc::new(installation.logged_in("alice").await);
    let old = installation.session_cookie(&browser).unwrap();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    // The page's own polling: its answers write into the same cookie jar.
    let polling = {
        let (browser, stop, url) = (browser.clone(), stop.clone(), installation.url(WORKFLOWS));
        tokio::spawn(async move {
            let mut polls = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let request = tokenbridge_devkit::browser::BrowserRequest::get(&url).header(
                    http::header::COOKIE,
                    http::HeaderValue::from_str(&format!("bff_session={old}")).unwrap(),
                );
                browser.fetch(request).await.unwrap();
                polls += 1;
            }
            polls
        })
    };
    for _ in 0..5 {
        installation.log_in(&browser, "alice").await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(polling.await.unwrap() > 0);
    assert_eq!(
        installation.get(&browser, WORKFLOWS).await.status,
        200,
        "the new cookie is in place"
    );
}
