//! Service tokens. Only a token whose audience was checked can become an `Authorization` value.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;

use crate::secret::Secret;
use crate::service::{Audience, AudiencePolicy, AudienceProblem, Strategy};
use crate::time::UnixTime;

/// An access token that was verified when it arrived; for whom it may be used is not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceToken {
    /// The token.
    pub value: Secret,
    /// The values of its `aud`.
    pub audiences: Vec<Audience>,
    /// Its scopes, where it tells them.
    pub scopes: Vec<String>,
    /// When it arrived.
    pub issued_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
    /// Whether it replaces one that an upstream rejected. Such a token is not replaced for that
    /// reason again, so that nobody who provokes rejections has the provider asked at will.
    pub forced: bool,
}

/// A token whose audience is the one of the service that it will be sent to.
#[derive(Clone)]
pub struct AudienceBound {
    authorization: HeaderValue,
    audience: Audience,
    issued_at: UnixTime,
    expires_at: UnixTime,
    forced: bool,
}

/// A token younger than this is not replaced because an upstream rejected it.
const TOO_YOUNG: Duration = Duration::from_secs(10);

/// Why a token could not be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindProblem {
    /// It is for somebody else, or for more than this service.
    Audience(AudienceProblem),
    /// It holds bytes that cannot stand in a header field (RFC 9110 § 5.5).
    NotAHeaderValue,
}

impl AudienceBound {
    /// Checks the token's audience; the only way to get an `AudienceBound`.
    ///
    /// # Errors
    /// Why the token must not be sent to the service.
    pub fn bind(token: &ServiceToken, policy: &AudiencePolicy) -> Result<Self, BindProblem> {
        policy
            .judge(&token.audiences)
            .map_err(BindProblem::Audience)?;
        let text = ["Bearer ", token.value.expose()].concat();
        let mut authorization =
            HeaderValue::try_from(text).map_err(|_| BindProblem::NotAHeaderValue)?;
        authorization.set_sensitive(true);
        Ok(Self {
            authorization,
            audience: policy.expected.clone(),
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            forced: token.forced,
        })
    }

    /// Whether an upstream's rejection is a reason to ask the provider for another: once for each
    /// token, and not for one that just arrived.
    pub fn may_be_replaced(&self, now: UnixTime) -> bool {
        may_be_replaced(self.issued_at, self.forced, now)
    }

    /// The value for the upstream's `Authorization` field.
    pub fn authorization(&self) -> &HeaderValue {
        &self.authorization
    }

    /// The audience that it was checked for.
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    /// When it arrived.
    pub fn issued_at(&self) -> UnixTime {
        self.issued_at
    }

    /// When it ends.
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }
}

impl fmt::Debug for AudienceBound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AudienceBound")
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl ServiceToken {
    /// As [`AudienceBound::may_be_replaced`].
    pub fn may_be_replaced(&self, now: UnixTime) -> bool {
        may_be_replaced(self.issued_at, self.forced, now)
    }
}

fn may_be_replaced(issued_at: UnixTime, forced: bool, now: UnixTime) -> bool {
    !forced && now.since(issued_at) > TOO_YOUNG
}

/// What stands in a session where a service's token belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSlot {
    /// A token.
    Token(ServiceToken),
    /// None could be had, and why.
    Refused(MintRefusal),
}

/// Why a service has no token: remembered in the session, so that each request is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintRefusal {
    /// The kind of refusal.
    pub reason: MintRefusalReason,
    /// What was asked for, what came, and what to look at; for logs, without secrets.
    pub detail: String,
    /// When it was refused.
    pub at: UnixTime,
}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MintRefusalReason {
    /// `service_audiences` has no entry for the service.
    NoAudience,
    /// The provider answered `invalid_target` (RFC 8707 § 2).
    InvalidTarget,
    /// The provider answered `invalid_scope` (RFC 6749 § 5.2).
    InvalidScope,
    /// The strategy needs a refresh token, and the login brought none.
    NoRefreshToken,
    /// The provider refused the refresh token itself.
    GrantRefused,
    /// The token is for another audience or for too many.
    WrongAudience,
    /// Another service, with another audience, has the very same token.
    SharedToken,
    /// The answer was no usable token response.
    BadResponse,
    /// The provider does not know this client, or not for this.
    ClientRefused,
    /// The provider was away, slow or overloaded.
    Unavailable,
    /// The provider wants to talk to the user.
    InteractionRequired,
}

/// A refusal that somebody may have mended at the provider is asked about again after this time.
const MENDED: Duration = Duration::from_secs(60);

impl MintRefusal {
    /// Whether it is worth asking again at `now`.
    pub fn may_have_passed(&self, now: UnixTime) -> bool {
        use MintRefusalReason as Reason;
        match self.reason {
            Reason::BadResponse | Reason::ClientRefused | Reason::Unavailable => true,
            Reason::InvalidTarget
            | Reason::InvalidScope
            | Reason::WrongAudience
            | Reason::SharedToken
            | Reason::InteractionRequired => now.since(self.at) >= MENDED,
            // Only another configuration or another login helps.
            Reason::NoAudience | Reason::NoRefreshToken | Reason::GrantRefused => false,
        }
    }
}

impl MintRefusalReason {
    /// The name in logs, metrics and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoAudience => "no_audience",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidScope => "invalid_scope",
            Self::NoRefreshToken => "no_refresh_token",
            Self::GrantRefused => "grant_refused",
            Self::WrongAudience => "wrong_audience",
            Self::SharedToken => "shared_token",
            Self::BadResponse => "bad_response",
            Self::ClientRefused => "client_refused",
            Self::Unavailable => "unavailable",
            Self::InteractionRequired => "interaction_required",
        }
    }

    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::NoAudience,
        Self::InvalidTarget,
        Self::InvalidScope,
        Self::NoRefreshToken,
        Self::GrantRefused,
        Self::WrongAudience,
        Self::SharedToken,
        Self::BadResponse,
        Self::ClientRefused,
        Self::Unavailable,
        Self::InteractionRequired,
    ];

    /// Whether the next request may ask again; what keeps the provider from being asked at will is
    /// the minting side's back-off and suspension.
    pub const fn may_pass(self) -> bool {
        match self {
            Self::BadResponse | Self::ClientRefused | Self::Unavailable => true,
            Self::NoAudience
            | Self::InvalidTarget
            | Self::InvalidScope
            | Self::NoRefreshToken
            | Self::GrantRefused
            | Self::WrongAudience
            | Self::SharedToken
            | Self::InteractionRequired => false,
        }
    }

    /// What an operator should look at first.
    pub fn hint(self, strategy: Strategy) -> &'static str {
        match (self, strategy) {
            (Self::NoAudience, _) => {
                "add the service to service_audiences in settings.yaml, under the name that routes.yaml uses"
            }
            (Self::InvalidTarget, _) => {
                "the provider does not give this client a token for the audience: look at the audience in service_audiences, \
                 the scope mapping in the provider's settings (audience_mappings) and the client's allowed_audiences"
            }
            (Self::InvalidScope, _) => {
                "the provider does not grant a scope in service_scopes: look at auth.scopes and the client's scopes at the provider"
            }
            (Self::NoRefreshToken, _) => {
                "the login brought no refresh token: ask for offline_access in auth.scopes, and for consent where the provider wants it \
                 (authorization_parameters: {prompt: consent})"
            }
            (Self::GrantRefused, _) => {
                "log in again; if it recurs, look at the refresh token settings of the client"
            }
            (Self::WrongAudience, Strategy::Login) => {
                "the login's token is not for this service alone: map its audience at the provider, or use strategy refresh"
            }
            (Self::WrongAudience, _) => {
                "the provider ignored the target that was asked for: look at target_parameter (preset), the client's allowed_audiences \
                 and the API's audience at the provider"
            }
            (Self::SharedToken, _) => {
                "the provider answers for several services with one token: look at what names the target (target_parameter, preset); \
                 where one token shall serve them all, use strategy login"
            }
            (Self::BadResponse, _) => {
                "the provider's answer is no usable token: look at detail, and at token_format"
            }
            (Self::ClientRefused, _) => {
                "the provider refuses the client: look at client_id, client_secret, token_endpoint_auth_method and the client's grants"
            }
            (Self::Unavailable, _) => "the provider does not answer: look at /health",
            (Self::InteractionRequired, _) => {
                "the provider wants to ask the user: a navigation to the login does that"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::AudienceCheck;

    fn token(value: &str, audiences: &[&str]) -> ServiceToken {
        ServiceToken {
            value: Secret::new(value),
            audiences: audiences.iter().map(|value| Audience::new(value)).collect(),
            scopes: Vec::new(),
            issued_at: UnixTime::from_seconds(1),
            expires_at: UnixTime::from_seconds(2),
            forced: false,
        }
    }

    fn policy() -> AudiencePolicy {
        AudiencePolicy {
            expected: Audience::new("a"),
            check: AudienceCheck::Single,
            others: [].into(),
        }
    }

    #[test]
    fn only_a_token_for_the_service_becomes_an_authorization() {
        let bound = AudienceBound::bind(&token("abc", &["a"]), &policy()).unwrap();
        assert_eq!(bound.authorization(), "Bearer abc");
        let refused = AudienceBound::bind(&token("abc", &["b"]), &policy()).unwrap_err();
        assert_eq!(refused, BindProblem::Audience(AudienceProblem::Missing));
    }

    #[test]
    fn a_token_with_a_line_break_never_reaches_a_header() {
        let refused =
            AudienceBound::bind(&token("abc\r\nX-Admin: 1", &["a"]), &policy()).unwrap_err();
        assert_eq!(refused, BindProblem::NotAHeaderValue);
    }

    #[test]
    fn a_rejected_token_is_replaced_once_and_not_when_it_just_arrived() {
        let bound = |forced| {
            let token = ServiceToken {
                forced,
                ..token("abc", &["a"])
            };
            AudienceBound::bind(&token, &policy()).unwrap()
        };
        assert!(!bound(false).may_be_replaced(UnixTime::from_seconds(11)));
        assert!(bound(false).may_be_replaced(UnixTime::from_seconds(12)));
        assert!(!bound(true).may_be_replaced(UnixTime::from_seconds(12)));
    }

    #[test]
    fn a_bound_token_does_not_show_itself() {
        let bound = AudienceBound::bind(&token("abc", &["a"]), &policy()).unwrap();
        assert!(!format!("{bound:?}").contains("abc"));
        assert!(!format!("{:?}", bound.authorization()).contains("abc"));
    }
}
