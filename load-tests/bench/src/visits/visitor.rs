//! One user with a session.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::{BrowserError, BrowserRequest, Page};
use tokio::time::Instant;

use super::tally::Tally;
use super::target;
use crate::Outcome;
use crate::stage::USERS;

const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
/// How often a login that came too soon is tried again, a second apart.
const PATIENCE: usize = 60;

/// One user with a session, in a browser of its own.
pub struct Visitor {
    browser: BrowserSession,
    target: String,
    csrf: HeaderValue,
}

impl Visitor {
    /// Logs one of the demo's users in by the provider's own form. The gateway limits how many
    /// logins an address may have; whoever comes too soon comes again.
    ///
    /// # Errors
    /// There is no session in the end.
    pub async fn log_in(origin: &str, number: usize) -> Outcome<Self> {
        let (user, password) = USERS.get(number % USERS.len()).copied().unwrap_or_default();
        for _ in 0..PATIENCE {
            let browser = target::browser(target::remote())?;
            let page = browser.login(origin, user, password).await?;
            if page.status == 429 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            let token = browser.csrf_token(origin).await?;
            let token = token.ok_or_else(|| {
                format!(
                    "the login as {user} gave no session; it ended with {}",
                    page.status
                )
            })?;
            return Ok(Self {
                browser,
                target: origin.to_owned(),
                csrf: HeaderValue::try_from(token)?,
            });
        }
        Err(format!("{origin} refuses logins as too many").into())
    }

    /// Reads; the request was due at `due`.
    pub async fn read(&self, due: Instant, tally: &Tally) {
        let answer = self.ask_to_read().await;
        tally.answered("read", due.elapsed(), right(answer, 200));
    }

    /// Writes; the request was due at `due`.
    pub async fn write(&self, due: Instant, tally: &Tally) {
        let answer = self.ask_to_write().await;
        tally.answered("write", due.elapsed(), right(answer, 200));
    }

    async fn ask_to_read(&self) -> Result<Page, BrowserError> {
        let url = format!("{}/api/v1/crud/items/1", self.target);
        self.browser.fetch(BrowserRequest::get(url)).await
    }

    /// The demo's list of items is bounded, its echo is not.
    async fn ask_to_write(&self) -> Result<Page, BrowserError> {
        let request = BrowserRequest::post(format!("{}/api/v1/crud/echo", self.target))
            .json(&serde_json::json!({"name": "tea"}))
            .header(CSRF_HEADER, self.csrf.clone());
        self.browser.fetch(request).await
    }

    async fn log_out(&self) -> Result<Page, BrowserError> {
        let request = BrowserRequest::post(format!("{}/auth/logout", self.target))
            .header(CSRF_HEADER, self.csrf.clone());
        self.browser.fetch(request).await
    }
}

/// A user logs in, reads, writes and logs out; afterwards the session is worth nothing.
pub async fn journey(target: &str, number: usize, due: Instant, tally: &Tally) {
    let visitor = Visitor::log_in(target, number).await;
    let told = visitor.as_ref().map(|_| ()).map_err(ToString::to_string);
    tally.answered("login", due.elapsed(), told);
    let Ok(visitor) = visitor else { return };
    visitor.read(Instant::now(), tally).await;
    visitor.write(Instant::now(), tally).await;
    let cookie = visitor.browser.cookies(&visitor.target);
    let begun = Instant::now();
    let answer = visitor.log_out().await;
    tally.answered("logout", begun.elapsed(), right(answer, 200));
    // The browser has forgotten the cookie; whoever had copied it must not get in either.
    for (name, value) in cookie {
        let planted = format!("{name}={value}; Path=/");
        if let Err(error) = visitor.browser.plant_cookie(&visitor.target, &planted) {
            tally.answered(
                "read after the logout",
                Duration::ZERO,
                Err(error.to_string()),
            );
        }
    }
    let begun = Instant::now();
    let answer = visitor.ask_to_read().await;
    tally.answered("read after the logout", begun.elapsed(), right(answer, 401));
}

fn right(answer: Result<Page, BrowserError>, status: u16) -> Result<(), String> {
    match answer {
        Ok(page) if page.status == status => Ok(()),
        Ok(page) => Err(format!("answered {}, not {status}", page.status)),
        Err(error) => Err(error.to_string()),
    }
}
