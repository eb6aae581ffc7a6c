//! The provider: its metadata, its keys, its endpoints. All calls run on the runtime that the
//! crate was given, never on a thread that serves requests.
//!
//! | module | owns |
//! |---|---|
//! | [`http_client`] | HTTP, bounded in time and size |
//! | [`breaker`] | the breaker of an endpoint |
//! | [`discovery`] | metadata documents |
//! | [`keys`] | key sets |
//! | [`document`] | a document that is fetched again and kept while it cannot be |
//! | [`client_authentication`] | how the gateway proves who it is |
//! | [`endpoints`] | the token and revocation endpoints |
//! | [`issuers`] | the login's provider and other authorization servers |
//! | [`introspection`] | asking about a token that is opaque |

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::token::ServiceToken;
use tokenbridge_bridge::{Secret, UnixTime};
use tokenbridge_config::issuer::ClientAuthentication;
use tokenbridge_session_store::Clock;

use crate::health::HealthTracker;
use crate::settings::{HttpTimeouts, StartProblem};
use crate::telemetry::{Endpoint, Telemetry};
use crate::tokens::response::TokenResponse;
use crate::tokens::{ReadProblem, access_token, id_token};

pub(crate) mod breaker;
pub(crate) mod client_authentication;
pub(crate) mod discovery;
pub(crate) mod document;
pub(crate) mod endpoints;
pub(crate) mod http_client;
pub(crate) mod introspection;
pub(crate) mod issuers;
pub(crate) mod keys;

use client_authentication::Client;
use discovery::{Location, Metadata};
use document::Document;
use endpoints::Breakers;
use http_client::{CallFailure, HttpAnswer, HttpClient};
use keys::Keys;

/// A document that failed is not asked for again before this time.
const METADATA_PAUSE: Duration = Duration::from_millis(250);
/// Keys are asked for again at most this often, whatever key ids tokens name. Tokens come from the
/// provider alone, so this is for a provider that names keys which it does not publish.
const KEYS_PAUSE: Duration = Duration::from_secs(1);

/// Where a provider is, and how the gateway is known there.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) identifier: &'a str,
    pub(crate) url: &'a url::Url,
    /// Whether users log in there: then it is an OpenID provider.
    pub(crate) login: bool,
    pub(crate) client_id: &'a str,
    pub(crate) client_authentication: &'a ClientAuthentication,
}

/// One provider, as one client knows it.
pub(crate) struct Provider {
    issuer: String,
    locations: Vec<Location>,
    http: HttpClient,
    client: Client,
    clock: Arc<dyn Clock>,
    telemetry: Arc<dyn Telemetry>,
    health: HealthTracker,
    metadata: Document<Metadata>,
    keys: Document<Keys>,
    breakers: Breakers,
}

impl Provider {
    /// Does no I/O.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub(crate) fn new(
        site: Site<'_>,
        timeouts: HttpTimeouts,
        clock: Arc<dyn Clock>,
        telemetry: Arc<dyn Telemetry>,
    ) -> Result<Self, StartProblem> {
        let unusable = || StartProblem::Issuer(site.identifier.to_owned());
        // Whether plain http may be is the configuration's to say.
        let plain_only = site.url.scheme() == "http";
        Ok(Self {
            issuer: site.identifier.to_owned(),
            locations: discovery::locations(site.url, site.login).ok_or_else(unusable)?,
            http: HttpClient::new(timeouts, plain_only).map_err(StartProblem::Tls)?,
            client: Client::new(site.client_id, site.client_authentication)
                .map_err(StartProblem::ClientKey)?,
            health: HealthTracker::new(clock.now()),
            clock,
            telemetry,
            metadata: Document::new(METADATA_PAUSE),
            keys: Document::new(KEYS_PAUSE),
            breakers: Breakers::default(),
        })
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn client_id(&self) -> &str {
        self.client.id()
    }

    pub(crate) fn health(&self) -> &HealthTracker {
        &self.health
    }

    /// The metadata if it is known, without any I/O.
    pub(crate) fn known_metadata(&self) -> Option<Arc<Metadata>> {
        self.metadata.current()
    }

    /// The metadata; fetched when it is not known yet.
    ///
    /// # Errors
    /// Why it is not to be had.
    pub(crate) async fn metadata(&self) -> Result<Arc<Metadata>, String> {
        match self.metadata.current() {
            Some(metadata) => Ok(metadata),
            None => self.refetch_metadata().await,
        }
    }

    /// Fetches the metadata anew; what was known before stays while that fails.
    ///
    /// # Errors
    /// Why it is not to be had.
    pub(crate) async fn refetch_metadata(&self) -> Result<Arc<Metadata>, String> {
        let fetch = self.find_metadata();
        let first = self.metadata.current().is_none();
        let fetched = self.metadata.fetch(&*self.clock, fetch).await;
        match &fetched {
            Ok(metadata) if first && metadata.lacks_s256() => {
                tracing::warn!(target: "tokenbridge", "the provider's metadata does not list PKCE with S256 (code_challenge_methods_supported); it is sent all the same");
            }
            Ok(_) => {}
            Err(why) => self.health.note_down(self.clock.now(), why),
        }
        fetched
    }

    /// Looks at each place where the metadata may be, as long as the issuer answers.
    async fn find_metadata(&self) -> Result<Metadata, String> {
        let mut problem = None;
        for location in &self.locations {
            let answer = self.get(Endpoint::Discovery, &location.url).await?;
            let read = match answer.status {
                200 => location.read(&answer.body, &self.issuer),
                status => Err(unexpected(Endpoint::Discovery, status)),
            };
            match read {
                Ok(metadata) => return Ok(metadata),
                Err(why) if answer.status >= 500 => return Err(why),
                // A server that has nothing at the first place may show a page there.
                Err(why) => problem = problem.or(Some(why)),
            }
        }
        Err(problem.unwrap_or_default())
    }

    /// Fetches the keys anew, at most once in [`KEYS_PAUSE`].
    ///
    /// # Errors
    /// Why they are not to be had.
    pub(crate) async fn refetch_keys(&self) -> Result<Arc<Keys>, String> {
        let fetch = async {
            let metadata = self.metadata().await?;
            let keys = metadata.keys.as_ref();
            let url = keys.ok_or("the issuer's metadata has no jwks_uri")?;
            Keys::read(&self.fetch(Endpoint::Keys, url).await?)
        };
        self.keys.fetch(&*self.clock, fetch).await
    }

    async fn keys(&self) -> Result<Arc<Keys>, String> {
        match self.keys.current() {
            Some(keys) => Ok(keys),
            None => self.refetch_keys().await,
        }
    }

    async fn fetch(&self, endpoint: Endpoint, url: &url::Url) -> Result<bytes::Bytes, String> {
        let answer = self.get(endpoint, url).await?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(unexpected(endpoint, status)),
        }
    }

    async fn get(&self, endpoint: Endpoint, url: &url::Url) -> Result<HttpAnswer, String> {
        let answer = self.http.get(url).await;
        self.note(endpoint, &answer);
        answer.map_err(|failure| format!("{}: {}", endpoint.as_str(), failure.as_str()))
    }

    /// Counts a call, and learns from it whether the provider is there.
    fn note(&self, endpoint: Endpoint, answer: &Result<HttpAnswer, CallFailure>) {
        let now = self.clock.now();
        match answer {
            Ok(answer) => {
                self.telemetry
                    .provider_called(endpoint, &answer.status.to_string());
                match answer.status < 500 {
                    true => self.health.note_up(now),
                    false => {
                        let why = unexpected(endpoint, answer.status);
                        self.health.note_down(now, &why);
                    }
                }
            }
            Err(failure) => {
                self.telemetry.provider_called(endpoint, failure.as_str());
                let why = format!("{}: {}", endpoint.as_str(), failure.as_str());
                self.health.note_down(now, &why);
            }
        }
    }

    /// Verifies an access token, with new keys if those at hand do not fit.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) async fn verify_access_token(
        &self,
        response: &TokenResponse,
    ) -> Result<ServiceToken, ReadProblem> {
        let token = introspection::usable(response)?;
        let verify = |keys: &Keys| {
            let expected = access_token::Expected {
                issuer: &self.issuer,
                keys,
                now: self.clock.now(),
                expires_in: response.expires_in,
            };
            access_token::verify(token, expected)
        };
        let keys = self.keys().await.map_err(ReadProblem::NoKeys)?;
        let verified = match verify(&keys) {
            Err(access_token::TokenProblem::Key(_)) => {
                verify(&*self.refetch_keys().await.map_err(ReadProblem::NoKeys)?)
            }
            verified => verified,
        };
        verified.map_err(|problem| ReadProblem::Invalid(problem.to_string()))
    }

    /// Verifies the ID token of a login, with new keys if those at hand do not fit.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) async fn verify_id_token(
        &self,
        token: &Secret,
        nonce: &Secret,
        access_token: Option<&Secret>,
    ) -> Result<id_token::Identified, ReadProblem> {
        let verify = |keys: &Keys| {
            let expected = id_token::Expected {
                issuer: &self.issuer,
                client_id: self.client.id(),
                keys,
                now: self.clock.now(),
                nonce,
                access_token,
            };
            id_token::verify(token, expected)
        };
        let keys = self.keys().await.map_err(ReadProblem::NoKeys)?;
        let verified = match verify(&keys) {
            Err(id_token::IdTokenProblem::Key(_)) => {
                verify(&*self.refetch_keys().await.map_err(ReadProblem::NoKeys)?)
            }
            verified => verified,
        };
        verified.map_err(|problem| ReadProblem::Invalid(problem.to_string()))
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }
}

fn unexpected(endpoint: Endpoint, status: u16) -> String {
    format!("{}: status {status}", endpoint.as_str())
}
