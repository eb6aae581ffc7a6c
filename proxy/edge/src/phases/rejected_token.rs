//! An upstream's 401 to a token that was found: one new token and one more attempt, never two. It
//! is no lever on the provider: the rules are in `bridge::token` and hold for the whole fleet.

use http::{HeaderMap, StatusCode, header};
use pingora::http::ResponseHeader;
use pingora_core::{Error, ErrorType, Result};
use pingora_proxy::Session as HttpSession;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::SessionKey;

use crate::exchange::Exchange;
use crate::gateway::Gateway;

/// Asks for another token where that may help, and sends the request again.
///
/// # Errors
/// The request is to be sent again; the framework does that.
pub(crate) async fn replace(
    gateway: &Gateway,
    http: &HttpSession,
    response: &ResponseHeader,
    exchange: &mut Exchange,
) -> Result<()> {
    if response.status != StatusCode::UNAUTHORIZED || !may_help(gateway, response, exchange) {
        return Ok(());
    }
    // Boxed: hardly any answer comes so far.
    Box::pin(ask_again(gateway, http, exchange)).await
}

async fn ask_again(gateway: &Gateway, http: &HttpSession, exchange: &mut Exchange) -> Result<()> {
    let service = exchange.route().map(|found| found.route.service.clone());
    let (Some(token), Some(session), Some(service)) = (&exchange.token, exchange.session, service)
    else {
        return Ok(());
    };
    if !is_repeatable(http) {
        exchange.token_replaced = true;
        renew_behind(gateway, session, service, token.issued_at());
        return Ok(());
    }
    let identity = &gateway.frontend.identity;
    if !identity
        .replace_rejected(&session, &service, token.issued_at())
        .await
    {
        return Ok(());
    }
    tracing::info!(
        target: "tokenbridge",
        request_id = exchange.request_id.as_str(),
        "UPSTREAM_REJECTED_TOKEN service={service} audience={}: another token was had, the request is sent again",
        token.audience()
    );
    // The store's notice may come after the next attempt.
    gateway.frontend.session_cache.forget(&session);
    exchange.token = None;
    exchange.token_replaced = true;
    let mut again = Error::new_up(ErrorType::Custom("the upstream rejected the token"));
    again.set_retry(true);
    Err(again)
}

/// Has another token obtained for the requests that follow: this one cannot be sent again.
fn renew_behind(gateway: &Gateway, session: SessionKey, service: ServiceName, issued_at: UnixTime) {
    let frontend = gateway.frontend.clone();
    gateway.frontend.background.runtime.spawn(async move {
        let identity = &frontend.identity;
        if identity
            .replace_rejected(&session, &service, issued_at)
            .await
        {
            frontend.session_cache.forget(&session);
        }
    });
}

fn is_repeatable(http: &HttpSession) -> bool {
    http.req_header().method.is_idempotent() && !http.as_ref().retry_buffer_truncated()
}

/// Only once, only for a token that the rules allow to replace, and only where the upstream does
/// not say that something else is wrong.
fn may_help(gateway: &Gateway, response: &ResponseHeader, exchange: &Exchange) -> bool {
    let now = gateway.frontend.clock.now();
    let replaceable = exchange
        .token
        .as_ref()
        .is_some_and(|token| token.may_be_replaced(now));
    replaceable && !exchange.token_replaced && says_invalid_token(&response.headers)
}

/// Whether the challenge, where there is one, is about the token itself (RFC 6750 § 3.1).
fn says_invalid_token(headers: &HeaderMap) -> bool {
    let mut challenges = headers.get_all(header::WWW_AUTHENTICATE).iter().peekable();
    let names_it = |value: &http::HeaderValue| {
        value
            .as_bytes()
            .windows(b"invalid_token".len())
            .any(|window| window == b"invalid_token")
    };
    challenges.peek().is_none() || challenges.any(names_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_challenge_about_the_token_calls_for_another_one() {
        for (challenges, expected) in [
            (&[][..], true),
            (&["Bearer error=\"invalid_token\""], true),
            (
                &["Basic realm=x", "Bearer realm=y, error=invalid_token"],
                true,
            ),
            (&["Bearer"], false),
            (&["Bearer error=\"insufficient_scope\""], false),
        ] {
            let mut headers = HeaderMap::new();
            for challenge in challenges {
                headers.append(header::WWW_AUTHENTICATE, challenge.parse().unwrap());
            }
            assert_eq!(says_invalid_token(&headers), expected, "{challenges:?}");
        }
    }
}
