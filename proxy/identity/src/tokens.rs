//! What is asked of the token endpoint, and what to make of its answers. No I/O.
//!
//! | module | owns |
//! |---|---|
//! | [`request`] | the forms that are sent |
//! | [`response`] | the tolerant reader of answers, and the kinds of refusal |
//! | [`access_token`] | verification of access tokens that are JWTs |
//! | [`introspection`] | what the provider says of access tokens that are opaque |
//! | [`id_token`] | verification of ID tokens |
//! | [`refreshed_id_token`] | what an ID token that came with a refresh is good for |

pub(crate) mod access_token;
pub(crate) mod id_token;
pub(crate) mod introspection;
pub(crate) mod refreshed_id_token;
pub(crate) mod request;
pub(crate) mod response;
#[cfg(test)]
mod signer;

/// Why a token is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadProblem {
    /// The issuer's keys, or its introspection, are not to be had: nothing is known about the token.
    NoKeys(String),
    /// It is not what it must be.
    Invalid(String),
}
