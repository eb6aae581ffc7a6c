//! Sessions as a browser sees them: status, logout, a new login, odd cookies.

use http::{HeaderValue, header};
use serde_json::Value;
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::{BrowserRequest, Page};

use crate::support::{ITEMS, Installation, WORKFLOWS, is_as_on_page, status_and_code};

#[tokio::test(flavor = "multi_thread")]
async fn the_session_endpoint_tells_the_user_and_the_services_and_no_token() {
    let installation = Installation::start().await;
    let stranger = BrowserSession::new().unwrap();
    for path in ["/auth/session", "/api/auth/session"] {
        let page = installation.get(&stranger, path).await;
        assert_eq!(
            (page.status, page.text()),
            (401, "{\"authenticated\":false}".into())
        );
    }
    let browser = installation.logged_in("alice").await;
    for path in ["/auth/session", "/api/auth/session"] {
        let page = installation.get(&browser, path).await;
        let session: Value = page.json().unwrap();
        assert_eq!(
            (page.status, &session["authenticated"]),
            (200, &Value::Bool(true))
        );
        assert_eq!(session["user"]["sub"], "alice");
        assert_eq!(session["user"]["name"], "Alice Liddell");
        assert_eq!(
            session["services"],
            serde_json::json!(["analytics_service", "crud_service"])
        );
        assert_eq!(session["services_count"], 2);
        is_as_on_page(&session, "docs/spa.md");
        assert!(
            session["expires_at"]
                .as_u64()
                .is_some_and(|seconds| seconds > 1_700_000_000)
        );
        assert_eq!(page.header("cache-control"), Some("no-store"));
    }
    installation
        .gateway
        .logs("Session status check successful services_count=2")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_ends_the_session_revokes_the_refresh_token_and_names_the_providers_page() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let cookie = installation.session_cookie(&browser).unwrap();
    let logout = BrowserRequest::post(installation.url("/auth/logout"));
    let page = installation.send(&browser, logout).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let answer: Value = page.json().unwrap();
    let logout_url = answer["logout_url"].as_str().unwrap().to_owned();
    for parameter in [
        "id_token_hint=",
        "client_id=bff-server",
        "post_logout_redirect_uri=",
        "state=",
    ] {
        assert!(
            logout_url.contains(parameter),
            "{parameter} is not in the logout URL"
        );
    }
    assert_eq!(installation.session_cookie(&browser), None);
    let replayed = with_cookie(&installation, ITEMS, &format!("bff_session={cookie}")).await;
    assert_eq!(status_and_code(&replayed), (401, "SESSION_MISSING".into()));
    revoked(&installation, 1).await;
    let back = browser.navigate(&logout_url).await.unwrap();
    assert_eq!(
        back.url.path(),
        "/",
        "the provider sends the browser back, and its state is known"
    );
}

async fn revoked(installation: &Installation, count: u64) {
    for _ in 0..500 {
        if installation.provider.counters().revocations == count {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!(
        "{} revocations, not {count}",
        installation.provider.counters().revocations
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_everywhere_ends_all_sessions_of_the_user_and_nobody_elses() {
    let installation = Installation::start().await;
    let (first, second, other) = (
        installation.logged_in("alice").await,
        installation.logged_in("alice").await,
        installation.logged_in("bob").await,
    );
    let logout = BrowserRequest::post(installation.url("/auth/logout?everywhere=true"));
    assert_eq!(installation.send(&first, logout).await.status, 200);
    assert_eq!(installation.get(&second, ITEMS).await.status, 401);
    assert_eq!(installation.get(&other, ITEMS).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_without_a_session_is_answered_all_the_same() {
    let installation = Installation::start().await;
    let page = BrowserSession::new()
        .unwrap()
        .fetch(BrowserRequest::post(installation.url("/auth/logout")))
        .await
        .unwrap();
    assert_eq!(page.status, 200, "{}", page.text());
    let wrong = installation
        .get(&BrowserSession::new().unwrap(), "/auth/logout")
        .await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_login_gets_a_new_id_and_answers_under_way_do_not_delete_its_cookie() {
    let installation = Installation::start().await;
    let browser = installation.logged_in("alice").await;
    let old = installation.session_cookie(&browser).unwrap();
    installation.log_in(&browser, "alice").await;
    let new = installation.session_cookie(&browser).unwrap();
    assert_ne!(old, new);
    let late = with_cookie(&installation, WORKFLOWS, &format!("bff_session={old}")).await;
    assert_eq!(status_and_code(&late), (401, "SESSION_REPLACED".into()));
    assert!(
        late.header("set-cookie").is_none(),
        "a late answer must not delete the new cookie"
    );
    assert_eq!(installation.get(&browser, WORKFLOWS).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_id_that_nobody_issued_is_never_taken_over_by_a_login() {
    let installation = Installation::start().await;
    let browser = BrowserSession::new().unwrap();
    let planted = "A".repeat(43);
    browser
        .plant_cookie(
            installation.folder.public_url(),
            &format!("bff_session={planted}; Path=/"),
        )
        .unwrap();
    installation.log_in(&browser, "alice").await;
    assert_ne!(installation.session_cookie(&browser).unwrap(), planted);
    let page = with_cookie(&installation, ITEMS, &format!("bff_session={planted}")).await;
    assert_eq!(page.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_cookies_get_a_clear_answer_and_reach_nobody() {
    let installation = Installation::start().await;
    let unknown = "A".repeat(43);
    let many: String = (0..900).map(|number| format!("c{number}=x; ")).collect();
    for (cookie, expected) in [
        ("bff_session=", (401, "SESSION_MISSING")),
        ("bff_session=short", (401, "SESSION_MISSING")),
        ("bff_session=\"../../etc\"", (401, "SESSION_MISSING")),
        (&format!("bff_session={unknown}"), (401, "SESSION_MISSING")),
        (
            &format!("bff_session={unknown}; bff_session={unknown}"),
            (400, "SESSION_AMBIGUOUS"),
        ),
        (
            &format!("bff_session={}", "x".repeat(4096)),
            (401, "SESSION_MISSING"),
        ),
        (
            &format!("{many}bff_session={unknown}"),
            (401, "SESSION_MISSING"),
        ),
        ("=; ;;; =x; bff_session", (401, "SESSION_MISSING")),
    ] {
        let page = with_cookie(&installation, ITEMS, cookie).await;
        assert_eq!(
            status_and_code(&page),
            (expected.0, expected.1.into()),
            "{cookie:.80}"
        );
    }
    assert_eq!(installation.crud.counters().requests, 0);
    let log = installation.gateway.log();
    assert!(
        log.contains("SESSION_AMBIGUOUS") && log.contains("malformed"),
        "{log}"
    );
}

/// A request of a browser with no cookies but these.
async fn with_cookie(installation: &Installation, path: &str, cookie: &str) -> Page {
    let browser = BrowserSession::new().unwrap();
    let request = BrowserRequest::get(installation.url(path))
        .header(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
    browser.fetch(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_idle_or_old_enough_ends() {
    let installation = Installation::start_with(|folder| {
        folder.replace("settings.yaml", "session_ttl: 12h", "session_ttl: 2s");
    })
    .await;
    let browser = installation.logged_in("alice").await;
    let cookie = installation.session_cookie(&browser).unwrap();
    let mut last = installation.get(&browser, ITEMS).await;
    assert_eq!(last.status, 200);
    for _ in 0..500 {
        last = with_cookie(&installation, ITEMS, &format!("bff_session={cookie}")).await;
        if last.status == 401 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(last.status, 401);
    assert!(
        last.header("set-cookie")
            .is_some_and(|cookie| cookie.contains("Max-Age=0"))
    );
}
