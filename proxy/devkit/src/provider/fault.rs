//! Faults that a test or a person puts in the provider's way.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::grant_type::GrantType;
use super::tampering::{AuthorizationTampering, JwtTampering, TokenResponseTampering};
use crate::locked::locked;

/// An endpoint of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `/.well-known/openid-configuration`.
    Discovery,
    /// `/jwks`.
    Jwks,
    /// `/authorize` and the forms behind it.
    Authorization,
    /// `/token`.
    Token,
    /// `/userinfo`.
    Userinfo,
    /// `/revoke`.
    Revocation,
    /// `/introspect`.
    Introspection,
    /// `/end_session`.
    EndSession,
}

impl Endpoint {
    /// The endpoint that a path belongs to.
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path {
            "/.well-known/openid-configuration" => Some(Self::Discovery),
            "/jwks" => Some(Self::Jwks),
            "/authorize" | "/login" | "/consent" => Some(Self::Authorization),
            "/token" => Some(Self::Token),
            "/userinfo" => Some(Self::Userinfo),
            "/revoke" => Some(Self::Revocation),
            "/introspect" => Some(Self::Introspection),
            "/end_session" => Some(Self::EndSession),
            _ => None,
        }
    }
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The answer takes longer.
    Delay {
        /// Where.
        endpoint: Endpoint,
        /// How much longer, at most two minutes.
        milliseconds: u64,
        /// Whether the request is processed before the wait and not after it.
        #[serde(default)]
        after_processing: bool,
    },
    /// The request is not processed; this comes back instead.
    Answer {
        /// Where.
        endpoint: Endpoint,
        /// The HTTP status.
        status: u16,
        /// `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
        /// What the answer holds.
        #[serde(default)]
        body: AnswerBody,
    },
    /// The connection is closed and nothing is processed.
    LostRequest {
        /// Where.
        endpoint: Endpoint,
    },
    /// The request is processed and the connection is closed before the answer.
    LostAnswer {
        /// Where.
        endpoint: Endpoint,
    },
    /// A successful token response is not what it should be.
    TokenResponse {
        /// In which way.
        tampering: TokenResponseTampering,
    },
    /// The ID token of a token response is not what it should be.
    IdToken {
        /// In which way.
        tampering: JwtTampering,
    },
    /// The access token of a token response is not what it should be.
    AccessToken {
        /// In which way.
        tampering: JwtTampering,
    },
    /// The redirect back to the client is not what it should be.
    AuthorizationResponse {
        /// In which way.
        tampering: AuthorizationTampering,
    },
}

impl Fault {
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Delay { endpoint, .. }
            | Self::Answer { endpoint, .. }
            | Self::LostRequest { endpoint }
            | Self::LostAnswer { endpoint } => *endpoint,
            Self::TokenResponse { .. } | Self::IdToken { .. } | Self::AccessToken { .. } => {
                Endpoint::Token
            }
            Self::AuthorizationResponse { .. } => Endpoint::Authorization,
        }
    }
}

/// What a [`Fault::Answer`] holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerBody {
    /// A page, as a proxy or a firewall would send.
    #[default]
    Html,
    /// Nothing.
    Empty,
    /// An OAuth error of this code.
    Error(String),
}

/// A fault, when it strikes and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What goes wrong.
    pub fault: Fault,
    /// For which requests; all of the endpoint when empty.
    #[serde(default)]
    pub when: FaultCondition,
    /// How often; until it is reset when absent.
    #[serde(default)]
    pub times: Option<u32>,
}

impl FaultRule {
    /// The fault strikes until it is reset.
    pub fn always(fault: Fault) -> Self {
        Self {
            fault,
            when: FaultCondition::default(),
            times: None,
        }
    }

    /// The fault strikes that many times.
    pub fn times(times: u32, fault: Fault) -> Self {
        Self {
            times: Some(times),
            ..Self::always(fault)
        }
    }

    /// The fault strikes token requests of this grant type only.
    #[must_use]
    pub fn on_grant_type(mut self, grant_type: GrantType) -> Self {
        self.when.grant_type = Some(grant_type);
        self
    }

    /// The fault strikes requests that name this target only.
    #[must_use]
    pub fn on_target(mut self, target: impl Into<String>) -> Self {
        self.when.target = Some(target.into());
        self
    }
}

/// What a request must be like for a fault to strike it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultCondition {
    /// A token request of this grant type.
    #[serde(default)]
    pub grant_type: Option<GrantType>,
    /// A request with this `resource` or `audience`.
    #[serde(default)]
    pub target: Option<String>,
}

/// What a rule is compared with.
pub(crate) struct Occasion {
    pub(crate) endpoint: Endpoint,
    pub(crate) grant_type: Option<GrantType>,
    pub(crate) targets: Vec<String>,
}

impl Occasion {
    fn meets(&self, rule: &FaultRule) -> bool {
        let grant_type = rule.when.grant_type;
        let target = rule.when.target.as_ref();
        rule.fault.endpoint() == self.endpoint
            && grant_type.is_none_or(|wanted| self.grant_type == Some(wanted))
            && target.is_none_or(|wanted| self.targets.contains(wanted))
    }
}

/// The faults that are in place.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<FaultRule>>);

impl Faults {
    pub(crate) fn add(&self, rule: FaultRule) {
        locked(&self.0).push(rule);
    }

    pub(crate) fn reset(&self) {
        locked(&self.0).clear();
    }

    /// The rules with the times that are left to them.
    pub(crate) fn list(&self) -> Vec<FaultRule> {
        locked(&self.0).clone()
    }

    /// The faults that strike now among those that `applies` names; each is counted down.
    pub(crate) fn strike(
        &self,
        occasion: &Occasion,
        applies: impl Fn(&Fault) -> bool,
    ) -> Vec<Fault> {
        let mut rules = locked(&self.0);
        let mut striking = Vec::new();
        for rule in rules.iter_mut() {
            if rule.times != Some(0) && occasion.meets(rule) && applies(&rule.fault) {
                rule.times = rule.times.map(|left| left - 1);
                striking.push(rule.fault.clone());
            }
        }
        rules.retain(|rule| rule.times != Some(0));
        striking
    }
}
