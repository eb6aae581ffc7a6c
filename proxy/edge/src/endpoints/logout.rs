//! `POST /auth/logout` and the way back from the provider's own logout page.

use http::StatusCode;
use pingora_proxy::Session as HttpSession;
use serde_json::json;

use super::{Refused, cookies, is_asked_for, parameter};
use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::gateway::Gateway;

/// More than a form with a token takes.
const FORM_BYTES: usize = 4 * 1024;

/// Ends the session, with `?everywhere=true` all of the user's. A form is redirected to the
/// provider's logout page; a script is told its address.
pub(super) async fn answer(
    gateway: &Gateway,
    http: &mut HttpSession,
    exchange: &mut Exchange,
) -> Result<Answer, Refused> {
    if let Some(unproven) = exchange.unproven.take() {
        let token = form_token(http).await;
        exchange.session = Some(unproven.prove(&gateway.frontend, token.as_deref())?);
    }
    let everywhere = is_asked_for(exchange.query(), "everywhere");
    let ended = gateway
        .frontend
        .identity
        .logout(exchange.session, everywhere)
        .await?;
    // The store's notice comes a moment later; whoever has the answer asks with the old cookie.
    if let Some(session) = &exchange.session {
        gateway.frontend.session_cache.forget(session);
    }
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

/// The field `csrf_token` of a form, which cannot set a header. Its size is bounded here,
/// its time by the connection's own.
async fn form_token(http: &mut HttpSession) -> Option<String> {
    let mut form: Vec<u8> = Vec::new();
    while let Some(chunk) = http.read_request_body().await.ok()? {
        if form.len() + chunk.len() > FORM_BYTES {
            return None;
        }
        form.extend_from_slice(&chunk);
    }
    parameter(&form, "csrf_token")
}

/// Takes the browser back from the provider's logout page.
pub(super) async fn returned(
    gateway: &Gateway,
    http: &HttpSession,
    exchange: &Exchange,
) -> Result<Answer, Refused> {
    let back = gateway
        .frontend
        .identity
        .logged_out(exchange.query(), &cookies(http))
        .await?;
    Ok(Answer::see_other(back.location).with_cookies(back.set_cookies))
}
