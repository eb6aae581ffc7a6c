//! What an [`Identity`](crate::Identity) is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::cookie::CookieName;
use tokenbridge_bridge::service::{ServiceName, TokenPlan};
use tokenbridge_bridge::session::IdleTimeout;
use tokenbridge_config::Frontend;
use tokenbridge_config::client_key;
use tokenbridge_config::issuer::{IssuerSettings, OtherIssuer};
use tokenbridge_session_store::{Clock, Keyring, SessionStore};
use tokio::runtime::Handle;

use crate::telemetry::Telemetry;

/// Everything that [`Identity::start`](crate::Identity::start) needs.
pub struct IdentityParts {
    /// What the configuration says of one frontend.
    pub settings: IdentitySettings,
    /// Where sessions live.
    pub store: Arc<dyn SessionStore>,
    /// Seals what travels in cookies.
    pub keyring: Arc<Keyring>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where work runs that no request may cancel.
    pub runtime: Handle,
    /// Where counts go.
    pub telemetry: Arc<dyn Telemetry>,
}

/// What the configuration says of one frontend's provider, sessions and service tokens.
#[derive(Clone, Debug)]
pub struct IdentitySettings {
    /// The origin that browsers see, without a trailing slash: `https://app.example`.
    pub public_origin: String,
    /// The session cookie; cookies of logins and logouts are named after it.
    pub cookie: CookieName,
    /// The provider.
    pub issuer: IssuerSettings,
    /// Other authorization servers, at which some of the plans have their tokens made.
    pub issuers: Vec<OtherIssuer>,
    /// The token of each declared service, in the order of the configuration.
    pub plans: Vec<TokenPlan>,
    /// How long a session lasts, whatever happens.
    pub session_ttl: Duration,
    /// After how long without use a session is over.
    pub session_idle: IdleTimeout,
    /// A token with less life left than this is renewed.
    pub token_refresh_threshold: Duration,
    /// How long a call to the provider may take.
    pub timeouts: HttpTimeouts,
}

impl IdentitySettings {
    /// What a frontend's configuration says.
    pub fn of(frontend: &Frontend) -> Self {
        let secure = frontend.public_url.secure;
        let base = match secure {
            true => frontend
                .cookie_name
                .strip_prefix("__Host-")
                .unwrap_or(&frontend.cookie_name),
            false => &frontend.cookie_name,
        };
        Self {
            public_origin: frontend.public_url.origin(),
            cookie: CookieName::new(base, secure),
            issuer: frontend.issuer.clone(),
            issuers: frontend.issuers.clone(),
            plans: frontend
                .services
                .iter()
                .map(|service| service.token.clone())
                .collect(),
            session_ttl: frontend.session.ttl,
            session_idle: frontend.session.idle,
            token_refresh_threshold: frontend.session.token_refresh_threshold,
            timeouts: HttpTimeouts::default(),
        }
    }

    /// The plan of a service.
    pub fn plan(&self, service: &ServiceName) -> Option<&TokenPlan> {
        self.plans.iter().find(|plan| plan.service == *service)
    }
}

/// How long a call to the provider may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpTimeouts {
    /// To connect, TLS included.
    pub connect: Duration,
    /// For the whole call, the answer's body included.
    pub total: Duration,
}

impl Default for HttpTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            total: Duration::from_secs(10),
        }
    }
}

/// Why the configuration cannot be worked with. A provider that is away is no reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartProblem {
    /// No address of metadata can be made of the issuer.
    Issuer(String),
    /// `client_key_file` holds no private key that can sign.
    ClientKey(String),
    /// TLS could not be set up.
    Tls(String),
}

impl fmt::Display for StartProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer(issuer) => {
                write!(
                    formatter,
                    "the issuer {issuer} has no place for its metadata"
                )
            }
            Self::ClientKey(why) => {
                write!(formatter, "auth.client_key_file {why}; {}", client_key::FIX)
            }
            Self::Tls(why) => write!(formatter, "TLS toward the provider cannot be set up: {why}"),
        }
    }
}

impl std::error::Error for StartProblem {}
