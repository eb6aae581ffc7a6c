//! Cross-origin resource sharing: what pages of `cors.allowed_origins` may read and send. A
//! preflight is answered here and reaches no upstream.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pingora::http::RequestHeader;
use tokenbridge_bridge::cors::Preflight;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::route::RouteAuth;
use tokenbridge_bridge::target::RequestTarget;

use crate::answer::Answer;
use crate::endpoints::Endpoint;
use crate::exchange::{Exchange, Place};
use crate::frontend::Frontend;
use crate::phases::place::KNOWN_METHODS;
use crate::phases::present::Present;

/// How long a browser may remember what a preflight was answered.
const REMEMBERED_SECONDS: u32 = 600;

/// What a page may read although the specification's safelist does not have it.
const EXPOSED: &str = "X-Request-ID, Retry-After, RateLimit, RateLimit-Policy";

/// On what the answer of a session route depends.
const DEPENDS_ON: HeaderValue = HeaderValue::from_static("Cookie, Origin, Sec-Fetch-Site");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Everything by which an upstream could open a session route to other origins.
pub(crate) static ANSWER_FIELDS: [HeaderName; 7] = [
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
    HeaderName::from_static("access-control-allow-private-network"),
];

/// The value of `Access-Control-Expose-Headers`, from the configuration.
pub(crate) fn exposed(configured: &[HeaderName]) -> HeaderValue {
    let mut names = EXPOSED.to_owned();
    for name in configured {
        names.push_str(", ");
        names.push_str(name.as_str());
    }
    HeaderValue::try_from(names).unwrap_or(HeaderValue::from_static(EXPOSED))
}

/// A preflight that is ours to answer: that of an endpoint, or of a session route. One for a route
/// without a session goes the way of any request.
pub(crate) fn asked(
    frontend: &Frontend,
    request: &RequestHeader,
    target: &RequestTarget,
    exchange: &mut Exchange,
) -> Option<Preflight> {
    let asked = Preflight::read(&request.method, &request.headers)?;
    exchange.place = match Endpoint::at(target.path()) {
        Some(endpoint) if endpoint.methods().contains(&asked.method) => Place::Endpoint(endpoint),
        Some(_) => return None,
        None => {
            let found = frontend.served().routes.matches(target, &asked.method);
            // A method that no request may have is not allowed to any page either.
            let found = found.ok().filter(|found| {
                found.route.auth == RouteAuth::Session && KNOWN_METHODS.contains(&asked.method)
            })?;
            Place::Route(found)
        }
    };
    Some(asked)
}

/// The answer to a preflight for a session route or one of our endpoints.
///
/// # Errors
/// The origin may not call; the refusal has no field that would allow anything.
pub(crate) fn preflight(frontend: &Frontend, asked: &Preflight) -> Result<Answer, Refusal> {
    if !frontend.origins.contains(asked.origin.as_bytes()) {
        frontend.metrics.csrf_violation("cross_site");
        return Err(Refusal::new(
            Rejection::CrossSite,
            "a preflight from an Origin that is none of cors.allowed_origins",
        ));
    }
    let answer = Answer::empty(StatusCode::OK)
        .with(header::ACCESS_CONTROL_ALLOW_METHODS, asked.method.as_str())
        .with(
            header::ACCESS_CONTROL_MAX_AGE,
            REMEMBERED_SECONDS.to_string(),
        )
        .with(
            header::VARY,
            "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        );
    let answer = match asked.headers.is_empty() {
        true => answer,
        false => answer.with(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.headers.clone()),
    };
    Ok(allow(answer, &asked.origin))
}

/// Lets the pages of an origin read one of our own answers.
pub(crate) fn share(frontend: &Frontend, answer: Answer, reader: Option<&HeaderValue>) -> Answer {
    match reader {
        None => answer,
        Some(origin) => allow(answer, origin).with(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            // Names are text.
            frontend.exposed_headers.to_str().unwrap_or_default(),
        ),
    }
}

fn allow(answer: Answer, origin: &HeaderValue) -> Answer {
    // An origin that is listed is text.
    let origin = origin.to_str().unwrap_or_default();
    answer
        .with(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)
        .with(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true")
}

/// Puts our own fields in the place of the upstream's on a session route, and says on what its
/// answer depends.
pub(crate) fn replace(
    frontend: &Frontend,
    (fields, present): (&mut HeaderMap, Present),
    reader: Option<&HeaderValue>,
) {
    if present.cors {
        for name in &ANSWER_FIELDS {
            fields.remove(name);
        }
    }
    fields.append(header::VARY, DEPENDS_ON);
    let Some(origin) = reader else { return };
    fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    fields.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
    fields.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        frontend.exposed_headers.clone(),
    );
}
