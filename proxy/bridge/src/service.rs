//! What is asked of the provider for a service, and what must come back. These are two things:
//! several providers answer with another audience string than the one that was asked for.

use std::fmt;
use std::sync::Arc;

use crate::grant::GrantName;

/// The logical name of a service: `target_service` in `routes.yaml`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(Arc<str>);

impl ServiceName {
    /// Takes a name as the configuration has it.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

/// The name of an issuer beside the login's: a key below `issuers` in `settings.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerName(Arc<str>);

impl IssuerName {
    /// Takes a name as the configuration has it.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IssuerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One value of an `aud` claim (RFC 7519 § 4.1.3). Compared byte for byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Audience(Arc<str>);

impl Audience {
    /// Takes a value as the claim or the configuration has it.
    pub fn new(value: &str) -> Self {
        Self(value.into())
    }

    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

/// How strictly a token's audience is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AudienceCheck {
    /// The service's audience is there, and no other configured service's is.
    #[default]
    Single,
    /// The service's audience is there: a wide token is accepted on purpose.
    Contains,
    /// The service's audience is the only one.
    Exact,
}

/// What the `aud` of a service's token must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudiencePolicy {
    /// The service's own audience.
    pub expected: Audience,
    /// How strictly it is compared.
    pub check: AudienceCheck,
    /// The audiences of all other services that differ from `expected`.
    pub others: Arc<[Audience]>,
}

/// Why a token may not be sent to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudienceProblem {
    /// The token has no `aud` at all.
    None,
    /// The service's audience is not among the values.
    Missing,
    /// Another configured service would accept the token as well.
    AlsoFor(Audience),
    /// `exact` is asked for, and there are more values.
    NotAlone,
}

impl fmt::Display for AudienceProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("the token has no audience"),
            Self::Missing => formatter.write_str("the service's audience is not in the token"),
            Self::AlsoFor(other) => {
                write!(
                    formatter,
                    "the token is also for {other}, another service's audience"
                )
            }
            Self::NotAlone => {
                formatter.write_str("the token has more audiences than the service's")
            }
        }
    }
}

impl AudiencePolicy {
    /// Judges the values of an `aud` claim.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn judge(&self, audiences: &[Audience]) -> Result<(), AudienceProblem> {
        if audiences.is_empty() {
            return Err(AudienceProblem::None);
        }
        if !audiences.contains(&self.expected) {
            return Err(AudienceProblem::Missing);
        }
        match self.check {
            AudienceCheck::Contains => Ok(()),
            AudienceCheck::Exact => {
                match audiences.iter().all(|audience| *audience == self.expected) {
                    true => Ok(()),
                    false => Err(AudienceProblem::NotAlone),
                }
            }
            AudienceCheck::Single => match audiences
                .iter()
                .find(|audience| self.others.contains(audience))
            {
                Some(other) => Err(AudienceProblem::AlsoFor(other.clone())),
                None => Ok(()),
            },
        }
    }
}

/// How a service's token is obtained, `auto` already resolved by the issuer's preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// The access token of the login itself.
    Login,
    /// A refresh grant with one target parameter.
    Refresh,
    /// Token exchange (RFC 8693).
    Exchange,
    /// One silent authorization request per service.
    Authorize,
    /// The gateway's own token, without a user.
    ClientCredentials,
}

impl Strategy {
    /// The name in the configuration, also a metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Exchange => "exchange",
            Self::Authorize => "authorize",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// Which request parameter names the target of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetParameter {
    /// `resource` (RFC 8707).
    Resource,
    /// `audience` (RFC 8693 § 2.1, and Auth0's and Hydra's own).
    Audience,
    /// A narrowed `scope` alone (RFC 6749 § 6).
    Scope,
    /// `aud` (PingFederate).
    Aud,
    /// Nothing.
    None,
}

impl TargetParameter {
    /// The parameter's name on the wire, where there is one.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Resource => Some("resource"),
            Self::Audience => Some("audience"),
            Self::Scope => Some("scope"),
            Self::Aud => Some("aud"),
            Self::None => None,
        }
    }
}

/// Whether an access token can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TokenFormat {
    /// A JWT, verified against the issuer's keys.
    #[default]
    Jwt,
    /// Opaque: introspected once, when it arrives (RFC 7662).
    Opaque,
    /// Opaque, and nobody is asked: the operator's word stands for its audience.
    Unintrospected,
}

/// When a service's token is minted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mint {
    /// At login.
    #[default]
    Login,
    /// When it is first needed.
    FirstUse,
}

/// Everything about the token of one service.
#[derive(Clone, Debug)]
pub struct TokenPlan {
    /// The service.
    pub service: ServiceName,
    /// Where it is made; `None`: at the issuer of the login.
    pub issuer: Option<IssuerName>,
    /// How the token is obtained.
    pub strategy: Strategy,
    /// The parameter that names the target.
    pub target_parameter: TargetParameter,
    /// That parameter's value; the audience where nothing else is said. For `scope` it is unused.
    pub target_value: Option<String>,
    /// The scopes to ask for; empty means those of the grant.
    pub scopes: Vec<String>,
    /// What must come back. `None`: the configuration names no audience, so there is no token.
    pub audience: Option<AudiencePolicy>,
    /// Whether it can be read.
    pub format: TokenFormat,
    /// When it is minted.
    pub mint: Mint,
}

impl TokenPlan {
    /// The refresh token that pays for the service's tokens.
    pub fn grant(&self) -> GrantName {
        match self.strategy {
            Strategy::Authorize => GrantName::Service(self.service.clone()),
            Strategy::Login
            | Strategy::Refresh
            | Strategy::Exchange
            | Strategy::ClientCredentials => GrantName::Login,
        }
    }

    /// The one parameter, beside scopes, that names the target to the provider.
    pub fn target(&self) -> Option<(&'static str, &str)> {
        match self.target_parameter {
            TargetParameter::Resource | TargetParameter::Audience | TargetParameter::Aud => self
                .target_parameter
                .as_str()
                .zip(self.target_value.as_deref()),
            // The scopes name it.
            TargetParameter::Scope | TargetParameter::None => None,
        }
    }

    /// What is asked of the provider, as one readable text: `resource=https://api.example`.
    pub fn asked(&self) -> String {
        let scope = (!self.scopes.is_empty()).then(|| format!("scope={}", self.scopes.join(" ")));
        let target = self
            .target()
            .filter(|_| self.strategy != Strategy::Login)
            .map(|(name, value)| format!("{name}={value}"));
        let parts: Vec<String> = target.into_iter().chain(scope).collect();
        if parts.is_empty() {
            "nothing".into()
        } else {
            parts.join("&")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(check: AudienceCheck, audiences: &[&str]) -> Result<(), AudienceProblem> {
        let policy = AudiencePolicy {
            expected: Audience::new("a"),
            check,
            others: [Audience::new("b"), Audience::new("c")].into(),
        };
        policy.judge(
            &audiences
                .iter()
                .map(|value| Audience::new(value))
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_token_is_bound_only_to_the_audience_it_was_made_for() {
        use AudienceCheck::{Contains, Exact, Single};
        use AudienceProblem as P;
        let also_b = Err(P::AlsoFor(Audience::new("b")));
        for (check, audiences, verdict) in [
            (Single, &["a"][..], Ok(())),
            (Single, &["a", "account"], Ok(())),
            (Single, &["a", "b"], also_b),
            (Single, &["b"], Err(P::Missing)),
            (Single, &["A"], Err(P::Missing)),
            (Single, &["a/"], Err(P::Missing)),
            (Single, &[], Err(P::None)),
            (Contains, &["a", "b"], Ok(())),
            (Contains, &["b"], Err(P::Missing)),
            (Contains, &[], Err(P::None)),
            (Exact, &["a"], Ok(())),
            (Exact, &["a", "a"], Ok(())),
            (Exact, &["a", "account"], Err(P::NotAlone)),
            (Exact, &["account"], Err(P::Missing)),
        ] {
            assert_eq!(judge(check, audiences), verdict, "{check:?} {audiences:?}");
        }
    }
}
