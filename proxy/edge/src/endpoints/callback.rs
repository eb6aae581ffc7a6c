//! `GET /auth/callback`: back from the provider, with a new session or a refusal.

use http::{StatusCode, header};
use pingora_proxy::Session as HttpSession;
use tokenbridge_identity::{Callback, Finished};

use super::{Refused, cookies};
use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::gateway::Gateway;

/// What a browser sees that logged in for a probe.
const PROBED: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Probing</title>\
    <h1>Probing</h1><p>The result is shown where the probe was begun. This browser is not logged in; \
    the window can be closed.</p></html>";

/// Finishes the login, or one service's own authorization. The page that follows must not learn the
/// code from a `Referer`.
pub(super) async fn answer(
    gateway: &Gateway,
    http: &HttpSession,
    exchange: &mut Exchange,
) -> Result<Answer, Refused> {
    let callback = Callback {
        query: exchange.query(),
        cookies: &cookies(http),
        current_session: exchange.session,
    };
    let finished = gateway.frontend.identity.finish_login(callback).await;
    let finished = finished.map_err(|failure| Refused {
        refusal: failure.refusal,
        cookies: failure.set_cookies,
    })?;
    Ok(match finished {
        Finished::Again(redirect) | Finished::Onward(redirect) => {
            Answer::see_other(redirect.location).with_cookies(redirect.set_cookies)
        }
        Finished::Probing { set_cookies } => {
            exchange.remark = Some("probe".into());
            Answer::html(StatusCode::OK, PROBED.into()).with_cookies(set_cookies)
        }
        Finished::LoggedIn(login) => {
            exchange.remark = Some("login".into());
            let cookie = gateway.frontend.cookie.set(&login.session.expose(), None);
            let (location, cookies) = match login.next {
                Some(next) => (next.location, next.set_cookies),
                None => (login.return_to.as_str().into(), Vec::new()),
            };
            Answer::see_other(location)
                .with_cookies(login.set_cookies)
                .with_cookies(cookies)
                .with(header::SET_COOKIE, cookie)
        }
    })
}
