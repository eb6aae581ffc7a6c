//! Pages of other origins: an exact list may call with the session, nobody else.

use http::{HeaderName, HeaderValue, Method};
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::{BrowserRequest, Page};

use crate::support::{ITEMS, Installation, status_and_code};

const LISTED: &str = "http://admin.localhost:3000";
const UNKNOWN: &str = "http://other.localhost:3000";

async fn start() -> Installation {
    start_with("").await
}

async fn start_with(settings: &str) -> Installation {
    Installation::start_with(|folder| {
        let cors =
            format!("\ncors: {{allowed_origins: [\"{LISTED}\"], exposed_headers: [X-Total]}}\n");
        folder.edit("settings.yaml", |text| text + &cors + settings);
        let open = "\n  - id: open\n    path: /open/*\n    target_service: crud_service\n    \
                    upstream_path: /api/v1/crud/public/{path}\n    auth: none\n    \
                    dangerously_without_session: true\n  \
                    - id: narrow\n    path: /narrow\n    target_service: crud_service\n    \
                    upstream_path: /api/v1/crud/items\n    methods: [GET]\n";
        folder.edit("routes.yaml", |text| text + open);
    })
    .await
}

fn allow_fields(page: &Page) -> Vec<(String, String)> {
    let fields = page
        .headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("access-control-"))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let mut fields: Vec<_> = fields.collect();
    fields.sort();
    fields
}

async fn preflight(installation: &Installation, path: &str, origin: &str, method: &str) -> Page {
    let request = BrowserRequest::new(Method::OPTIONS, installation.url(path))
        .from_origin(origin)
        .header(
            HeaderName::from_static("access-control-request-method"),
            HeaderValue::from_str(method).unwrap(),
        )
        .header(
            HeaderName::from_static("access-control-request-headers"),
            HeaderValue::from_static("content-type,x-csrf-token"),
        );
    BrowserSession::new().unwrap().fetch(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_of_a_listed_origin_is_answered_here_and_reaches_no_upstream() {
    let installation = start().await;
    for (path, method) in [
        (ITEMS, "POST"),
        (ITEMS, "DELETE"),
        ("/auth/logout", "POST"),
        ("/auth/session", "GET"),
    ] {
        let page = preflight(&installation, path, LISTED, method).await;
        assert_eq!(page.status, 200, "{path} {}", page.text());
        let allowed = [
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-headers", "content-type, x-csrf-token"),
            ("access-control-allow-methods", method),
            ("access-control-allow-origin", LISTED),
            ("access-control-max-age", "600"),
        ];
        let allowed = allowed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(allow_fields(&page), allowed);
        assert!(
            page.header("vary")
                .is_some_and(|vary| vary.contains("Origin"))
        );
    }
    assert_eq!(installation.crud.counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_of_an_unknown_origin_gets_nothing_that_allows() {
    let installation = start().await;
    for origin in [
        UNKNOWN,
        "http://admin.localhost:3001",
        "http://localhost.evil.example",
    ] {
        for path in [ITEMS, "/auth/logout"] {
            let page = preflight(&installation, path, origin, "POST").await;
            assert_eq!(status_and_code(&page), (403, "CROSS_SITE_REQUEST".into()));
            assert_eq!(allow_fields(&page), []);
        }
    }
    let unknown_method = preflight(&installation, "/auth/logout", LISTED, "DELETE").await;
    assert_eq!(
        (unknown_method.status, allow_fields(&unknown_method)),
        (405, vec![])
    );
    assert_eq!(installation.crud.counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_of_a_route_without_a_session_is_the_upstreams_own_business() {
    let installation = start().await;
    let page = preflight(&installation, "/open/echo", UNKNOWN, "POST").await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(installation.crud.counters().requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_origin_may_read_answers_and_refusals_and_an_unknown_one_neither() {
    let installation = start().await;
    let browser = installation.logged_in("alice").await;
    let call = |method: Method, path: &str, origin: &str| {
        browser.fetch(BrowserRequest::new(method, installation.url(path)).from_origin(origin))
    };
    for (method, path, status) in [
        (Method::GET, ITEMS, 200),
        (Method::GET, "/auth/session", 200),
        (Method::GET, "/auth/csrf", 200),
        (Method::POST, ITEMS, 403),
        (Method::GET, "/api/v1/crud/status/404", 404),
    ] {
        let page = call(method, path, LISTED).await.unwrap();
        assert_eq!(page.status, status, "{path} {}", page.text());
        assert_eq!(page.header("access-control-allow-origin"), Some(LISTED));
        assert_eq!(
            page.header("access-control-allow-credentials"),
            Some("true")
        );
        let exposed = page.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("X-Request-ID") && exposed.contains("x-total"));
    }
    let page = call(Method::GET, ITEMS, UNKNOWN).await.unwrap();
    assert_eq!((page.status, allow_fields(&page)), (403, vec![]));
    let own = installation.get(&browser, ITEMS).await;
    assert_eq!(allow_fields(&own), [], "a page of ours needs none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_origin_may_read_what_is_refused_for_its_size_or_method() {
    let installation = start_with("limits: {max_body: 10}").await;
    let browser = installation.logged_in("alice").await;
    for (origin, reader) in [(LISTED, Some(LISTED)), (UNKNOWN, None)] {
        let unknown = Method::from_bytes(b"PROPFIND").unwrap();
        for (method, path, status) in [
            (Method::POST, ITEMS, 413),
            (Method::POST, "/narrow", 405),
            (unknown.clone(), ITEMS, 405),
            (unknown, "/narrow", 405),
        ] {
            let mut request = BrowserRequest::new(method, installation.url(path));
            request = request.from_origin(origin).body("more than ten bytes");
            let page = browser.fetch(request).await.unwrap();
            assert_eq!(page.status, status, "{path} {}", page.text());
            let allowed = page.header("access-control-allow-origin");
            assert_eq!(allowed, reader, "{path}");
        }
    }
    assert_eq!(installation.crud.counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_for_a_method_that_is_never_forwarded_allows_none() {
    let installation = start().await;
    for method in ["TRACE", "CONNECT", "PROPFIND"] {
        let page = preflight(&installation, ITEMS, LISTED, method).await;
        assert_ne!(page.status, 200, "{method} {}", page.text());
        assert_eq!(page.header("access-control-allow-methods"), None);
    }
    assert_eq!(installation.crud.counters().requests, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_depends_on_the_origin_says_so_also_where_none_was_sent() {
    let installation = start().await;
    let browser = installation.logged_in("alice").await;
    for path in ["/auth/session", "/auth/csrf"] {
        let page = installation.get(&browser, path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("vary"), Some("Cookie, Origin"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_origin_may_listen_to_the_sessions_events() {
    let installation = start().await;
    let browser = installation.logged_in("alice").await;
    let cookie = installation.session_cookie(&browser).unwrap();
    let listen = async |origin: &str| {
        let request = reqwest::Client::new().get(installation.url("/auth/events"));
        let request = request.header("cookie", format!("bff_session={cookie}"));
        request.header("origin", origin).send().await.unwrap()
    };
    let answer = listen(LISTED).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], LISTED);
    assert_eq!(listen(UNKNOWN).await.status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_cannot_open_a_session_route_to_other_origins() {
    let installation = start().await;
    let browser = installation.logged_in("alice").await;
    let path = "/api/v1/crud/headers?access-control-allow-origin=*&vary=Accept-Language\
                &access-control-allow-credentials=true&access-control-expose-headers=*";
    let page = installation.get(&browser, path).await;
    assert_eq!((page.status, allow_fields(&page)), (200, vec![]));
    let vary: Vec<_> = page.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["Accept-Language", "Cookie, Origin, Sec-Fetch-Site"]);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let request = BrowserRequest::get(installation.url(path)).from_origin(LISTED);
    let page = browser.fetch(request).await.unwrap();
    let origins: Vec<_> = page
        .headers
        .get_all("access-control-allow-origin")
        .iter()
        .collect();
    assert_eq!(origins, [LISTED]);
}
