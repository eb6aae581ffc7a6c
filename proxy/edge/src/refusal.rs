//! What a refusal looks like to the client: a redirect to the login, a page, or problem+json.

use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokenbridge_bridge::navigation::RequestKind;
use tokenbridge_bridge::rejection::{CookieFate, Refusal, Rejection};

use crate::answer::Answer;

/// What a proxy says of an answer (RFC 9209).
pub(crate) const PROXY_STATUS: header::HeaderName = header::HeaderName::from_static("proxy-status");

/// Where a navigation without a session is sent, and where a page can send its user.
pub(crate) const LOGIN_PATH: &str = "/auth/login";

/// RFC 9110 § 15.5.2 wants a challenge in every 401; this scheme shows no browser dialog.
const CHALLENGE: &str = "Session realm=\"tokenbridge\"";

/// Of the request, all that a refusal's look depends on.
pub(crate) struct Asker<'a> {
    pub(crate) kind: RequestKind,
    /// Path and query, where the request is for a session route: what a login may return to.
    pub(crate) session_target: Option<&'a str>,
    /// The service of the request's route.
    pub(crate) service: Option<&'a str>,
    /// Whether a user who must act at the provider for that service is sent there by itself.
    pub(crate) goes_to_provider: bool,
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
        ) => Answer::see_other(login_url(None, Some(target))),
        (RequestKind::Navigation, Some(target), Rejection::InteractionRequired)
            if asker.goes_to_provider =>
        {
            Answer::see_other(login_url(asker.service, Some(target)))
        }
        (RequestKind::Navigation, _, rejection) => page(rejection, asker),
        (RequestKind::Fetch, _, rejection) => problem(rejection, asker),
    };
    let mut answer = answer
        .with_cookies(set_cookie(refusal.cookie, deletion))
        .with(
            PROXY_STATUS,
            format!("tokenbridge; error={}", row.proxy_error),
        )
        .with(
            header::VARY,
            "Accept, Cookie, Origin, Sec-Fetch-Mode, Sec-Fetch-Site",
        );
    if row.status == 401 {
        answer = answer.with(header::WWW_AUTHENTICATE, CHALLENGE);
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

/// The answer to a page that asks whether there is a session, where there is none: as
/// [`Rejection::SessionMissing`], with a document of its own.
pub(crate) fn no_session(document: &Value, cookie: CookieFate, deletion: &str) -> Answer {
    Answer::json(
        status(Rejection::SessionMissing),
        "application/json",
        document,
    )
    .with(header::WWW_AUTHENTICATE, CHALLENGE)
    .with_cookies(set_cookie(cookie, deletion))
}

fn set_cookie(fate: CookieFate, deletion: &str) -> Option<String> {
    match fate {
        CookieFate::Untouched => None,
        CookieFate::Deleted => Some(deletion.to_owned()),
    }
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
            | Rejection::IssuerMismatch
            | Rejection::LoginRefused
            | Rejection::CodeRefused
    )
}

/// Where a login helps, and for which service it must name: with it the session stays, and the
/// user acts at the provider for that service alone.
fn login_url(service: Option<&str>, return_to: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(service) = service {
        query.append_pair("service", service);
    }
    if let Some(return_to) = return_to {
        query.append_pair("return_to", return_to);
    }
    match query.finish() {
        query if query.is_empty() => LOGIN_PATH.into(),
        query => format!("{LOGIN_PATH}?{query}"),
    }
}

/// The service that a refusal is about, where it is about one.
fn named<'a>(rejection: Rejection, asker: &Asker<'a>) -> Option<&'a str> {
    asker
        .service
        .filter(|_| rejection == Rejection::InteractionRequired)
}

fn problem(rejection: Rejection, asker: &Asker<'_>) -> Answer {
    let row = rejection.row();
    let mut document = json!({
        "type": format!("urn:tokenbridge:problem:{}", row.code),
        "title": row.title,
        "status": row.status,
        "code": row.code,
        "request_id": asker.request_id,
    });
    if let (true, Some(members)) = (login_helps(rejection), document.as_object_mut()) {
        let login_url = login_url(named(rejection, asker), None);
        members.insert("login_url".into(), login_url.into());
    }
    Answer::json(status(rejection), "application/problem+json", &document)
}

fn page(rejection: Rejection, asker: &Asker<'_>) -> Answer {
    let row = rejection.row();
    let link = match (login_helps(rejection), named(rejection, asker)) {
        (true, Some(service)) => {
            let url = login_url(Some(service), asker.session_target).replace('&', "&amp;");
            format!("<p><a href=\"{url}\">Go on at the provider</a></p>")
        }
        (true, None) => format!("<p><a href=\"{LOGIN_PATH}\">Log in again</a></p>"),
        (false, _) => "<p><a href=\"/\">Back to the start</a></p>".into(),
    };
    let request_id = asker.request_id;
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
mod tests;
