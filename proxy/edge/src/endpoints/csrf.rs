//! `GET /auth/csrf`: the session's token for requests that change something.

use http::{StatusCode, header};
use serde_json::json;
use tokenbridge_bridge::rejection::{Refusal, Rejection};

use super::Refused;
use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::gateway::Gateway;

/// Tells the token. The store is not asked: for a session that is over the token is worth nothing.
pub(super) fn answer(gateway: &Gateway, exchange: &Exchange) -> Result<Answer, Refused> {
    let Some(key) = &exchange.session else {
        let refusal = Refusal::new(
            Rejection::SessionMissing,
            "the request has no session cookie",
        );
        return Err(refusal.into());
    };
    let document = json!({ "csrf_token": gateway.frontend.csrf.of(key) });
    Ok(Answer::json(StatusCode::OK, "application/json", &document)
        .with(header::VARY, "Cookie, Origin"))
}
