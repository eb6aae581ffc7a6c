//! Starting the provider, and the handle that tests and the program hold.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use url::Url;

use super::counters::Counters;
use super::fault::FaultRule;
use super::keys::{KeyRing, SigningKey};
use super::mode::Mode;
use super::router;
use super::state::{Parts, Provider};
use super::token_log::TokenRequestRecord;
use crate::clock::Clock;
use crate::configuration::IdpConfiguration;
use crate::server::{Bound, Server, StartError};

/// How a provider is started.
#[derive(Clone, Debug)]
pub struct ProviderOptions {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// `http://localhost:PORT` when absent.
    pub issuer: Option<String>,
    /// The gateway's origin, which clients without `redirect_uris` may redirect to besides
    /// loopback addresses.
    pub public_url: Option<String>,
    /// Users, clients, audiences, lifetimes, modes and faults.
    pub configuration: IdpConfiguration,
    /// Where the time comes from.
    pub clock: Clock,
    /// How many token requests are remembered.
    pub token_log_length: usize,
}

impl ProviderOptions {
    /// A free port, the machine's clock and this configuration.
    pub fn new(configuration: IdpConfiguration) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            issuer: None,
            public_url: None,
            configuration,
            clock: Clock::system(),
            token_log_length: 1_000,
        }
    }

    /// The demo's configuration on a free port.
    ///
    /// # Errors
    /// None while `conf/idp` is valid.
    pub fn demo() -> Result<Self, StartError> {
        Ok(Self::new(IdpConfiguration::demo()?))
    }
}

/// A running provider. Dropping it closes its port and every connection.
pub struct DevelopmentProvider {
    provider: Arc<Provider>,
    server: Server,
}

impl DevelopmentProvider {
    /// Makes a key, binds and serves.
    ///
    /// # Errors
    /// The address is taken or not loopback, or a URL is not one.
    pub async fn start(options: ProviderOptions) -> Result<Self, StartError> {
        let issuer = options.issuer.as_deref().map(check_issuer).transpose()?;
        let public_url = options
            .public_url
            .as_deref()
            .map(|value| url_of("public URL", value));
        let public_url = public_url.transpose()?;
        let keys = tokio::task::spawn_blocking(KeyRing::generate)
            .await
            .map_err(|_| StartError::Machine("an RSA key could not be made"))??;
        let bound = Bound::bind(options.listen).await?;
        let port = bound.address().port();
        let provider = Arc::new(Provider::new(Parts {
            issuer: issuer.unwrap_or_else(|| format!("http://localhost:{port}")),
            public_url,
            configuration: options.configuration,
            clock: options.clock,
            keys,
            token_log_length: options.token_log_length,
        }));
        let server = bound.serve(router(Arc::clone(&provider)));
        Ok(Self { provider, server })
    }

    /// The issuer, also the base of every endpoint's URL.
    pub fn issuer(&self) -> &str {
        &self.provider.issuer
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The configuration that it runs with.
    pub fn configuration(&self) -> &IdpConfiguration {
        &self.provider.configuration
    }

    /// What was seen so far.
    pub fn counters(&self) -> Counters {
        self.provider.count().clone()
    }

    /// The last token requests, the newest last.
    pub fn token_requests(&self) -> Vec<TokenRequestRecord> {
        self.provider.token_requests()
    }

    /// What a text holds of codes, tokens and refresh tokens that were given out: the kinds, never
    /// the values.
    pub fn secrets_in(&self, text: &str) -> Vec<&'static str> {
        self.provider.ledger().find_in(text)
    }

    /// Puts a fault in place, besides those that are there.
    pub fn set_fault(&self, rule: FaultRule) {
        self.provider.faults.add(rule);
    }

    /// The faults in place, with the times that are left to each.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.provider.faults.list()
    }

    /// Takes every fault away.
    pub fn reset_faults(&self) {
        self.provider.faults.reset();
    }

    /// Turns exactly these modes on.
    pub fn set_modes(&self, modes: impl IntoIterator<Item = Mode>) {
        self.provider.set_modes(modes.into_iter().collect());
    }

    /// Signs with a new key from now on; old keys stay published.
    ///
    /// # Errors
    /// The key could not be made.
    pub fn rotate_keys(&self) -> Result<(), StartError> {
        self.provider.keys.rotate(SigningKey::generate()?);
        Ok(())
    }

    /// Ends every session and revokes every grant with all of its tokens; says how many grants
    /// were alive.
    pub fn revoke_everything(&self) -> u64 {
        self.provider.revoke_everything()
    }

    /// Closes the port and every connection, as a provider that is down.
    pub async fn go_away(&self) {
        self.server.go_away().await;
    }

    /// Listens again on the same port, remembering everything.
    ///
    /// # Errors
    /// Somebody else took the port.
    pub async fn come_back(&self) -> Result<(), StartError> {
        self.server.come_back().await
    }
}

fn check_issuer(value: &str) -> Result<String, StartError> {
    let url = url_of("issuer", value)?;
    // The issuer is compared as a string, so it stands as it was written (OpenID Connect
    // Discovery § 4.3).
    if url.query().is_some() || url.fragment().is_some() || value.ends_with('/') {
        return Err(StartError::Address {
            what: "issuer",
            value: value.to_owned(),
            reason: "write it without query, fragment and slash at the end".to_owned(),
        });
    }
    Ok(value.to_owned())
}

fn url_of(what: &'static str, value: &str) -> Result<Url, StartError> {
    let refused = |reason: String| StartError::Address {
        what,
        value: value.to_owned(),
        reason,
    };
    let url = Url::parse(value).map_err(|error| refused(error.to_string()))?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(refused("it is neither http nor https".to_owned()))
    }
}
