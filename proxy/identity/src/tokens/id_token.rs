//! Verification of ID tokens (OpenID Connect Core § 3.1.3.7).

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, ClaimsVerificationError, ClientId, IdToken,
    IdTokenClaims, IdTokenVerifier, IssuerUrl, JsonWebKeySet, Nonce, SignatureVerificationError,
};
use serde::{Deserialize, Serialize};
use tokenbridge_bridge::session::{Profile, Subject};
use tokenbridge_bridge::{Secret, UnixTime};

use crate::provider::keys::Keys;
use crate::tokens::access_token::SKEW;

#[derive(Clone, Debug, Deserialize, Serialize)]
struct ProviderSession {
    sid: Option<String>,
}

impl AdditionalClaims for ProviderSession {}

type Token = IdToken<
    ProviderSession,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Claims = IdTokenClaims<ProviderSession, CoreGenderClaim>;
type Verifier<'a> = IdTokenVerifier<'a, CoreJsonWebKey>;

const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Who logged in, as a verified ID token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identified {
    pub(crate) subject: Subject,
    pub(crate) idp_session: Option<String>,
    pub(crate) authenticated_at: Option<UnixTime>,
    pub(crate) acr: Option<String>,
    pub(crate) profile: Profile,
}

/// Why an ID token is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdTokenProblem {
    /// No key of the issuer fits, as far as they are known; new keys may help.
    Key(&'static str),
    /// It is not what it must be.
    Invalid(String),
}

impl fmt::Display for IdTokenProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(what) => formatter.write_str(what),
            Self::Invalid(what) => formatter.write_str(what),
        }
    }
}

/// What an ID token is verified against.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) keys: &'a Keys,
    pub(crate) now: UnixTime,
    pub(crate) nonce: &'a Secret,
    /// The access token beside it, for `at_hash`.
    pub(crate) access_token: Option<&'a Secret>,
}

/// Verifies the ID token of a login: signature, algorithm, `iss`, `aud` (the client alone),
/// `azp`, `exp`, `iat`, `nonce`, `at_hash`.
///
/// # Errors
/// Why it is refused.
pub(crate) fn verify(token: &Secret, expected: Expected<'_>) -> Result<Identified, IdTokenProblem> {
    let token =
        Token::from_str(token.expose()).map_err(|_| invalid("the ID token cannot be read"))?;
    let verifier = verifier(&expected)?;
    let nonce = Nonce::new(expected.nonce.expose().to_owned());
    let claims = token
        .claims(&verifier, &nonce)
        .map_err(|error| problem(&error))?;
    let stranger = claims
        .authorized_party()
        .is_some_and(|party| party.as_str() != expected.client_id);
    if stranger {
        return Err(invalid("the ID token's azp is another client"));
    }
    check_access_token_hash(&token, claims, &verifier, expected.access_token)?;
    Ok(identified(claims))
}

fn verifier<'a>(expected: &Expected<'a>) -> Result<Verifier<'a>, IdTokenProblem> {
    let issuer = IssuerUrl::new(expected.issuer.to_owned())
        .map_err(|_| invalid("the configured issuer is no URL"))?;
    let keys = JsonWebKeySet::new(expected.keys.for_id_tokens.keys().clone());
    let client = ClientId::new(expected.client_id.to_owned());
    let late = moment(expected.now.minus(SKEW));
    let latest_issue = moment(expected.now.plus(SKEW));
    // A "public" client, for to the library that means: no MAC is ever accepted.
    Ok(Verifier::new_public_client(client, issuer, keys)
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || late)
        .set_issue_time_verifier_fn(move |issued| match issued <= latest_issue {
            true => Ok(()),
            false => Err("issued in the future".into()),
        }))
}

fn moment(time: UnixTime) -> DateTime<Utc> {
    i64::try_from(time.seconds())
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn check_access_token_hash(
    token: &Token,
    claims: &Claims,
    verifier: &Verifier<'_>,
    access_token: Option<&Secret>,
) -> Result<(), IdTokenProblem> {
    let (Some(expected), Some(access_token)) = (claims.access_token_hash(), access_token) else {
        return Ok(());
    };
    let unfit = |_| invalid("the ID token's at_hash cannot be checked");
    let algorithm = token.signing_alg().map_err(unfit)?;
    let key = token.signing_key(verifier).map_err(unfit)?;
    let access_token = AccessToken::new(access_token.expose().to_owned());
    let actual = AccessTokenHash::from_token(&access_token, algorithm, key)
        .map_err(|_| invalid("the ID token's at_hash cannot be checked"))?;
    match actual == *expected {
        true => Ok(()),
        false => Err(invalid("the ID token's at_hash is of another access token")),
    }
}

/// What is wrong, without the values that the library's own words hold.
fn problem(error: &ClaimsVerificationError) -> IdTokenProblem {
    use ClaimsVerificationError as Claim;
    use SignatureVerificationError as Signature;
    invalid(match error {
        Claim::Expired(_) => "the ID token has expired, or was issued in the future",
        Claim::InvalidAudience(_) => "the ID token's aud is not this client alone",
        Claim::InvalidIssuer(_) => "the ID token's iss is not the issuer",
        Claim::InvalidNonce(_) => "the ID token's nonce is not that of this login",
        Claim::SignatureVerification(Signature::NoMatchingKey | Signature::AmbiguousKeyId(_)) => {
            return IdTokenProblem::Key("the ID token names no key that the issuer has");
        }
        Claim::SignatureVerification(Signature::CryptoError(_)) => {
            return IdTokenProblem::Key("the ID token's signature does not fit the issuer's keys");
        }
        Claim::SignatureVerification(
            Signature::DisallowedAlg(_) | Signature::NoSignature | Signature::UnsupportedAlg(_),
        ) => "the ID token's alg is not accepted",
        _ => "the ID token is not acceptable",
    })
}

fn identified(claims: &Claims) -> Identified {
    let authenticated_at = claims
        .auth_time()
        .and_then(|time| u64::try_from(time.timestamp()).ok())
        .filter(|seconds| *seconds > 0)
        .map(UnixTime::from_seconds);
    Identified {
        subject: Subject {
            issuer: claims.issuer().as_str().to_owned(),
            subject: claims.subject().as_str().to_owned(),
        },
        idp_session: claims.additional_claims().sid.clone(),
        authenticated_at,
        acr: claims.auth_context_ref().map(|acr| acr.as_str().to_owned()),
        profile: Profile {
            name: claims
                .name()
                .and_then(|names| names.get(None))
                .map(|name| name.as_str().to_owned()),
            preferred_username: claims
                .preferred_username()
                .map(|name| name.as_str().to_owned()),
            email: claims.email().map(|email| email.as_str().to_owned()),
        },
    }
}

fn invalid(what: &str) -> IdTokenProblem {
    IdTokenProblem::Invalid(what.into())
}

#[cfg(test)]
mod tests;
