//! Nothing secret leaves: every answer to the browser and every log line of a whole run is searched.

use std::sync::Mutex;

use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::{BrowserRequest, Page};

use crate::support::{ITEMS, Installation, RedisServer, WORKFLOWS};

/// Everything that the browser was told by the gateway.
#[derive(Default)]
struct Told(Mutex<String>);

impl Told {
    fn note(&self, page: &Page) {
        let mut told = self.0.lock().unwrap();
        for (name, value) in &page.headers {
            told.push_str(&format!(
                "{name}: {}\n",
                String::from_utf8_lossy(value.as_bytes())
            ));
        }
        told.push_str(&page.text());
        told.push('\n');
    }
}

/// Walks a login step by step, noting what the gateway says and which codes go by.
async fn log_in(installation: &Installation, browser: &BrowserSession, told: &Told) -> String {
    let start = browser
        .open(&installation.url("/auth/login?return_to=/"))
        .await
        .unwrap();
    told.note(&start);
    let form = browser
        .navigate(start.header("location").unwrap())
        .await
        .unwrap();
    // Submitting the form would follow the redirect; the code is read off the provider's answer.
    let page = browser
        .submit(&form, &[("username", "alice"), ("password", "wonderland")])
        .await
        .unwrap();
    told.note(&page);
    installation.session_cookie(browser).unwrap()
}

async fn visit(installation: &Installation, browser: &BrowserSession, told: &Told) {
    for path in [
        WORKFLOWS,
        ITEMS,
        "/auth/session",
        "/api/auth/session",
        "/auth/token",
        "/nowhere",
        "/api/v1/crud/echo?q=CANARY-QUERY",
        "/auth/callback?code=CANARY-CODE&state=CANARY-STATE",
    ] {
        told.note(&installation.get(browser, path).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_and_no_log_line_of_a_whole_run_holds_a_secret() {
    let redis = RedisServer::start();
    let installation = Installation::start_with(|folder| {
        folder.use_redis(&redis.url());
        folder.set_variable("LOG_LEVEL", "trace");
    })
    .await;
    let told = Told::default();
    let browser = BrowserSession::new().unwrap();
    let session_id = log_in(&installation, &browser, &told).await;
    visit(&installation, &browser, &told).await;
    let stored = redis.dump();
    let logout = BrowserRequest::post(installation.url("/auth/logout"));
    let logout = installation.send(&browser, logout).await;
    assert_eq!(logout.status, 200);
    installation.gateway.logs("logout everywhere=false").await;
    // The one exception: the ID token as `id_token_hint` in a URL of the issuer.
    assert_eq!(installation.provider.secrets_in(&logout.text()), ["a JWT"]);
    let (told, log) = (told.0.into_inner().unwrap(), installation.gateway.log());
    for (place, text) in [("an answer", &told), ("the log", &log), ("Redis", &stored)] {
        assert_eq!(
            installation.provider.secrets_in(text),
            [""; 0],
            "in {place}"
        );
    }
    for (place, text) in [("the log", &log), ("Redis", &stored)] {
        assert!(!text.contains(&session_id), "the session id is in {place}");
    }
    for canary in [
        "CANARY-CODE",
        "CANARY-STATE",
        "CANARY-QUERY",
        "wonderland",
        "dev-secret-change-me",
    ] {
        assert!(!log.contains(canary), "{canary} is in the log");
    }
}
