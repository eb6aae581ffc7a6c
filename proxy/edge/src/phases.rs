//! The steps of the request's walk, one module per part of it.

mod address_text;
pub(crate) mod admit;
pub(crate) mod body;
pub(crate) mod browser;
pub(crate) mod browser_state;
pub(crate) mod failure;
pub(crate) mod forward;
pub(crate) mod hop;
pub(crate) mod limits;
pub(crate) mod place;
pub(crate) mod present;
pub(crate) mod rates;
pub(crate) mod rejected_token;
pub(crate) mod respond;
pub(crate) mod streams;
pub(crate) mod summary;
