//! What is asked of every request that a session cookie may authenticate, before any store is
//! asked. Nothing else reads the session cookie, so no route and no endpoint can leave a check out.

use http::{HeaderName, HeaderValue, Method, header};
use pingora::http::RequestHeader;
use tokenbridge_bridge::browser::RequestOrigin;
use tokenbridge_bridge::cookie::{Lookup, lookup};
use tokenbridge_bridge::csrf::{CsrfProblem, check_token, needs_proof};
use tokenbridge_bridge::navigation::RequestKind;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::session::{SessionId, SessionKey};

use crate::endpoints::Endpoint;
use crate::exchange::Exchange;
use crate::frontend::Frontend;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A session whose request has not shown yet that one of our pages made it: a form that logs out
/// has its token in the body.
#[derive(Debug)]
pub(crate) struct Unproven(SessionKey);

impl Unproven {
    /// The session, once the form's token is known.
    ///
    /// # Errors
    /// It is not the session's.
    pub(crate) fn prove(
        self,
        frontend: &Frontend,
        token: Option<&str>,
    ) -> Result<SessionKey, Refusal> {
        let Some(token) = token else {
            return Err(forged(frontend, CsrfProblem::Missing));
        };
        let verdict = check_token(token.as_bytes(), |mac| frontend.csrf.is_of(&self.0, mac));
        verdict.map_err(|problem| forged(frontend, problem))?;
        Ok(self.0)
    }
}

/// The session that the request's cookie names, if it has one: the request comes from a page that
/// may use it, and where it changes something that page has made it.
///
/// # Errors
/// The refusal to answer with.
pub(crate) fn session(
    frontend: &Frontend,
    request: &RequestHeader,
    exchange: &mut Exchange,
) -> Result<Option<SessionKey>, Refusal> {
    let Some(key) = from_our_pages(frontend, request, exchange)? else {
        return Ok(None);
    };
    if needs_proof(&request.method) {
        check_proof(frontend, request, &key)?;
    }
    Ok(Some(key))
}

/// As [`session`], for the logout: a form cannot set a header, so the proof may come in its body.
///
/// # Errors
/// The refusal to answer with.
pub(crate) fn session_of_form(
    frontend: &Frontend,
    request: &RequestHeader,
    exchange: &mut Exchange,
) -> Result<Option<SessionKey>, Refusal> {
    let header = &frontend.served().csrf.header;
    if !is_form(request) || request.headers.contains_key(header) {
        return session(frontend, request, exchange);
    }
    exchange.unproven = from_our_pages(frontend, request, exchange)?.map(Unproven);
    Ok(None)
}

/// Notes the session of a request of one of our endpoints, once it passed what the endpoint asks.
///
/// # Errors
/// The refusal to answer with.
pub(crate) fn enter(
    frontend: &Frontend,
    endpoint: Endpoint,
    request: &RequestHeader,
    exchange: &mut Exchange,
) -> Result<(), Refusal> {
    if endpoint != Endpoint::Script {
        note_reader(frontend, request, exchange);
    }
    let found = match endpoint {
        Endpoint::Logout => session_of_form(frontend, request, exchange),
        Endpoint::Login
        | Endpoint::Callback
        | Endpoint::LoggedOut
        | Endpoint::Session
        | Endpoint::Csrf
        | Endpoint::Events => session(frontend, request, exchange),
        // The same for everybody, whoever asks.
        Endpoint::Script => Ok(None),
    };
    exchange.session = match found {
        // A malformed cookie must not keep anybody from logging in or out.
        Err(refusal) if refusal.rejection == Rejection::SessionMissing => {
            exchange.cookie_is_malformed = true;
            None
        }
        found => found?,
    };
    Ok(())
}

fn is_form(request: &RequestHeader) -> bool {
    let media_type = request.headers.get(header::CONTENT_TYPE);
    media_type.is_some_and(|value| {
        let name = value.as_bytes().split(|byte| *byte == b';').next();
        let name = name.unwrap_or_default().trim_ascii();
        name.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    })
}

fn from_our_pages(
    frontend: &Frontend,
    request: &RequestHeader,
    exchange: &mut Exchange,
) -> Result<Option<SessionKey>, Refusal> {
    let origin = one_at_most(frontend, request, &header::ORIGIN)?;
    let site = one_at_most(frontend, request, &SEC_FETCH_SITE)?;
    let described = RequestOrigin {
        site: site.map(HeaderValue::as_bytes),
        origin: origin.map(HeaderValue::as_bytes),
        navigates: exchange.kind == RequestKind::Navigation,
        opens_websocket: opens_websocket(request),
    };
    if let Err(why) = frontend.origins.judge(&request.method, &described) {
        frontend.metrics.csrf_violation("cross_site");
        return Err(Refusal::new(Rejection::CrossSite, why));
    }
    cookie(frontend, request)
}

/// Notes whose page may read the answer, before anything is refused: a page that may call may also
/// read the refusal.
pub(super) fn note_reader(frontend: &Frontend, request: &RequestHeader, exchange: &mut Exchange) {
    let mut origins = request.headers.get_all(header::ORIGIN).iter();
    let origin = origins.next().filter(|_| origins.next().is_none());
    exchange.reader = origin
        .filter(|origin| frontend.origins.lets_read(origin.as_bytes()))
        .cloned();
}

/// A browser says once where a request comes from; which of two fields is its own cannot be told.
fn one_at_most<'r>(
    frontend: &Frontend,
    request: &'r RequestHeader,
    name: &HeaderName,
) -> Result<Option<&'r HeaderValue>, Refusal> {
    let mut values = request.headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_none() {
        return Ok(first);
    }
    frontend.metrics.csrf_violation("cross_site");
    Err(Refusal::new(
        Rejection::CrossSite,
        format!("{name} stands more than once"),
    ))
}

fn opens_websocket(request: &RequestHeader) -> bool {
    let protocols = request.headers.get_all(header::UPGRADE).iter();
    let mut protocols = protocols.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    request.method == Method::GET
        && protocols.any(|name| name.trim_ascii().eq_ignore_ascii_case(b"websocket"))
}

/// The session that the request's cookie names, in any number of `Cookie` fields.
fn cookie(frontend: &Frontend, request: &RequestHeader) -> Result<Option<SessionKey>, Refusal> {
    let fields = request.headers.get_all(header::COOKIE).iter();
    match lookup(fields.map(HeaderValue::as_bytes), frontend.cookie.as_str()) {
        Lookup::None => Ok(None),
        Lookup::Several => Err(Refusal::new(
            Rejection::SessionAmbiguous,
            "two cookies have the session's name",
        )),
        Lookup::One(value) => match SessionId::parse(value) {
            Some(id) => Ok(Some(id.key())),
            // No store can know it: the same answer as for an id that none knows.
            None => Err(Refusal::deleting_cookie(
                Rejection::SessionMissing,
                "the session cookie is malformed",
            )),
        },
    }
}

fn check_proof(
    frontend: &Frontend,
    request: &RequestHeader,
    key: &SessionKey,
) -> Result<(), Refusal> {
    let rule = &frontend.served().csrf;
    let values = request.headers.get_all(&rule.header).iter();
    let verdict = rule.judge(values.map(HeaderValue::as_bytes), |mac| {
        frontend.csrf.is_of(key, mac)
    });
    verdict.map_err(|problem| forged(frontend, problem))
}

fn forged(frontend: &Frontend, problem: CsrfProblem) -> Refusal {
    frontend.metrics.csrf_violation(problem.as_str());
    let header = &frontend.served().csrf.header;
    let why = match problem {
        CsrfProblem::Missing => format!("there is no {header}; its value comes from /auth/csrf"),
        CsrfProblem::Wrong => format!("{header} is not this session's; ask /auth/csrf again"),
    };
    Refusal::new(Rejection::CsrfFailed, why)
}
