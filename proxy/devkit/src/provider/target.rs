//! For which audiences a token is, out of what is asked, granted and allowed.

use super::grant_type::GrantType;
use super::mode::{Mode, Modes};
use super::oauth_error::{ErrorCode, OAuthError};
use crate::configuration::{Client, IdpConfiguration};
use crate::scopes::Scopes;

/// Everything that decides a token's target.
pub(crate) struct TargetRequest<'a> {
    pub(crate) configuration: &'a IdpConfiguration,
    pub(crate) client: &'a Client,
    pub(crate) modes: &'a Modes,
    /// Answered when no scope stands for an audience: the provider itself.
    pub(crate) issuer: &'a str,
    pub(crate) grant_type: GrantType,
    /// What the user granted, or the client itself has.
    pub(crate) granted: &'a Scopes,
    /// `scope` of this request.
    pub(crate) narrowed: Option<&'a Scopes>,
    /// `resource` and `audience` of this request.
    pub(crate) targets: &'a [String],
    /// `resource` and `audience` of the authorization request.
    pub(crate) login_targets: &'a [String],
}

/// What a token is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenTarget {
    pub(crate) audiences: Vec<String>,
    pub(crate) scopes: Scopes,
    /// Whether one target was asked for and honoured.
    pub(crate) single: bool,
}

/// The audience of the mode `default-audience` when none is configured.
pub(crate) const DEFAULT_AUDIENCE: &str = "https://default-audience.example";

impl TargetRequest<'_> {
    /// Decides, by the rules of the two files and the modes that are on.
    pub(crate) fn decide(&self) -> Result<TokenTarget, OAuthError> {
        let scopes = self.requested_scopes()?;
        if self.has(Mode::DefaultAudience) {
            let configured = self.configuration.development.default_audience.as_deref();
            return Ok(TokenTarget {
                audiences: vec![configured.unwrap_or(DEFAULT_AUDIENCE).to_owned()],
                scopes: scopes.clone(),
                single: false,
            });
        }
        if self.has(Mode::IgnoreTarget) {
            return Ok(self.every_audience_of(self.granted));
        }
        if self.has(Mode::ScopeDecides) {
            return Ok(self.every_audience_of(scopes));
        }
        if self.targets.is_empty() || self.target_is_ignored() {
            return Ok(self.without_target(scopes));
        }
        let target = self.one_target(scopes)?;
        if self.has(Mode::Wide) {
            return Ok(self.every_audience_of(self.granted));
        }
        Ok(target)
    }

    fn has(&self, mode: Mode) -> bool {
        self.modes.contains(&mode)
    }

    /// The scopes asked for now, which must be among those granted (RFC 6749 § 6).
    fn requested_scopes(&self) -> Result<&Scopes, OAuthError> {
        let Some(narrowed) = self.narrowed.filter(|narrowed| !narrowed.is_empty()) else {
            return Ok(self.granted);
        };
        if self.has(Mode::IgnoreTarget) {
            return Ok(self.granted);
        }
        match narrowed.first_missing_in(self.granted) {
            Some(scope) => Err(OAuthError::new(
                ErrorCode::InvalidScope,
                format!("the scope {scope} was not granted"),
            )),
            None => Ok(narrowed),
        }
    }

    fn target_is_ignored(&self) -> bool {
        match self.grant_type {
            GrantType::AuthorizationCode | GrantType::RefreshToken => {
                self.has(Mode::AuthorizeOnly) || self.has(Mode::ExchangeOnly)
            }
            GrantType::TokenExchange | GrantType::ClientCredentials => false,
        }
    }

    /// RFC 8707 § 2.2: without a target in the token request, that of the authorization request
    /// holds; without one there either, the token is for all audiences of the scopes.
    fn without_target(&self, scopes: &Scopes) -> TokenTarget {
        let every = self.every_audience_of(scopes);
        if self.has(Mode::Wide) || self.has(Mode::ExchangeOnly) || self.login_targets.is_empty() {
            return every;
        }
        let audiences: Vec<String> = self
            .login_targets
            .iter()
            .filter(|target| every.audiences.contains(target))
            .cloned()
            .collect();
        match audiences.as_slice() {
            [] => every,
            _ => TokenTarget { audiences, ..every },
        }
    }

    /// The token for the one target that is named.
    fn one_target(&self, scopes: &Scopes) -> Result<TokenTarget, OAuthError> {
        let [target] = self.targets else {
            return Err(OAuthError::new(
                ErrorCode::InvalidTarget,
                "a token is for one target; name one resource or audience",
            ));
        };
        self.check_target(target, scopes)?;
        let serving = |scope: &&str| self.maps(scope, target);
        Ok(TokenTarget {
            audiences: vec![target.clone()],
            scopes: scopes.iter().filter(serving).collect(),
            single: true,
        })
    }

    /// Whether an authorization request may name its targets (RFC 8707 § 2.1).
    pub(crate) fn check_login_targets(&self) -> Result<(), OAuthError> {
        let ignoring = [
            Mode::DefaultAudience,
            Mode::IgnoreTarget,
            Mode::ScopeDecides,
            Mode::ExchangeOnly,
        ];
        if ignoring.into_iter().any(|mode| self.has(mode)) {
            return Ok(());
        }
        self.targets
            .iter()
            .try_for_each(|target| self.check_target(target, self.granted))
    }

    /// Whether the client may have a token for a target with these scopes.
    fn check_target(&self, target: &str, scopes: &Scopes) -> Result<(), OAuthError> {
        let refused = |reason: String| Err(OAuthError::new(ErrorCode::InvalidTarget, reason));
        if !scopes.iter().any(|scope| self.maps(scope, target)) {
            return refused(format!(
                "no granted scope stands for {target}: see scope_mappings in settings.yaml"
            ));
        }
        if !self
            .client
            .allowed_audiences
            .iter()
            .any(|own| own == target)
        {
            return refused(format!(
                "the client may not ask for {target}: see allowed_audiences in clients.yaml"
            ));
        }
        Ok(())
    }

    fn maps(&self, scope: &str, target: &str) -> bool {
        self.configuration
            .audiences_of(scope)
            .any(|audience| audience == target)
    }

    fn every_audience_of(&self, scopes: &Scopes) -> TokenTarget {
        let mut audiences: Vec<String> = Vec::new();
        for scope in scopes.iter() {
            for audience in self.configuration.audiences_of(scope) {
                if !audiences.iter().any(|known| known == audience) {
                    audiences.push(audience.to_owned());
                }
            }
        }
        if audiences.is_empty() {
            audiences.push(self.issuer.to_owned());
        }
        TokenTarget {
            audiences,
            scopes: scopes.clone(),
            single: false,
        }
    }
}
