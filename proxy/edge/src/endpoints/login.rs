//! `GET /auth/login`: off to the provider.

use pingora_proxy::Session as HttpSession;
use tokenbridge_bridge::return_to::ReturnTo;
use tokenbridge_identity::LoginRequest;

use super::{Refused, cookies};
use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::gateway::Gateway;

/// Redirects to the provider with a cookie for this one login.
pub(super) async fn answer(
    gateway: &Gateway,
    http: &HttpSession,
    exchange: &Exchange,
) -> Result<Answer, Refused> {
    if let Some(ticket) = parameter(exchange, "probe") {
        let cookies = cookies(http);
        let begun = gateway
            .frontend
            .identity
            .begin_probe_login(&ticket, &cookies);
        let redirect = begun.await?;
        return Ok(Answer::see_other(redirect.location).with_cookies(redirect.set_cookies));
    }
    let request = LoginRequest {
        return_to: return_to(http, exchange),
        cookies: &cookies(http),
    };
    let redirect = gateway.frontend.identity.begin_login(request).await?;
    Ok(Answer::see_other(redirect.location).with_cookies(redirect.set_cookies))
}

/// Only a navigation may say where its login returns to: a background fetch would otherwise decide
/// where the user lands.
fn return_to(http: &HttpSession, exchange: &Exchange) -> ReturnTo {
    let mode = http.req_header().headers.get("sec-fetch-mode");
    if mode.is_some_and(|mode| mode.as_bytes() != b"navigate") {
        return ReturnTo::default();
    }
    parameter(exchange, "return_to").map_or_else(ReturnTo::default, |value| ReturnTo::parse(&value))
}

/// The value of a parameter that stands once.
fn parameter(exchange: &Exchange, name: &str) -> Option<String> {
    let query = exchange
        .target
        .as_ref()
        .and_then(|target| target.query())
        .unwrap_or_default();
    let mut values =
        url::form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value.into_owned()),
        (None, _) | (Some(_), Some(_)) => None,
    }
}
