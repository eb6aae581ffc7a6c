//! Logins that do not come about: a clear answer, a line with a code, nothing created.

use http::HeaderMap;
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::Page;
use tokenbridge_devkit::provider::{
    AuthorizationTampering, Fault, FaultRule, JwtTampering, TokenResponseTampering,
};

use crate::support::{ITEMS, Installation, status_and_code};

/// Logs in while something goes wrong at the provider.
async fn login_with(installation: &Installation, fault: Fault) -> (BrowserSession, Page) {
    installation.provider.reset_faults();
    installation.provider.set_fault(FaultRule::always(fault));
    let browser = BrowserSession::new().unwrap();
    let page = installation.log_in(&browser, "alice").await;
    installation.provider.reset_faults();
    (browser, page)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_provider_that_are_not_what_they_must_be_create_nothing() {
    let installation = Installation::start().await;
    let id_token = |tampering| Fault::IdToken { tampering };
    let response = |tampering| Fault::TokenResponse { tampering };
    let redirect = |tampering| Fault::AuthorizationResponse { tampering };
    for (fault, status, code) in [
        (id_token(JwtTampering::OtherNonce), 502, "ID_TOKEN_INVALID"),
        (
            id_token(JwtTampering::MissingNonce),
            502,
            "ID_TOKEN_INVALID",
        ),
        (id_token(JwtTampering::OtherKey), 502, "ID_TOKEN_INVALID"),
        (id_token(JwtTampering::OtherIssuer), 502, "ID_TOKEN_INVALID"),
        (
            id_token(JwtTampering::OtherAudience),
            502,
            "ID_TOKEN_INVALID",
        ),
        (id_token(JwtTampering::Expired), 502, "ID_TOKEN_INVALID"),
        (id_token(JwtTampering::AlgNone), 502, "ID_TOKEN_INVALID"),
        (
            response(TokenResponseTampering::MissingIdToken),
            502,
            "TOKEN_RESPONSE_INVALID",
        ),
        (
            response(TokenResponseTampering::MissingAccessToken),
            502,
            "TOKEN_RESPONSE_INVALID",
        ),
        (
            response(TokenResponseTampering::EmptyBody),
            502,
            "TOKEN_RESPONSE_INVALID",
        ),
        (
            response(TokenResponseTampering::NotJson),
            502,
            "TOKEN_RESPONSE_INVALID",
        ),
        (
            response(TokenResponseTampering::Huge),
            502,
            "TOKEN_RESPONSE_INVALID",
        ),
        (
            response(TokenResponseTampering::WrongTypes),
            502,
            "TOKEN_RESPONSE_INVALID",
        ),
        (
            redirect(AuthorizationTampering::OtherIssuer),
            400,
            "ISSUER_MISMATCH",
        ),
        (
            redirect(AuthorizationTampering::MissingIssuer),
            400,
            "ISSUER_MISMATCH",
        ),
        (
            redirect(AuthorizationTampering::OtherState),
            400,
            "LOGIN_UNKNOWN",
        ),
        (
            redirect(AuthorizationTampering::MissingState),
            400,
            "CALLBACK_INVALID",
        ),
    ] {
        let what = format!("{fault:?}");
        let (browser, page) = login_with(&installation, fault).await;
        assert_eq!(page.status, status, "{what}: {}", page.text());
        assert!(page.text().contains(code), "{what}: {}", page.text());
        let leads_to_login = page.text().contains("/auth/login");
        assert_eq!(leads_to_login, status == 400, "{what}: {}", page.text());
        assert_eq!(installation.session_cookie(&browser), None, "{what}");
        installation.gateway.logs(code).await;
    }
    assert_eq!(sessions(&installation).await, 0.0);
    let browser = installation.logged_in("alice").await;
    assert_eq!(
        installation.get(&browser, ITEMS).await.status,
        200,
        "afterwards a login is fine"
    );
}

/// `bff_sessions_created_total`.
async fn sessions(installation: &Installation) -> f64 {
    let text = reqwest::get(installation.folder.admin_url("/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("bff_sessions_created_total"))
        .unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_that_no_login_of_this_browser_goes_with_are_refused() {
    let installation = Installation::start().await;
    let browser = BrowserSession::new().unwrap();
    for (query, code) in [
        ("", "CALLBACK_INVALID"),
        ("?code=abc", "CALLBACK_INVALID"),
        ("?state=abc", "CALLBACK_INVALID"),
        ("?code=abc&state=abc", "LOGIN_UNKNOWN"),
        ("?code=abc&state=a&state=b", "CALLBACK_INVALID"),
        ("?code=a&code=b&state=abc", "CALLBACK_INVALID"),
        ("?error=access_denied&state=abc", "LOGIN_UNKNOWN"),
        ("?error=%3Cscript%3E", "CALLBACK_INVALID"),
        ("?code=%ff%00&state=%ff", "LOGIN_UNKNOWN"),
    ] {
        let page = installation
            .get(&browser, &format!("/auth/callback{query}"))
            .await;
        assert_eq!(status_and_code(&page), (400, code.into()), "{query}");
    }
    assert_eq!(sessions(&installation).await, 0.0);
}

/// Takes a login up to the callback, and hands that back without opening it.
async fn up_to_the_callback(installation: &Installation, browser: &BrowserSession) -> String {
    let start = browser
        .open(&installation.url("/auth/login?return_to=/"))
        .await
        .unwrap();
    let form = browser
        .navigate(start.header("location").unwrap())
        .await
        .unwrap();
    let _ = form;
    // The provider knows the user by now, so the next login comes back without a form.
    installation.log_in(browser, "alice").await;
    let again = browser
        .open(&installation.url("/auth/login?return_to=/"))
        .await
        .unwrap();
    let mut location = again.header("location").unwrap().to_owned();
    for _ in 0..5 {
        if location.contains("/auth/callback") {
            return location;
        }
        let step = browser.open(&location).await.unwrap();
        let next = step
            .header("location")
            .expect("the provider redirects")
            .to_owned();
        location = step.url.join(&next).unwrap().to_string();
    }
    panic!("no callback came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_used_once_and_by_the_browser_that_began_it() {
    let installation = Installation::start().await;
    let browser = BrowserSession::new().unwrap();
    let callback = up_to_the_callback(&installation, &browser).await;
    let thief = BrowserSession::new().unwrap();
    let stolen = thief.open(&callback).await.unwrap();
    assert_eq!(
        (stolen.status, stolen.text().contains("LOGIN_UNKNOWN")),
        (400, true),
        "{}",
        stolen.text()
    );
    let cookies = cookies_before(&installation, &browser);
    let first = browser.open(&callback).await.unwrap();
    assert_eq!(
        (first.status, first.header("cache-control")),
        (303, Some("no-store"))
    );
    assert_eq!(first.header("referrer-policy"), Some("no-referrer"));
    let set: Vec<&str> = first
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    let session = set
        .iter()
        .find(|value| value.starts_with("bff_session="))
        .unwrap();
    assert!(
        session.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "out of reach of scripts and other sites: {session:.20}"
    );
    assert!(
        set.iter()
            .any(|value| value.starts_with("bff_session_login") && value.contains("Max-Age=0"))
    );
    // The same login's cookie, which the first use deleted, kept by somebody.
    let replayed = BrowserSession::new()
        .unwrap()
        .fetch(
            tokenbridge_devkit::browser::BrowserRequest::get(&callback)
                .header(http::header::COOKIE, cookies),
        )
        .await
        .unwrap();
    assert_eq!(
        status_and_code(&replayed),
        (400, "LOGIN_REPLAYED".into()),
        "{}",
        replayed.text()
    );
}

/// All cookies that the browser would send to the gateway now, as one field.
fn cookies_before(installation: &Installation, browser: &BrowserSession) -> http::HeaderValue {
    let pairs = browser.cookies(installation.folder.public_url());
    let pairs = pairs
        .iter()
        .filter(|(name, _)| name.starts_with("bff_session_login"));
    let text: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert!(!text.is_empty(), "a login is pending");
    http::HeaderValue::from_str(&text.join("; ")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_may_log_in_at_once_and_a_ninth_pending_login_drops_the_oldest() {
    let installation = Installation::start().await;
    let browser = BrowserSession::new().unwrap();
    let begin = async || {
        let page = browser
            .open(&installation.url("/auth/login?return_to=/"))
            .await
            .unwrap();
        page.header("location").unwrap().to_owned()
    };
    let (first_tab, second_tab) = (begin().await, begin().await);
    for tab in [first_tab, second_tab] {
        let form = browser.navigate(&tab).await.unwrap();
        let landed = browser
            .pass_forms(
                form,
                installation.folder.public_url(),
                ("alice", "wonderland"),
            )
            .await
            .unwrap();
        assert_eq!(landed.url.path(), "/");
        assert!(installation.session_cookie(&browser).is_some());
    }
    for _ in 0..12 {
        begin().await;
    }
    let pending = browser.cookies(installation.folder.public_url());
    let pending = pending
        .iter()
        .filter(|(name, _)| name.starts_with("bff_session_login"))
        .count();
    assert_eq!(pending, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_is_503_and_the_login_works_once_it_is_back() {
    let installation = Installation::start().await;
    installation.provider.go_away().await;
    let browser = BrowserSession::new().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(
        http::header::ACCEPT,
        http::HeaderValue::from_static("text/html"),
    );
    let callback = installation.get(&browser, "/auth/session").await;
    assert_eq!(
        callback.status, 401,
        "asking about the session needs no provider"
    );
    installation.provider.come_back().await.unwrap();
    assert_eq!(installation.log_in(&browser, "alice").await.url.path(), "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_the_provider_refuses_is_told_and_offers_another() {
    let installation = Installation::start().await;
    let browser = BrowserSession::new().unwrap();
    let callback = up_to_the_callback(&installation, &browser).await;
    let state = url::Url::parse(&callback).unwrap();
    let parameter = |name: &str| {
        let found = state.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned()).unwrap()
    };
    let refused = format!(
        "{}?error=access_denied&error_description=%3Cscript%3E&state={}&iss={}",
        installation.url("/auth/callback"),
        parameter("state"),
        parameter("iss")
    );
    let page = browser.open(&refused).await.unwrap();
    assert_eq!(page.status, 400);
    let text = page.text();
    assert!(
        text.contains("LOGIN_REFUSED")
            && text.contains("/auth/login")
            && !text.contains("<script>"),
        "{text}"
    );
    installation.gateway.logs("access_denied").await;
}
