//! Rate limits per address, session and route, by one replica or by all together.

use http::{HeaderName, HeaderValue};
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::{BrowserRequest, Page};

use crate::support::{
    ConfigurationFolder, GatewayProcess, ITEMS, Installation, RedisServer, WORKFLOWS,
    status_and_code,
};

const OPEN: &str = "\n  - id: open\n    path: /open/*\n    target_service: crud_service\n    \
                    upstream_path: /api/v1/crud/public/{path}\n    auth: none\n    dangerously_without_session: true\n";

fn limit(folder: &ConfigurationFolder, limits: &str) {
    folder.edit("settings.yaml", |text| text + "\nrate_limits:\n" + limits);
    folder.edit("routes.yaml", |text| text + OPEN);
}

async fn start(limits: &'static str) -> Installation {
    Installation::start_with(|folder| limit(folder, limits)).await
}

/// A GET of a program, by way of these addresses.
async fn get_by_way_of(installation: &Installation, path: &str, addresses: &'static str) -> Page {
    let request = BrowserRequest::get(installation.url(path)).header(
        HeaderName::from_static("x-forwarded-for"),
        HeaderValue::from_static(addresses),
    );
    BrowserSession::new().unwrap().fetch(request).await.unwrap()
}

fn is_refused(page: &Page) -> bool {
    let refused = status_and_code(page) == (429, "TOO_MANY_REQUESTS".into());
    assert!(refused || page.status != 429, "{}", page.text());
    assert_eq!(refused, page.header("retry-after").is_some());
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_of_one_address_are_limited_whatever_it_says_of_itself() {
    let installation = start("  login: {rate: 1/h, burst: 3}\n").await;
    for addresses in ["198.51.100.1", "198.51.100.2", "127.0.0.1"] {
        let page = get_by_way_of(&installation, "/auth/login", addresses).await;
        assert_eq!(page.status, 303);
    }
    let page = get_by_way_of(&installation, "/auth/login", "198.51.100.3").await;
    assert!(is_refused(&page));
    assert_eq!(
        page.header("ratelimit-policy"),
        Some("\"login\";q=3;w=10800")
    );
    let seconds: u64 = page.header("retry-after").unwrap().parse().unwrap();
    let state = format!("\"login\";r=0;t={seconds}");
    assert_eq!(page.header("ratelimit"), Some(&*state));
    assert!((3_000..=3_600).contains(&seconds), "{seconds}");
    let other = get_by_way_of(&installation, "/auth/session", "198.51.100.3").await;
    assert_eq!(other.status, 401, "nothing else is limited");
    let navigation = BrowserSession::new().unwrap();
    let page = navigation.open(&installation.url("/auth/login")).await;
    let page = page.unwrap();
    assert_eq!(page.status, 429);
    assert!(page.text().contains("Too many requests"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_each_of_its_clients_counts_for_itself() {
    let installation = Installation::start_with(|folder| {
        limit(folder, "  login: {rate: 1/h, burst: 1}\n");
        let trusted = "\ntrusted_proxies: [127.0.0.0/8, 10.0.0.0/8]\n";
        folder.edit("settings.yaml", |text| text + trusted);
    })
    .await;
    for (addresses, refused) in [
        ("198.51.100.1", false),
        ("198.51.100.1", true),
        ("198.51.100.9, 198.51.100.1", true),
        ("198.51.100.1, 10.0.0.7", true),
        ("198.51.100.2", false),
        ("2001:db8::1", false),
        ("2001:db8::2", true),
        ("2001:db8:0:1::1", false),
    ] {
        let page = get_by_way_of(&installation, "/auth/login", addresses).await;
        assert_eq!(is_refused(&page), refused, "{addresses}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sessions_limit_is_its_own_and_holds_on_the_routes_that_it_names() {
    let limits = "  reports: {per: session, rate: 1/h, burst: 2, routes: [api-analytics]}\n";
    let installation = start(limits).await;
    let (alice, bob) = (
        installation.logged_in("alice").await,
        installation.logged_in("bob").await,
    );
    for left in [1, 0] {
        let page = installation.get(&alice, WORKFLOWS).await;
        assert_eq!(page.status, 200);
        let state = page.header("ratelimit").unwrap();
        assert!(
            state.starts_with(&format!("\"reports\";r={left};t=")),
            "{state}"
        );
    }
    let before = installation.analytics.counters().requests;
    assert!(is_refused(&installation.get(&alice, WORKFLOWS).await));
    assert_eq!(installation.analytics.counters().requests, before);
    assert_eq!(installation.get(&bob, WORKFLOWS).await.status, 200);
    let other = installation.get(&alice, ITEMS).await;
    assert_eq!((other.status, other.header("ratelimit")), (200, None));
    let metrics = reqwest::get(installation.folder.admin_url("/metrics")).await;
    let metrics = metrics.unwrap().text().await.unwrap();
    assert!(metrics.contains("bff_rate_limited_total{limit=\"reports\"} 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_routes_limit_is_everybodys_and_each_limit_of_a_request_is_told() {
    let installation = start(
        "  all: {per: route, rate: 1/h, burst: 2, routes: [open]}\n  \
         each: {per: address, rate: 1/h, burst: 9}\n  \
         user: {per: session, rate: 1/h, burst: 1}\n",
    )
    .await;
    for left in [1, 0] {
        let page = get_by_way_of(&installation, "/open/echo", "198.51.100.1").await;
        assert_eq!(page.status, 200);
        let policy = page.header("ratelimit-policy").unwrap();
        assert_eq!(policy, "\"all\";q=2;w=7200, \"each\";q=9;w=32400");
        let state = page.header("ratelimit").unwrap();
        assert!(state.contains(&format!("\"all\";r={left};")), "{state}");
    }
    assert!(is_refused(
        &get_by_way_of(&installation, "/open/echo", "198.51.100.1").await
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_count_together_in_redis_and_each_for_itself_while_it_is_away() {
    let mut redis = RedisServer::start();
    let limits = "  api: {per: address, rate: 1/h, burst: 2, routes: [open], shared: true}\n";
    let installation = Installation::start_with(|folder| {
        limit(folder, limits);
        folder.use_redis(&redis.url());
    })
    .await;
    let mut folder = ConfigurationFolder::demo(
        installation.provider.issuer(),
        &installation.analytics.url(),
        &installation.crud.url(),
    );
    limit(&folder, limits);
    folder.use_redis(&redis.url());
    let _replica = GatewayProcess::start(&mut folder).await;
    let browser = BrowserSession::new().unwrap();
    let ask = async |gateway: &str| {
        let request = BrowserRequest::get(format!("{gateway}/open/echo"));
        browser.fetch(request).await.unwrap()
    };
    let (one, other) = (
        installation.folder.public_url().to_owned(),
        folder.public_url().to_owned(),
    );
    for gateway in [&one, &other] {
        assert!(!is_refused(&ask(gateway).await));
    }
    for gateway in [&one, &other] {
        assert!(is_refused(&ask(gateway).await));
    }
    assert!(
        !redis.dump().contains("127.0.0.1"),
        "Redis knows no addresses"
    );
    redis.stop();
    for gateway in [&one, &other] {
        for refused in [false, false, true] {
            assert_eq!(is_refused(&ask(gateway).await), refused);
        }
    }
    let metrics = reqwest::get(installation.folder.admin_url("/metrics")).await;
    let metrics = metrics.unwrap().text().await.unwrap();
    assert!(metrics.contains("bff_rate_limit_fallbacks_total{limit=\"api\"} 3"));
}
