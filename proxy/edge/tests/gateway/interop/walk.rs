//! The walk that is the same at every provider.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::Method;
use serde_json::Value;
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::{BrowserRequest, Page};

use super::provider::{Counts, RealProvider, TOKEN_LIFE};
use crate::probe;
use crate::support::{ANALYTICS, CRUD, ITEMS, Installation, LoggedProcess, WORKFLOWS};

/// How many pages of one session call at once.
pub(crate) const CALLERS: usize = 8;
/// For how many token lives they do.
pub(crate) const LIVES: u64 = 4;

/// Login, a token per service by this strategy, renewals under load, logout, and the next login.
pub(crate) async fn from_login_to_logout<P: RealProvider>(
    installation: &Installation<P>,
    strategy: &str,
) {
    let alice = log_in(installation, "alice").await;
    let bob = log_in(installation, "bob").await;
    let subject = each_service_gets_its_own_token(installation, &alice).await;
    let other = each_service_gets_its_own_token(installation, &bob).await;
    assert_ne!(subject, other, "two users are two subjects");
    the_tokens_were_minted_by(installation, strategy).await;
    tokens_are_renewed_while_they_are_used(installation, [&alice, &bob]).await;
    tokens_are_renewed_while_nobody_calls(installation, &alice).await;
    log_out(installation, &alice).await;
    assert_eq!(
        installation.get(&bob, ITEMS).await.status,
        200,
        "one user's logout is not another's"
    );
    the_next_login_asks_for_the_password(installation, &alice).await;
    a_probe_finds_nothing_wrong(installation).await;
}

/// `tokenbridge check --probe`, whose address somebody opens in another browser.
async fn a_probe_finds_nothing_wrong<P: RealProvider>(installation: &Installation<P>) {
    let mut command = probe::command(&installation.folder, &[]);
    let mut process = LoggedProcess::spawn(&mut command);
    let address = probe::printed_address(&process).await;
    let browser = BrowserSession::new().unwrap();
    let form = browser.navigate(&address).await.unwrap();
    let home = installation.folder.public_url();
    let page = browser
        .pass_forms(form, home, ("alice", "wonderland"))
        .await
        .unwrap();
    assert!(page.text().contains("not logged in"), "{}", page.text());
    let status = process.end().await;
    eprintln!("{}", process.log());
    assert!(
        status.success(),
        "{}\n{}",
        process.log(),
        logs(installation)
    );
    assert_eq!(installation.get(&browser, ITEMS).await.status, 401);
}

pub(crate) async fn log_in<P: RealProvider>(
    installation: &Installation<P>,
    user: &str,
) -> BrowserSession {
    let browser = installation.logged_in(user).await;
    let page = installation.get(&browser, "/auth/session").await;
    let session: Value = page.json().unwrap_or_default();
    assert_eq!(
        (&session["authenticated"], &session["services_count"]),
        (&true.into(), &2.into()),
        "{session}\n{}",
        logs(installation)
    );
    assert_eq!(
        session["user"]["email"],
        format!("{user}@{}.example", home(user))
    );
    browser
}

/// Calls both services, whose backends verify the token's signature, issuer, audience and expiry.
/// Returns the subject.
pub(crate) async fn each_service_gets_its_own_token<P: RealProvider>(
    installation: &Installation<P>,
    browser: &BrowserSession,
) -> String {
    let mut subjects = Vec::new();
    for (path, own, foreign) in [(WORKFLOWS, ANALYTICS, CRUD), (ITEMS, CRUD, ANALYTICS)] {
        let page = installation.get(browser, path).await;
        assert_served(installation, path, &page);
        let answer: Value = page.json().unwrap();
        let audiences = match &answer["aud"] {
            Value::String(one) => vec![one.clone()],
            many => serde_json::from_value(many.clone()).unwrap(),
        };
        assert!(audiences.iter().any(|audience| audience == own), "{answer}");
        assert!(
            !audiences.iter().any(|audience| audience == foreign),
            "{answer}"
        );
        subjects.push(answer["sub"].as_str().unwrap().to_owned());
    }
    assert_eq!(subjects[0], subjects[1]);
    subjects.remove(0)
}

async fn the_tokens_were_minted_by<P: RealProvider>(
    installation: &Installation<P>,
    strategy: &str,
) {
    let metrics = reqwest::get(installation.folder.admin_url("/metrics")).await;
    let metrics = metrics.unwrap().text().await.unwrap();
    for service in ["analytics_service", "crud_service"] {
        let minted = format!(
            "bff_token_mint_total{{service=\"{service}\",status=\"success\",strategy=\"{strategy}\"}} 2"
        );
        assert!(metrics.contains(&minted), "{minted} is not in\n{metrics}");
    }
}

/// Both users' pages call both services at once for several token lives. Every call is served, and
/// the provider never sees a refresh token twice.
async fn tokens_are_renewed_while_they_are_used<P: RealProvider>(
    installation: &Installation<P>,
    browsers: [&BrowserSession; 2],
) {
    let before = installation.provider.counts().await;
    let end = Instant::now() + Duration::from_secs(LIVES * TOKEN_LIFE);
    let callers = browsers.into_iter().flat_map(|browser| {
        (0..CALLERS).map(move |caller| {
            let path = if caller % 2 == 0 { WORKFLOWS } else { ITEMS };
            call_until(installation, browser, path, end)
        })
    });
    let calls: u64 = join_all(callers).await.into_iter().sum();
    eprintln!("{calls} calls were served");
    refresh_tokens_were_used_once(installation, before).await;
}

/// Two sessions with two services each lived for [`LIVES`]: their tokens were renewed, and no more
/// often than once a second, which is the finest that a token's life is told in.
pub(crate) async fn refresh_tokens_were_used_once<P: RealProvider>(
    installation: &Installation<P>,
    before: Counts,
) {
    let after = installation.provider.counts().await;
    let renewals = after.refreshes - before.refreshes;
    eprintln!("{renewals} refresh tokens were used");
    assert_eq!(
        after.reused_refresh_tokens,
        0,
        "a refresh token was sent twice:\n{}",
        logs(installation)
    );
    assert_eq!(after.revoked_grants, before.revoked_grants);
    assert!(
        (4 * (LIVES - 1)..=4 * (LIVES * TOKEN_LIFE + 1)).contains(&renewals),
        "{renewals} renewals\n{}",
        logs(installation)
    );
}

/// Tokens of both services are renewed twice and more without a request.
pub(crate) async fn tokens_are_renewed_while_nobody_calls<P: RealProvider>(
    installation: &Installation<P>,
    browser: &BrowserSession,
) {
    let before = installation.provider.counts().await;
    let begin = Instant::now();
    while installation.provider.counts().await.refreshes < before.refreshes + 4 {
        assert!(
            begin.elapsed() < Duration::from_secs(4 * TOKEN_LIFE),
            "nobody renews the tokens:\n{}",
            logs(installation)
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    each_service_gets_its_own_token(installation, browser).await;
}

async fn call_until<P: RealProvider>(
    installation: &Installation<P>,
    browser: &BrowserSession,
    path: &str,
    end: Instant,
) -> u64 {
    let mut calls = 0;
    while Instant::now() < end {
        let page = installation.get(browser, path).await;
        assert_served(installation, path, &page);
        calls += 1;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    calls
}

/// Ends the session here and at the provider, whose pages lead back to the application.
pub(crate) async fn log_out<P: RealProvider>(
    installation: &Installation<P>,
    browser: &BrowserSession,
) {
    let before = installation.provider.counts().await;
    let request = BrowserRequest::new(Method::POST, installation.url("/auth/logout"));
    let page = installation.send(browser, request).await;
    let answer: Value = page.json().unwrap_or_default();
    let logout_url = answer["logout_url"]
        .as_str()
        .unwrap_or_else(|| panic!("the provider has a logout page: {answer}"));
    assert_eq!(installation.get(browser, ITEMS).await.status, 401);
    let home = installation.folder.public_url();
    let asked = browser.navigate(logout_url).await.unwrap();
    let back = browser.pass_forms(asked, home, ("", "")).await.unwrap();
    assert_eq!(
        back.url.as_str(),
        installation.url("/"),
        "the provider leads back through /auth/logged-out:\n{}\n{}",
        back.text(),
        logs(installation)
    );
    let begin = Instant::now();
    while installation.provider.counts().await.revoked_grants == before.revoked_grants {
        assert!(
            begin.elapsed().as_secs() < 20,
            "the refresh token lives on:\n{}",
            logs(installation)
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn the_next_login_asks_for_the_password<P: RealProvider>(
    installation: &Installation<P>,
    browser: &BrowserSession,
) {
    let login = installation.url(&format!("/auth/login?return_to={ITEMS}"));
    let form = browser.navigate(&login).await.unwrap();
    assert!(
        form.text().contains("type=\"password\""),
        "the provider still knows the user: {}",
        form.text()
    );
    let home = installation.folder.public_url();
    let page = browser
        .pass_forms(form, home, ("alice", "wonderland"))
        .await
        .unwrap();
    assert_served(installation, ITEMS, &page);
    assert_eq!(page.url.as_str(), installation.url(ITEMS));
    each_service_gets_its_own_token(installation, browser).await;
}

fn home(user: &str) -> &'static str {
    if user == "alice" {
        "wonderland"
    } else {
        "builder"
    }
}

pub(crate) fn assert_served<P: RealProvider>(
    installation: &Installation<P>,
    path: &str,
    page: &Page,
) {
    assert_eq!(
        page.status,
        200,
        "{path}: {}\n{}",
        page.text(),
        logs(installation)
    );
}

fn logs<P: RealProvider>(installation: &Installation<P>) -> String {
    format!(
        "--- gateway\n{}\n--- provider\n{}",
        installation.gateway.log(),
        installation.provider.log()
    )
}
