//! A small browser for tests: cookies, redirects, forms, and the headers that tell a navigation
//! from a fetch. It runs no scripts.

mod cookies;
mod csrf;
mod error;
mod form;
mod page;
mod request;

use std::sync::Mutex;

use http::{HeaderMap, HeaderValue, Method, header};
use reqwest::Client;
use url::Url;

pub use error::BrowserError;
pub use page::Page;
pub use request::BrowserRequest;

use crate::http_client::http_client;
use crate::locked::locked;
use crate::server::StartError;
use cookies::CookieJar;
use request::{Journey, fetch_site};

/// Where browsers stop.
const MOST_REDIRECTS: usize = 20;
/// Login, consent, and one to spare.
const MOST_FORMS: usize = 3;

/// One browser with cookies of its own.
pub struct BrowserSession {
    client: Client,
    jar: Mutex<CookieJar>,
    may_go: fn(&Url) -> bool,
}

impl BrowserSession {
    /// A browser without cookies.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new() -> Result<Self, StartError> {
        Self::bound_to(|_| true)
    }

    /// A browser without cookies that asks before each request, also behind a redirect or a form,
    /// whether it may go there.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn bound_to(may_go: fn(&Url) -> bool) -> Result<Self, StartError> {
        Ok(Self {
            client: http_client()?,
            jar: Mutex::default(),
            may_go,
        })
    }

    /// Sends one request as a page's script would, and follows no redirect.
    ///
    /// # Errors
    /// The address is none or does not answer.
    pub async fn fetch(&self, request: BrowserRequest) -> Result<Page, BrowserError> {
        let url = parse(&request.url)?;
        let initiator = match &request.origin {
            Some(origin) => parse(origin)?,
            None => url.clone(),
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        set_fetch_headers(&mut headers, "cors", "empty");
        let site = fetch_site(Some(&initiator), std::slice::from_ref(&url));
        headers.insert("sec-fetch-site", HeaderValue::from_static(site));
        let safe = request.method == Method::GET || request.method == Method::HEAD;
        if !safe || site != "same-origin" {
            set_origin(&mut headers, &initiator);
        }
        for (name, value) in &request.headers {
            headers.append(name.clone(), value.clone());
        }
        self.send(request.method, &url, headers, request.body).await
    }

    /// Opens an address as if it was typed in, and follows redirects.
    ///
    /// # Errors
    /// An address is none or does not answer, or there are too many redirects.
    pub async fn navigate(&self, url: &str) -> Result<Page, BrowserError> {
        self.travel(Journey::typed(parse(url)?)).await
    }

    /// Follows a link on a page of another address, and redirects behind it.
    ///
    /// # Errors
    /// As [`BrowserSession::navigate`].
    pub async fn follow_link(&self, page: &str, url: &str) -> Result<Page, BrowserError> {
        self.travel(Journey::link(parse(page)?, parse(url)?)).await
    }

    /// Opens an address as if it was typed in, without following a redirect.
    ///
    /// # Errors
    /// The address is none or does not answer.
    pub async fn open(&self, url: &str) -> Result<Page, BrowserError> {
        self.step(&Journey::typed(parse(url)?)).await
    }

    /// Submits the page's form with these fields filled in, and follows redirects.
    ///
    /// # Errors
    /// There is no form, or as [`BrowserSession::navigate`].
    pub async fn submit(&self, page: &Page, fields: &[(&str, &str)]) -> Result<Page, BrowserError> {
        let form =
            form::first(&page.text()).ok_or_else(|| BrowserError::NoForm(page.url.clone()))?;
        let action = match form.action.as_str() {
            "" => page.url.clone(),
            action => page
                .url
                .join(action)
                .map_err(|_| BrowserError::Url(action.to_owned()))?,
        };
        let encoded = form.encode(fields);
        self.travel(Journey::form(
            &form.method,
            action,
            encoded,
            page.url.clone(),
        ))
        .await
    }

    /// Logs in at a gateway: `GET /auth/login`, the provider's forms, and back. The page at the
    /// end is what the browser shows, a refused login included.
    ///
    /// # Errors
    /// As [`BrowserSession::navigate`].
    pub async fn login(
        &self,
        gateway_url: &str,
        user: &str,
        password: &str,
    ) -> Result<Page, BrowserError> {
        let start = format!(
            "{}/auth/login?return_to=/",
            gateway_url.trim_end_matches('/')
        );
        let page = self.navigate(&start).await?;
        self.pass_forms(page, gateway_url, (user, password)).await
    }

    /// Fills in the provider's login form once and agrees to what else it asks, until the
    /// browser is back at the gateway or nothing is left to submit.
    ///
    /// # Errors
    /// As [`BrowserSession::navigate`].
    pub async fn pass_forms(
        &self,
        page: Page,
        gateway_url: &str,
        (user, password): (&str, &str),
    ) -> Result<Page, BrowserError> {
        let gateway = parse(gateway_url)?.origin();
        let mut page = page;
        let mut logged_in = false;
        for _ in 0..MOST_FORMS {
            let form = form::first(&page.text());
            let Some(form) = form.filter(|_| page.url.origin() != gateway) else {
                return Ok(page);
            };
            page = match form.login_fields() {
                Some(_) if logged_in => return Ok(page),
                Some((user_field, password_field)) => {
                    logged_in = true;
                    let fields = [(user_field, user), (password_field, password)];
                    self.submit(&page, &fields).await?
                }
                None => self.submit(&page, &[]).await?,
            };
        }
        Ok(page)
    }

    /// The value of a cookie that the browser would send to this address.
    pub fn cookie(&self, url: &str, name: &str) -> Option<String> {
        let url = Url::parse(url).ok()?;
        locked(&self.jar).value(&url, name)
    }

    /// All cookies that the browser would send to this address, as names and values.
    pub fn cookies(&self, url: &str) -> Vec<(String, String)> {
        let header = Url::parse(url)
            .ok()
            .and_then(|url| locked(&self.jar).header(&url));
        let header = header.unwrap_or_default();
        let pairs = header.split("; ").filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Plants a cookie, given as a `Set-Cookie` value from this address.
    ///
    /// # Errors
    /// The address is none.
    pub fn plant_cookie(&self, url: &str, set_cookie: &str) -> Result<(), BrowserError> {
        locked(&self.jar).store(&parse(url)?, set_cookie);
        Ok(())
    }

    /// Forgets every cookie.
    pub fn clear_cookies(&self) {
        *locked(&self.jar) = CookieJar::default();
    }

    async fn travel(&self, mut journey: Journey) -> Result<Page, BrowserError> {
        for _ in 0..=MOST_REDIRECTS {
            let page = self.step(&journey).await?;
            let location = page.header("location").map(|to| page.url.join(to));
            match location.filter(|_| (300..400).contains(&page.status)) {
                Some(Ok(next)) => journey.redirect(page.status, next),
                Some(Err(_)) | None => return Ok(page),
            }
        }
        Err(BrowserError::TooManyRedirects(journey.url().clone()))
    }

    async fn step(&self, journey: &Journey) -> Result<Page, BrowserError> {
        let mut headers = HeaderMap::new();
        let accepted = HeaderValue::from_static("text/html,application/xhtml+xml,*/*;q=0.8");
        headers.insert(header::ACCEPT, accepted);
        set_fetch_headers(&mut headers, "navigate", "document");
        let site = HeaderValue::from_static(journey.fetch_site());
        headers.insert("sec-fetch-site", site);
        if let (true, Some(initiator)) = (journey.method == Method::POST, &journey.initiator) {
            set_origin(&mut headers, initiator);
        }
        if journey.body.is_some() {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(header::CONTENT_TYPE, form);
        }
        let body = journey.body.clone().map(bytes::Bytes::from);
        self.send(journey.method.clone(), journey.url(), headers, body)
            .await
    }

    async fn send(
        &self,
        method: Method,
        url: &Url,
        mut headers: HeaderMap,
        body: Option<bytes::Bytes>,
    ) -> Result<Page, BrowserError> {
        if !(self.may_go)(url) {
            return Err(BrowserError::OutOfBounds(url.clone()));
        }
        let cookies = locked(&self.jar).header(url);
        if let Some(cookies) = cookies.and_then(|cookies| HeaderValue::try_from(cookies).ok()) {
            headers.insert(header::COOKIE, cookies);
        }
        let request = self.client.request(method, url.clone()).headers(headers);
        let request = match body {
            Some(body) => request.body(body),
            None => request,
        };
        let response = request.send().await?;
        let received = response.headers().clone();
        for value in received.get_all(header::SET_COOKIE) {
            if let Ok(value) = value.to_str() {
                locked(&self.jar).store(url, value);
            }
        }
        Ok(Page {
            url: url.clone(),
            status: response.status().as_u16(),
            headers: received,
            body: response.bytes().await?,
        })
    }
}

fn parse(url: &str) -> Result<Url, BrowserError> {
    Url::parse(url).map_err(|_| BrowserError::Url(url.to_owned()))
}

fn set_fetch_headers(headers: &mut HeaderMap, mode: &'static str, destination: &'static str) {
    headers.insert("sec-fetch-mode", HeaderValue::from_static(mode));
    headers.insert("sec-fetch-dest", HeaderValue::from_static(destination));
    if mode == "navigate" {
        headers.insert("sec-fetch-user", HeaderValue::from_static("?1"));
    }
}

fn set_origin(headers: &mut HeaderMap, initiator: &Url) {
    if let Ok(origin) = HeaderValue::try_from(initiator.origin().ascii_serialization()) {
        headers.insert(header::ORIGIN, origin);
    }
}
