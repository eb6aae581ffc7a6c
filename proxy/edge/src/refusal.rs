//! What a refusal looks like to the client: a redirect to the login, a page, or problem+json.

use http::{Method, StatusCode, header};
use serde_json::json;
use tokenbridge_bridge::navigation::RequestKind;
use tokenbridge_bridge::rejection::{CookieFate, Refusal, Rejection};

use crate::answer::Answer;

/// What a proxy says of an answer (RFC 9209).
pub(crate) const PROXY_STATUS: header::HeaderName = header::HeaderName::from_static("proxy-status");

/// Where a navigation without a session is sent, and where a page can send its user.
pub(crate) const LOGIN_PATH: &str = "/auth/login";

/// Of the request, all that a refusal's look depends on.
pub(crate) struct Asker<'a> {
    pub(crate) kind: RequestKind,
    /// Path and query, where the request is for a session route: what a login may return to.
    pub(crate) session_target: Option<&'a str>,
    pub(crate) request_id: &'a str,
}

/// The answer to a refused request. `deletion` is the `Set-Cookie` value that deletes the session
/// cookie; `allowed` are the methods for 405.
pub(crate) fn answer(
    refusal: &Refusal,
    asker: &Asker<'_>,
    deletion: &str,
    allowed: &[Method],
) -> Answer {
    let row = refusal.rejection.row();
    let answer = match (asker.kind, asker.session_target, refusal.rejection) {
        (
            RequestKind::Navigation,
            Some(target),
            Rejection::SessionMissing | Rejection::SessionExpired,
        ) => {
            let return_to: String =
                url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
            Answer::see_other(format!("{LOGIN_PATH}?return_to={return_to}"))
        }
        (RequestKind::Navigation, _, rejection) => page(rejection, asker.request_id),
        (RequestKind::Fetch, _, rejection) => problem(rejection, asker.request_id),
    };
    let cookies = match refusal.cookie {
        CookieFate::Untouched => None,
        CookieFate::Deleted => Some(deletion.to_owned()),
    };
    let mut answer = answer
        .with_cookies(cookies)
        .with(
            PROXY_STATUS,
            format!("tokenbridge; error={}", row.proxy_error),
        )
        .with(
            header::VARY,
            "Accept, Cookie, Origin, Sec-Fetch-Mode, Sec-Fetch-Site",
        );
    if row.status == 401 {
        // RFC 9110 § 15.5.2 wants a challenge; this scheme shows no browser dialog.
        answer = answer.with(header::WWW_AUTHENTICATE, "Session realm=\"tokenbridge\"");
    }
    if let Some(pause) = refusal.retry_after.or(row.retry_after) {
        let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
        answer = answer.with(header::RETRY_AFTER, seconds.to_string());
    }
    if refusal.rejection == Rejection::MethodNotAllowed {
        let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
        answer = answer.with(header::ALLOW, names.join(", "));
    }
    answer
}

fn status(rejection: Rejection) -> StatusCode {
    StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Whether a login is what helps.
fn login_helps(rejection: Rejection) -> bool {
    matches!(
        rejection,
        Rejection::SessionMissing
            | Rejection::SessionExpired
            | Rejection::InteractionRequired
            | Rejection::CallbackInvalid
            | Rejection::LoginUnknown
            | Rejection::LoginExpired
            | Rejection::LoginReplayed
            | Rejection::LoginRefused
            | Rejection::CodeRefused
    )
}

fn problem(rejection: Rejection, request_id: &str) -> Answer {
    let row = rejection.row();
    let mut document = json!({
        "type": format!("urn:tokenbridge:problem:{}", row.code),
        "title": row.title,
        "status": row.status,
        "code": row.code,
        "request_id": request_id,
    });
    if let (true, Some(members)) = (login_helps(rejection), document.as_object_mut()) {
        members.insert("login_url".into(), LOGIN_PATH.into());
    }
    Answer::json(status(rejection), "application/problem+json", &document)
}

fn page(rejection: Rejection, request_id: &str) -> Answer {
    let row = rejection.row();
    let link = match login_helps(rejection) {
        true => format!("<p><a href=\"{LOGIN_PATH}\">Log in again</a></p>"),
        false => "<p><a href=\"/\">Back to the start</a></p>".into(),
    };
    let (status_number, title, code) = (row.status, row.title, row.code);
    Answer::html(
        status(rejection),
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
             <h1>{title}</h1><p>{status_number} {code}</p>{link}<p><small>Request {request_id}</small></p></html>"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(kind: RequestKind, session_target: Option<&str>) -> Asker<'_> {
        Asker {
            kind,
            session_target,
            request_id: "id",
        }
    }

    #[test]
    fn a_fetch_is_never_redirected() {
        for rejection in Rejection::ALL {
            let refusal = Refusal::from(rejection);
            let answer = answer(
                &refusal,
                &asker(RequestKind::Fetch, Some("/x")),
                "gone",
                &[],
            );
            assert_eq!(
                answer.status().as_u16(),
                rejection.status(),
                "{rejection:?}"
            );
        }
    }

    #[test]
    fn only_a_navigation_that_lacks_a_session_goes_to_the_login() {
        for rejection in Rejection::ALL {
            let refusal = Refusal::from(rejection);
            let answer = answer(
                &refusal,
                &asker(RequestKind::Navigation, Some("/x?y=1&z")),
                "gone",
                &[],
            );
            let to_login = matches!(
                rejection,
                Rejection::SessionMissing | Rejection::SessionExpired
            );
            assert_eq!(
                answer.status() == StatusCode::SEE_OTHER,
                to_login,
                "{rejection:?}"
            );
            if to_login {
                let text = format!("{answer:?}");
                assert!(
                    text.contains("/auth/login?return_to=%2Fx%3Fy%3D1%26z"),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn the_cookie_is_deleted_only_where_the_refusal_says_so() {
        let kept = answer(
            &Rejection::StoreUnavailable.into(),
            &asker(RequestKind::Fetch, None),
            "gone",
            &[],
        );
        assert!(!format!("{kept:?}").contains("gone"));
        let refusal = Refusal::deleting_cookie(Rejection::SessionMissing, "");
        let deleted = answer(&refusal, &asker(RequestKind::Fetch, None), "gone", &[]);
        assert!(format!("{deleted:?}").contains("gone"));
    }

    #[test]
    fn every_401_has_a_challenge_and_every_503_says_when_to_come_back() {
        for rejection in Rejection::ALL {
            let text = format!(
                "{:?}",
                answer(&rejection.into(), &asker(RequestKind::Fetch, None), "", &[])
            );
            assert_eq!(
                text.contains("www-authenticate"),
                rejection.status() == 401,
                "{rejection:?}"
            );
            assert_eq!(
                text.contains("retry-after"),
                rejection.status() == 503,
                "{rejection:?}"
            );
        }
    }
}
