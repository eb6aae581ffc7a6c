//! Making tokens: access tokens (RFC 9068) and ID tokens (OpenID Connect Core § 2).

use serde_json::{Map, Value, json};

use super::keys::SigningFailed;
use super::ledger::{AccessToken, Grant, GrantId};
use super::mode::Mode;
use super::oauth_error::OAuthError;
use super::state::Provider;
use super::target::TokenTarget;
use crate::configuration::Client;
use crate::random::{Fingerprint, random_value};

/// An ID token tells of a login and is no key to anything, so it outlives short access tokens.
const ID_TOKEN_LIFETIME: u64 = 3_600;

/// Whom an access token is for and where it comes from.
pub(crate) struct AccessTokenOrder<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) client: &'a Client,
    pub(crate) subject: &'a str,
    pub(crate) auth_time: Option<u64>,
    pub(crate) grant: Option<GrantId>,
    pub(crate) target: &'a TokenTarget,
}

/// An access token as it goes into a response.
pub(crate) struct IssuedAccessToken {
    pub(crate) value: String,
    pub(crate) expires_in: u64,
}

impl Provider {
    /// Makes an access token and remembers it.
    pub(crate) fn issue_access_token(
        &self,
        order: &AccessTokenOrder<'_>,
    ) -> Result<IssuedAccessToken, OAuthError> {
        let modes = self.modes();
        if modes.contains(&Mode::SameAccessToken)
            && let Some(before) = self.ledger().repeated_access_token(order, self.now())
        {
            return Ok(before);
        }
        let lifetime = self.access_token_lifetime(order.client);
        let now = self.now();
        let claims = self.access_token_claims(order, now.as_secs() + lifetime.as_secs())?;
        let value = if modes.contains(&Mode::OpaqueAccessTokens) {
            random_value()?
        } else {
            self.keys.sign("at+jwt", &claims)?
        };
        let entry = AccessToken {
            repeated: modes
                .contains(&Mode::SameAccessToken)
                .then(|| value.clone()),
            grant: order.grant,
            client_id: order.client_id.to_owned(),
            claims,
            expires_at: now + lifetime,
            revoked: false,
        };
        self.ledger().keep_access_token(&value, entry, now);
        Ok(IssuedAccessToken {
            value,
            expires_in: lifetime.as_secs(),
        })
    }

    fn access_token_claims(
        &self,
        order: &AccessTokenOrder<'_>,
        expires_at: u64,
    ) -> Result<Map<String, Value>, OAuthError> {
        let other_issuer = order.target.single && self.has(Mode::OtherIssuer);
        let issuer = if other_issuer {
            self.other_issuer()
        } else {
            self.issuer.clone()
        };
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), issuer.into());
        claims.insert("sub".to_owned(), order.subject.into());
        claims.insert("aud".to_owned(), one_or_many(&order.target.audiences));
        claims.insert("client_id".to_owned(), order.client_id.into());
        claims.insert("scope".to_owned(), order.target.scopes.to_string().into());
        claims.insert("iat".to_owned(), self.now().as_secs().into());
        claims.insert("exp".to_owned(), expires_at.into());
        claims.insert("jti".to_owned(), random_value()?.into());
        if let Some(auth_time) = order.auth_time {
            claims.insert("auth_time".to_owned(), auth_time.into());
        }
        Ok(claims)
    }

    /// Makes the ID token that goes with an access token. One that comes from a refresh has no
    /// `nonce` (OpenID Connect Core § 12.2).
    pub(crate) fn issue_id_token(
        &self,
        grant: &Grant,
        access_token: &str,
        nonce: Option<&str>,
    ) -> Result<String, SigningFailed> {
        let now = self.now().as_secs();
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), self.issuer.clone().into());
        claims.insert("sub".to_owned(), grant.subject.clone().into());
        claims.insert("aud".to_owned(), grant.client_id.clone().into());
        claims.insert("iat".to_owned(), now.into());
        claims.insert("exp".to_owned(), (now + ID_TOKEN_LIFETIME).into());
        claims.insert("auth_time".to_owned(), grant.auth_time.into());
        claims.insert("sid".to_owned(), grant.sid.clone().into());
        claims.insert("amr".to_owned(), json!(["pwd"]));
        let at_hash = Fingerprint::of(access_token).left_half_base64url();
        claims.insert("at_hash".to_owned(), at_hash.into());
        if let Some(nonce) = nonce {
            claims.insert("nonce".to_owned(), nonce.into());
        }
        claims.extend(self.person_claims(&grant.subject, |scope| grant.scopes.contains(scope)));
        self.keys.sign("JWT", &claims)
    }

    /// The claims that `profile` and `email` stand for (OpenID Connect Core § 5.4).
    pub(crate) fn person_claims(
        &self,
        subject: &str,
        granted: impl Fn(&str) -> bool,
    ) -> Map<String, Value> {
        let mut claims = Map::new();
        let user = self.configuration.users.get(subject);
        if granted("profile") {
            let name = user.and_then(|user| user.name.as_deref());
            claims.insert("name".to_owned(), name.unwrap_or(subject).into());
            claims.insert("preferred_username".to_owned(), subject.into());
        }
        if granted("email") {
            let email = user.and_then(|user| user.email.clone());
            let email = email.unwrap_or_else(|| format!("{subject}@localhost"));
            claims.insert("email".to_owned(), email.into());
            claims.insert("email_verified".to_owned(), true.into());
        }
        claims
    }
}

/// `aud` as RFC 7519 § 4.1.3 writes it: a string when there is one audience.
fn one_or_many(audiences: &[String]) -> Value {
    match audiences {
        [audience] => audience.clone().into(),
        _ => audiences.to_vec().into(),
    }
}
