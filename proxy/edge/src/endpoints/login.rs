//! `GET /auth/login`: off to the provider, to log in or for one service (`?service=`).

use pingora_proxy::Session as HttpSession;
use tokenbridge_bridge::return_to::ReturnTo;
use tokenbridge_identity::LoginRequest;

use super::{Refused, cookies, parameter};
use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::gateway::Gateway;

/// Redirects to the provider with a cookie for this one login.
pub(super) async fn answer(
    gateway: &Gateway,
    http: &HttpSession,
    exchange: &Exchange,
) -> Result<Answer, Refused> {
    if let Some(ticket) = parameter(exchange.query().as_bytes(), "probe") {
        let cookies = cookies(http);
        let begun = gateway
            .frontend
            .identity
            .begin_probe_login(&ticket, &cookies);
        let redirect = begun.await?;
        return Ok(Answer::see_other(redirect.location).with_cookies(redirect.set_cookies));
    }
    let told = told(http, exchange);
    let request = LoginRequest {
        return_to: ReturnTo::parse(told.return_to.as_deref().unwrap_or("/")),
        service: told.service.as_deref(),
        session: exchange.session,
        cookies: &cookies(http),
    };
    let redirect = gateway.frontend.identity.begin_login(request).await?;
    Ok(Answer::see_other(redirect.location).with_cookies(redirect.set_cookies))
}

/// What the query says.
#[derive(Default)]
struct Told {
    return_to: Option<String>,
    service: Option<String>,
}

/// Only a navigation may say where its login returns to and what it is for: a background fetch
/// would otherwise decide where the user lands. What stands twice says nothing.
fn told(http: &HttpSession, exchange: &Exchange) -> Told {
    let mode = http.req_header().headers.get("sec-fetch-mode");
    if mode.is_some_and(|mode| mode.as_bytes() != b"navigate") {
        return Told::default();
    }
    Told {
        return_to: parameter(exchange.query().as_bytes(), "return_to"),
        service: parameter(exchange.query().as_bytes(), "service"),
    }
}
