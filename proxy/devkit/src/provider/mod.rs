//! The development OpenID provider.

mod authorization;
mod client_authentication;
mod control;
mod counters;
mod discovery;
mod end_session;
mod fault;
mod grant_type;
mod inject;
mod introspection;
mod issue;
mod keys;
mod ledger;
mod mode;
mod oauth_error;
mod pages;
mod parameters;
mod revocation;
mod session_cookie;
mod start;
mod state;
mod tamper;
mod tampering;
mod target;
mod token;
mod token_log;
mod userinfo;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub use counters::Counters;
pub use fault::{AnswerBody, Endpoint, Fault, FaultCondition, FaultRule};
pub use grant_type::GrantType;
pub use mode::Mode;
pub use start::{DevelopmentProvider, ProviderOptions};
pub use tampering::{AuthorizationTampering, JwtTampering, TokenResponseTampering};
pub use token_log::TokenRequestRecord;
pub(crate) use userinfo::bearer;

use state::Provider;

/// Every endpoint, with faults around them.
fn router(provider: Arc<Provider>) -> Router {
    Router::new()
        .route("/", get(discovery::front))
        .route(
            "/.well-known/openid-configuration",
            get(discovery::discovery),
        )
        .route(
            "/other-issuer/.well-known/openid-configuration",
            get(discovery::other_discovery),
        )
        .route(
            "/.well-known/oauth-authorization-server",
            get(discovery::oauth_metadata),
        )
        .route(
            "/.well-known/oauth-authorization-server/other-issuer",
            get(discovery::other_oauth_metadata),
        )
        .route(
            "/other-issuer/.well-known/oauth-authorization-server",
            get(discovery::other_oauth_metadata_behind),
        )
        .route("/jwks", get(discovery::jwks))
        .route(
            "/authorize",
            get(authorization::authorize).post(authorization::authorize_by_form),
        )
        .route("/login", post(authorization::login))
        .route("/consent", post(authorization::consent))
        .route("/token", post(token::token))
        .route(
            "/userinfo",
            get(userinfo::userinfo).post(userinfo::userinfo),
        )
        .route("/revoke", post(revocation::revoke))
        .route("/introspect", post(introspection::introspect))
        .route(
            "/end_session",
            get(end_session::end_session).post(end_session::end_session_by_form),
        )
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&provider),
            inject::inject,
        ))
        .merge(control::routes())
        .with_state(provider)
}
