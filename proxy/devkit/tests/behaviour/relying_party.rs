//! A client of the provider with a browser, as a gateway would be one.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderValue, header};
use serde_json::{Map, Value};
use tokenbridge_devkit::browser::{BrowserRequest, Page};
use tokenbridge_devkit::{
    BrowserSession, DevelopmentProvider, IdpConfiguration, MovableClock, ProviderOptions,
};
use url::Url;

pub(crate) const ANALYTICS: &str = "https://analytics.example";
pub(crate) const CRUD: &str = "https://crud.example";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const SCOPES: &str = "openid profile email offline_access application.all";
pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A provider, a clock that drives it, and a browser with which somebody logs in.
pub(crate) struct RelyingParty {
    pub(crate) provider: DevelopmentProvider,
    pub(crate) clock: MovableClock,
    pub(crate) browser: BrowserSession,
}

impl RelyingParty {
    /// The demo's configuration.
    pub(crate) async fn start() -> Self {
        Self::with(IdpConfiguration::demo().unwrap()).await
    }

    pub(crate) async fn with(configuration: IdpConfiguration) -> Self {
        let clock = MovableClock::default();
        let provider = DevelopmentProvider::start(ProviderOptions {
            clock: clock.clock(),
            ..ProviderOptions::new(configuration)
        })
        .await
        .unwrap();
        Self {
            provider,
            clock,
            browser: BrowserSession::new().unwrap(),
        }
    }

    /// The demo's configuration with other texts in the two files.
    pub(crate) async fn with_files(settings: &str, clients: &str) -> Self {
        Self::with(IdpConfiguration::parse(settings, clients).unwrap()).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.provider.issuer())
    }

    /// The provider's front page takes the authorization response, so that it can be looked at.
    pub(crate) fn redirect_uri(&self) -> String {
        self.url("/")
    }

    /// The address of an authorization request; `changes` replaces, adds, or with an empty value
    /// removes parameters.
    pub(crate) fn authorization_url(&self, changes: &[(&str, &str)]) -> String {
        let redirect_uri = self.redirect_uri();
        let standard = [
            ("response_type", "code"),
            ("client_id", "bff-server"),
            ("redirect_uri", redirect_uri.as_str()),
            ("scope", SCOPES),
            ("state", "the-state"),
            ("nonce", "the-nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let kept = standard
            .into_iter()
            .filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let added = changes
            .iter()
            .copied()
            .filter(|(_, value)| !value.is_empty());
        let mut url = Url::parse(&self.url("/authorize")).unwrap();
        url.query_pairs_mut().extend_pairs(kept.chain(added));
        url.into()
    }

    /// Opens an authorization request and passes whatever forms come.
    pub(crate) async fn authorize(&self, changes: &[(&str, &str)]) -> Page {
        let start = self.authorization_url(changes);
        let page = self.browser.navigate(&start).await.unwrap();
        let person = ("alice", "wonderland");
        let elsewhere = "http://localhost:1";
        if page.url.path() == "/" {
            return page;
        }
        self.browser
            .pass_forms(page, elsewhere, person)
            .await
            .unwrap()
    }

    /// A code from a login as alice.
    pub(crate) async fn code(&self, changes: &[(&str, &str)]) -> String {
        let page = self.authorize(changes).await;
        query(&page, "code").expect("a code")
    }

    /// Sends a token request as `bff-server`.
    pub(crate) async fn token(&self, parameters: &[(&str, &str)]) -> Page {
        self.post("/token", parameters).await
    }

    /// Sends a form as `bff-server`, authenticated by HTTP Basic.
    pub(crate) async fn post(&self, path: &str, parameters: &[(&str, &str)]) -> Page {
        let credentials = STANDARD.encode("bff-server:dev-secret-change-me");
        let request = self.form(path, parameters).header(
            header::AUTHORIZATION,
            HeaderValue::try_from(format!("Basic {credentials}")).unwrap(),
        );
        self.browser.fetch(request).await.unwrap()
    }

    /// A form without client authentication.
    pub(crate) fn form(&self, path: &str, parameters: &[(&str, &str)]) -> BrowserRequest {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(parameters);
        BrowserRequest::post(self.url(path))
            .header(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            )
            .body(body.finish())
    }

    pub(crate) async fn redeem(&self, code: &str, more: &[(&str, &str)]) -> Page {
        let redirect_uri = self.redirect_uri();
        let mut parameters = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri.as_str()),
            ("code_verifier", VERIFIER),
        ];
        parameters.extend(more);
        self.token(&parameters).await
    }

    /// The tokens of a login as alice.
    pub(crate) async fn login(&self) -> Map<String, Value> {
        let code = self.code(&[]).await;
        success(&self.redeem(&code, &[]).await)
    }

    pub(crate) async fn refresh(&self, refresh_token: &str, more: &[(&str, &str)]) -> Page {
        let mut parameters = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        parameters.extend(more);
        self.token(&parameters).await
    }

    pub(crate) async fn exchange(&self, subject_token: &str, more: &[(&str, &str)]) -> Page {
        let mut parameters = vec![
            ("grant_type", EXCHANGE),
            ("subject_token", subject_token),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        parameters.extend(more);
        self.token(&parameters).await
    }

    pub(crate) async fn is_active(&self, token: &str) -> bool {
        let page = self.post("/introspect", &[("token", token)]).await;
        page.json::<Value>().unwrap()["active"].as_bool().unwrap()
    }
}

/// The body of a successful token response.
pub(crate) fn success(page: &Page) -> Map<String, Value> {
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(page.header("cache-control"), Some("no-store"));
    page.json().unwrap()
}

/// The error code of a refused request.
pub(crate) fn error(page: &Page) -> (u16, String) {
    let body: Value = page.json().unwrap();
    (page.status, body["error"].as_str().unwrap().to_owned())
}

pub(crate) fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

pub(crate) fn text<'a>(tokens: &'a Map<String, Value>, name: &str) -> &'a str {
    tokens
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("there is no {name}"))
}

/// A parameter of the address that a page came from.
pub(crate) fn query(page: &Page, name: &str) -> Option<String> {
    let mut pairs = page.url.query_pairs();
    pairs
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

/// The claims of a JWT, unverified.
pub(crate) fn claims(token: &str) -> Map<String, Value> {
    part(token, 1)
}

/// The header of a JWT.
pub(crate) fn jose_header(token: &str) -> Map<String, Value> {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Map<String, Value> {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// `aud` of an access token in a response.
pub(crate) fn audience(tokens: &Map<String, Value>) -> Value {
    claims(text(tokens, "access_token"))["aud"].clone()
}
