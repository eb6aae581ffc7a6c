//! `POST /auth/logout` and the way back from the provider's own logout page.

use http::StatusCode;
use pingora_proxy::Session as HttpSession;
use serde_json::json;

use super::{Refused, cookies};
use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::gateway::Gateway;

/// Ends the session, with `?everywhere=true` all of the user's. A form is redirected to the
/// provider's logout page; a script is told its address.
pub(super) async fn answer(
    gateway: &Gateway,
    http: &HttpSession,
    exchange: &mut Exchange,
) -> Result<Answer, Refused> {
    let query = exchange
        .target
        .as_ref()
        .and_then(|target| target.query())
        .unwrap_or_default();
    let everywhere = url::form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| name == "everywhere" && value == "true");
    let ended = gateway
        .frontend
        .identity
        .logout(exchange.session, everywhere)
        .await?;
    exchange.remark = Some(format!("logout everywhere={everywhere}"));
    let mode = http.req_header().headers.get("sec-fetch-mode");
    let form = mode.is_some_and(|mode| mode.as_bytes() == b"navigate");
    let answer = match form {
        true => Answer::see_other(ended.logout_url.unwrap_or_else(|| "/".into())),
        false => {
            let document = json!({ "logged_out": true, "logout_url": ended.logout_url });
            Answer::json(StatusCode::OK, "application/json", &document)
        }
    };
    Ok(answer.with_cookies(ended.set_cookies))
}

/// Takes the browser back from the provider's logout page.
pub(super) async fn returned(
    gateway: &Gateway,
    http: &HttpSession,
    exchange: &Exchange,
) -> Result<Answer, Refused> {
    let query = exchange
        .target
        .as_ref()
        .and_then(|target| target.query())
        .unwrap_or_default();
    let back = gateway
        .frontend
        .identity
        .logged_out(query, &cookies(http))
        .await?;
    Ok(Answer::see_other(back.location).with_cookies(back.set_cookies))
}
