//! What can be wrong with an answer that comes from the right place.

use serde::{Deserialize, Serialize};

/// Ways in which a token response can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenResponseTampering {
    /// No `access_token`.
    MissingAccessToken,
    /// No `refresh_token`.
    MissingRefreshToken,
    /// No `id_token`.
    MissingIdToken,
    /// No body at all.
    EmptyBody,
    /// A page with status 200.
    NotJson,
    /// It breaks off in the middle, behind the refresh token.
    Truncated,
    /// 8 MiB.
    Huge,
    /// Numbers where strings belong and the other way round.
    WrongTypes,
    /// `expires_in` is 0.
    ExpiresInZero,
    /// `expires_in` is -1.
    ExpiresInNegative,
    /// `expires_in` is 10^12.
    ExpiresInHuge,
    /// No `expires_in`.
    MissingExpiresIn,
    /// `token_type` is `N_A`.
    OtherTokenType,
    /// No `token_type`.
    MissingTokenType,
}

/// Ways in which a JWT can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JwtTampering {
    /// Another `nonce`.
    OtherNonce,
    /// No `nonce`.
    MissingNonce,
    /// Signed by a key that is not published, under the id of one that is.
    OtherKey,
    /// Another `iss`.
    OtherIssuer,
    /// Another `aud`.
    OtherAudience,
    /// `exp` is an hour ago.
    Expired,
    /// Not signed, `alg` is `none`.
    AlgNone,
    /// Another `sub`.
    OtherSubject,
    /// Another `sid`.
    OtherIdpSession,
}

/// Ways in which an authorization response can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizationTampering {
    /// No `iss` (RFC 9207).
    MissingIssuer,
    /// Another `iss`.
    OtherIssuer,
    /// Another `state`.
    OtherState,
    /// No `state`.
    MissingState,
}
