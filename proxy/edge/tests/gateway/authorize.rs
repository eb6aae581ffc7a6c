//! Strategy `authorize` from end to end: the browser fetches an authorization for each service.

pub(crate) mod estate;

use std::time::Duration;

use http::Method;
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::{BrowserRequest, Page};
use tokenbridge_devkit::configuration::Lifetime;

use crate::support::{RedisServer, status_and_code};
use estate::Estate;

const REQUIRED: (u16, &str) = (401, "INTERACTION_REQUIRED");

fn refused(page: &Page) -> (u16, String) {
    status_and_code(page)
}

/// `login_url` of a problem document.
fn login_url(page: &Page) -> String {
    let document: serde_json::Value = page.json().unwrap();
    document["login_url"].as_str().unwrap().to_owned()
}

/// Path and query of the address that the browser shows.
fn place(page: &Page) -> String {
    let query = page.url.query().map(|query| format!("?{query}"));
    format!("{}{}", page.url.path(), query.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_one_login_three_services_get_a_token_each() {
    let redis = RedisServer::start();
    for store in [None, Some(redis.url())] {
        let estate = Estate::start_with(
            3,
            |_| {},
            |folder| {
                if let Some(url) = &store {
                    folder.use_redis(url);
                }
            },
        )
        .await;
        let browser = BrowserSession::new().unwrap();
        let page = estate.log_in(&browser, "/s1/reports?year=2026&q=%2F").await;
        assert_eq!(
            (page.status, place(&page).as_str()),
            (200, "/s1/reports?year=2026&q=%2F"),
            "{}\n{}",
            page.text(),
            estate.installation.gateway.log()
        );
        for service in 0..3 {
            assert_eq!(estate.get(&browser, service).await.status, 200);
        }
        estate.assert_each_token_at_its_service(3);
        let seen = estate.installation.provider.counters();
        assert_eq!((seen.authorizations, seen.refreshes), (4, 0));
        let names: Vec<String> = browser
            .cookies(estate.installation.folder.public_url())
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| name.starts_with("bff_session"))
            .collect();
        assert_eq!(names, ["bff_session"], "no flow is left over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_six_services_a_fetch_is_told_and_a_navigation_is_sent() {
    let estate = Estate::start(8).await;
    let browser = estate.logged_in().await;
    for service in 0..6 {
        assert_eq!(estate.get(&browser, service).await.status, 200);
    }
    let page = estate.get(&browser, 6).await;
    assert_eq!(refused(&page), (REQUIRED.0, REQUIRED.1.into()));
    assert_eq!(login_url(&page), "/auth/login?service=s6");
    assert!(page.header("www-authenticate").is_some());
    assert!(page.header("set-cookie").is_none(), "the session lives");
    // As a page does it.
    let there = format!("{}&return_to=%2Fs6%2Fback", login_url(&page));
    let page = estate.navigate(&browser, &there).await;
    assert_eq!((page.status, place(&page).as_str()), (200, "/s6/back"));
    // As a link does it.
    let page = estate.navigate(&browser, "/s7/page?x=1").await;
    assert_eq!((page.status, place(&page).as_str()), (200, "/s7/page?x=1"));
    estate.assert_each_token_at_its_service(8);
    assert_eq!(estate.installation.provider.counters().authorizations, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_cannot_be_made_to_authorize_and_a_prefetch_neither() {
    let estate = Estate::start(7).await;
    let browser = estate.logged_in().await;
    let before = estate.installation.provider.counters().authorizations;
    for _ in 0..3 {
        let page = estate.get(&browser, 6).await;
        assert_eq!(refused(&page), (REQUIRED.0, REQUIRED.1.into()));
    }
    // A script that opens the login decides neither the service nor the way back.
    let request = BrowserRequest::get(estate.installation.url("/auth/login?service=s6"));
    let page = browser.fetch(request).await.unwrap();
    assert!(!page.header("location").unwrap().contains("prompt=none"));
    assert_eq!(
        estate.installation.provider.counters().authorizations,
        before
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_that_one_service_needs_is_asked_for_when_the_user_goes_there() {
    let estate = Estate::start_with(
        3,
        |idp| {
            let client = idp.clients.get_mut("bff-server").unwrap();
            client.require_consent = true;
            client.scopes.push("orders".into());
        },
        |folder| folder.add_settings("service_scopes: {s1: application.all orders}"),
    )
    .await;
    let browser = BrowserSession::new().unwrap();
    let page = estate.log_in(&browser, "/s0/start").await;
    assert_eq!((page.status, place(&page).as_str()), (200, "/s0/start"));
    let page = estate.get(&browser, 1).await;
    assert_eq!(login_url(&page), "/auth/login?service=s1");
    // Looked at three times and left; then it is a link, or the browser could go in circles.
    for _ in 0..3 {
        let form = estate.navigate(&browser, "/s1/orders").await;
        assert_eq!(form.url.path(), "/authorize", "{form:?}");
    }
    let page = estate.navigate(&browser, "/s1/orders").await;
    let link = "/auth/login?service=s1&amp;return_to=%2Fs1%2Forders";
    assert_eq!((page.status, place(&page).as_str()), (401, "/s1/orders"));
    assert!(page.text().contains(link), "{}", page.text());
    let form = estate.navigate(&browser, &link.replace("&amp;", "&")).await;
    let page = estate.pass_forms(&browser, form, "alice").await;
    assert_eq!((page.status, place(&page).as_str()), (200, "/s1/orders"));
    estate.assert_each_token_at_its_service(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_at_the_provider_never_gets_into_the_session() {
    for preset in ["hydra", "cognito"] {
        let estate = Estate::start_with(
            2,
            |_| {},
            |folder| {
                folder.replace(
                    "settings.yaml",
                    "preset: hydra",
                    &format!("preset: {preset}"),
                );
                folder.edit("routes.yaml", |text| {
                    let (before, after) = text.split_once("  s1:\n").unwrap();
                    let after = after.replacen("mint: login", "mint: first_use", 1);
                    format!("{before}  s1:\n{after}")
                });
            },
        )
        .await;
        let browser = estate.logged_in().await;
        let alice = estate.installation.session_cookie(&browser).unwrap();
        browser.clear_cookies();
        estate.installation.log_in(&browser, "bob").await;
        let planted = format!("bff_session={alice}; Path=/");
        let gateway = estate.installation.folder.public_url();
        browser.plant_cookie(gateway, &planted).unwrap();
        let page = estate.navigate(&browser, "/s1/mine").await;
        if preset == "hydra" {
            // The hint says who is meant, so the provider wants to see alice.
            assert_eq!(page.url.path(), "/authorize");
            let page = estate.pass_forms(&browser, page, "bob").await;
            assert_eq!(page.status, 401, "{}", page.text());
            assert!(page.text().contains(REQUIRED.1), "{}", page.text());
            assert_eq!(estate.get(&browser, 0).await.status, 200);
            let form = estate.navigate(&browser, "/s1/mine").await;
            let page = estate.pass_forms(&browser, form, "alice").await;
            assert_eq!((page.status, place(&page).as_str()), (200, "/s1/mine"));
            assert!(estate.subjects().iter().all(|subject| subject == "alice"));
        } else {
            // Without a hint bob is answered for: alice has left this browser.
            assert_eq!((page.status, place(&page).as_str()), (200, "/s1/mine"));
            assert_eq!(estate.subjects().last().unwrap(), "bob");
            let text = "an authorization was answered for another subject; the session is ended";
            estate.installation.gateway.logs(text).await;
        }
        browser.clear_cookies();
        browser.plant_cookie(gateway, &planted).unwrap();
        let old = refused(&estate.get(&browser, 0).await);
        assert_eq!(old.0, 401, "{preset}: alice's session is no more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_is_renewed_with_its_own_refresh_token() {
    let estate = Estate::start_with(
        3,
        |idp| idp.token.access_token_lifetime = Some(Lifetime::from_seconds(3)),
        |_| {},
    )
    .await;
    let browser = estate.logged_in().await;
    for _ in 0..1_500 {
        if estate.installation.provider.counters().refreshes >= 9 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for service in 0..3 {
        assert_eq!(estate.get(&browser, service).await.status, 200);
    }
    let seen = estate.installation.provider.counters();
    assert!(seen.refreshes >= 9, "{seen:?}");
    assert_eq!((seen.reuse_detections, seen.authorizations), (0, 4));
    estate.assert_each_token_at_its_service(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_in_the_chain_is_the_end() {
    let estate = Estate::start(3).await;
    let browser = estate.logged_in().await;
    // The provider knows the user: the second login comes back without a form, step by step.
    let callback = estate.walk(&browser, "/auth/login?return_to=/s0/x").await;
    let landed = browser.open(&callback).await.unwrap();
    let hop = landed.header("location").unwrap().to_owned();
    assert!(hop.contains("prompt=none"), "behind the login comes a hop");
    assert_eq!(estate.get(&browser, 0).await.status, 401, "not yet");
    let back = estate.walk(&browser, &hop).await;
    let logout = BrowserRequest::new(Method::POST, estate.installation.url("/auth/logout"));
    assert_eq!(estate.installation.send(&browser, logout).await.status, 200);
    let redeemed = estate.installation.provider.counters().codes_redeemed;
    let page = browser.open(&back).await.unwrap();
    assert_eq!((page.status, page.header("location")), (303, Some("/s0/x")));
    assert_eq!(estate.installation.session_cookie(&browser), None);
    let seen = estate.installation.provider.counters();
    assert_eq!(seen.codes_redeemed, redeemed, "nobody redeems the code");
    assert_eq!(
        refused(&estate.get(&browser, 0).await),
        (401, "SESSION_MISSING".into())
    );
}
