//! A provider that refuses one service's target, or asks to be left alone for a while: what the
//! user of the gateway sees of it.

use std::time::Duration;

use tokenbridge_devkit::browser::Page;
use tokenbridge_devkit::configuration::Lifetime;
use tokenbridge_devkit::provider::{AnswerBody, Endpoint, Fault, FaultRule, GrantType, Mode};
use tokenbridge_devkit::{BrowserSession, ProviderOptions};

use crate::support::{ANALYTICS, ITEMS, Installation, WORKFLOWS, status_and_code};

/// The demo, at a provider that spends the refresh token where it refuses the target of the
/// service that is minted first; its kind is one of which nobody knows that.
async fn refusing_analytics() -> Installation {
    let mut options = ProviderOptions::demo().unwrap();
    let provider = &mut options.configuration;
    provider.token.access_token_lifetime = Some(Lifetime::from_seconds(4));
    provider.development.modes = vec![Mode::RefusedTargetSpends];
    let client = provider.clients.get_mut("bff-server").unwrap();
    client
        .allowed_audiences
        .retain(|audience| audience != ANALYTICS);
    Installation::start_at(options, |folder| {
        folder.replace("settings.yaml", "preset: generic", "preset: auth0");
    })
    .await
}

async fn get_until(
    installation: &Installation,
    browser: &BrowserSession,
    path: &str,
    wanted: impl Fn(&Page) -> bool,
) -> Page {
    for _ in 0..1_500 {
        let page = installation.get(browser, path).await;
        if wanted(&page) {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!(
        "{path}: it did not come about\n{}",
        installation.gateway.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_target_has_the_browser_log_in_once_more_and_costs_the_other_service_nothing() {
    let installation = refusing_analytics().await;
    let browser = BrowserSession::new().unwrap();
    installation.log_in(&browser, "alice").await;
    let seen = || installation.provider.counters();
    assert_eq!(seen().codes_redeemed, 2, "once more, by itself");
    assert_eq!(seen().logins, 1, "the user typed the password once");
    let cookie = installation.session_cookie(&browser);
    assert!(cookie.is_some());

    let page = installation.get(&browser, WORKFLOWS).await;
    assert_eq!(status_and_code(&page), (401, "NO_TOKEN_AVAILABLE".into()));
    installation
        .gateway
        .logs("service=analytics_service reason=invalid_target")
        .await;
    // Several lives of a token go by.
    let at_login = seen().refreshes;
    get_until(&installation, &browser, ITEMS, |page| {
        assert_eq!(page.status, 200, "{}", page.text());
        seen().refreshes >= at_login + 2
    })
    .await;
    assert_eq!(installation.session_cookie(&browser), cookie);

    // What is known by now, the next user is not asked to find out.
    installation.logged_in("bob").await;
    assert_eq!(seen().codes_redeemed, 3);
    assert_eq!((seen().reuse_detections, seen().families_revoked), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_asks_for_time_is_left_alone_and_the_client_is_told_for_how_long() {
    let mut options = ProviderOptions::demo().unwrap();
    options.configuration.token.access_token_lifetime = Some(Lifetime::from_seconds(4));
    let installation = Installation::start_at(options, |_| {}).await;
    let browser = installation.logged_in("alice").await;
    let cookie = installation.session_cookie(&browser);
    let wish = 8;
    let fault = Fault::Answer {
        endpoint: Endpoint::Token,
        status: 429,
        retry_after: Some(wish),
        body: AnswerBody::Error("slow_down".into()),
    };
    let rule = FaultRule::always(fault).on_grant_type(GrantType::RefreshToken);
    installation.provider.set_fault(rule);

    // 2 s is what a 503 says by itself.
    let told = |page: &Page| {
        let header = page.header("retry-after")?;
        header.parse::<u64>().ok()
    };
    let refused = get_until(&installation, &browser, ITEMS, |page| {
        assert!(matches!(page.status, 200 | 503), "{}", page.text());
        told(page).is_some_and(|seconds| (3..=wish).contains(&seconds))
    })
    .await;
    assert_eq!(status_and_code(&refused), (503, "IDP_UNAVAILABLE".into()));
    assert!(refused.header("set-cookie").is_none(), "no logout");
    let session = installation.get(&browser, "/auth/session").await;
    assert_eq!(session.status, 200, "{}", session.text());

    installation.provider.reset_faults();
    for path in [ITEMS, WORKFLOWS] {
        get_until(&installation, &browser, path, |page| page.status == 200).await;
    }
    assert_eq!(installation.session_cookie(&browser), cookie);
    let seen = installation.provider.counters();
    assert_eq!((seen.logins, seen.reuse_detections), (1, 0));
}
