//! The one table of refusals.

use std::time::Duration;

use super::Rejection;

/// How loudly a refusal is logged. Every request has one access event, so each is worth a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The normal course of things.
    Info,
    /// Somebody should look at it.
    Warn,
    /// Somebody must.
    Error,
}

/// Everything that is fixed about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// HTTP status.
    pub status: u16,
    /// Stable code: in the answer, in the log and as metric label.
    pub code: &'static str,
    /// What the client may read.
    pub title: &'static str,
    /// How loudly it is logged.
    pub level: Level,
    /// `Retry-After`, where trying again makes sense.
    pub retry_after: Option<Duration>,
    /// The `error` of a `Proxy-Status` field (RFC 9209 § 2.3).
    pub proxy_error: &'static str,
}

const SOON: Option<Duration> = Some(Duration::from_secs(2));

const fn row(status: u16, code: &'static str, title: &'static str, level: Level) -> Row {
    Row {
        status,
        code,
        title,
        level,
        retry_after: None,
        proxy_error: "http_request_denied",
    }
}

const fn failure(status: u16, code: &'static str, title: &'static str, error: &'static str) -> Row {
    Row {
        status,
        code,
        title,
        level: Level::Warn,
        retry_after: None,
        proxy_error: error,
    }
}

const fn outage(status: u16, code: &'static str, title: &'static str, error: &'static str) -> Row {
    Row {
        status,
        code,
        title,
        level: Level::Warn,
        retry_after: SOON,
        proxy_error: error,
    }
}

impl Rejection {
    /// The one table of refusals.
    pub const fn row(self) -> Row {
        use Level::{Error, Info, Warn};
        match self {
            Self::TargetInvalid => row(
                400,
                "TARGET_INVALID",
                "The request target is ambiguous",
                Info,
            ),
            Self::HostInvalid => row(400, "HOST_INVALID", "The request names no host", Info),
            Self::HeaderInvalid => {
                row(400, "HEADER_INVALID", "A header field cannot be read", Info)
            }
            Self::FramingInvalid => row(
                400,
                "FRAMING_INVALID",
                "Where the request ends is ambiguous",
                Warn,
            ),
            Self::RequestTimeout => row(
                408,
                "REQUEST_TIMEOUT",
                "The request did not arrive in time",
                Info,
            ),
            Self::VersionUnsupported => row(
                505,
                "VERSION_UNSUPPORTED",
                "This version of HTTP is not spoken here",
                Info,
            ),
            Self::SessionAmbiguous => row(
                400,
                "SESSION_AMBIGUOUS",
                "More than one session cookie was sent",
                Warn,
            ),
            Self::CallbackInvalid => row(
                400,
                "CALLBACK_INVALID",
                "The login's answer is incomplete",
                Info,
            ),
            Self::LoginUnknown => row(
                400,
                "LOGIN_UNKNOWN",
                "This browser began no such login",
                Info,
            ),
            Self::LoginExpired => row(400, "LOGIN_EXPIRED", "The login took too long", Info),
            Self::LoginReplayed => row(
                400,
                "LOGIN_REPLAYED",
                "This login was completed before",
                Warn,
            ),
            Self::IssuerMismatch => row(
                400,
                "ISSUER_MISMATCH",
                "The login's answer is from another provider",
                Warn,
            ),
            Self::LoginRefused => row(400, "LOGIN_REFUSED", "The provider refused the login", Info),
            Self::CodeRefused => row(
                400,
                "CODE_REFUSED",
                "The provider did not accept the login's code",
                Warn,
            ),
            Self::SessionMissing => row(401, "SESSION_MISSING", "A login is needed", Info),
            Self::SessionExpired => row(401, "SESSION_EXPIRED", "The session is over", Info),
            Self::SessionReplaced => row(
                401,
                "SESSION_REPLACED",
                "A newer login replaced the session",
                Info,
            ),
            Self::NoTokenAvailable => row(
                401,
                "NO_TOKEN_AVAILABLE",
                "There is no token for this service",
                Warn,
            ),
            Self::InteractionRequired => row(
                401,
                "INTERACTION_REQUIRED",
                "The provider wants to ask the user",
                Info,
            ),
            Self::CrossSite => row(
                403,
                "CROSS_SITE_REQUEST",
                "The request comes from another origin",
                Warn,
            ),
            Self::CsrfFailed => row(
                403,
                "CSRF_FAILED",
                "The request lacks its anti-forgery token",
                Warn,
            ),
            Self::ClientNotAllowed => row(
                403,
                "CLIENT_NOT_ALLOWED",
                "This client may not ask here",
                Warn,
            ),
            Self::RouteNotFound => row(404, "ROUTE_NOT_FOUND", "Nothing is here", Info),
            Self::MethodNotAllowed => row(
                405,
                "METHOD_NOT_ALLOWED",
                "The method is not allowed here",
                Info,
            ),
            Self::BodyTooLarge => row(413, "BODY_TOO_LARGE", "The body is too large", Info),
            Self::TargetTooLong => row(
                414,
                "TARGET_TOO_LONG",
                "The request target is too long",
                Info,
            ),
            Self::HostUnknown => row(421, "HOST_UNKNOWN", "This host is not served here", Info),
            Self::TooManyRequests => row(429, "TOO_MANY_REQUESTS", "Too many requests", Info),
            Self::HeadersTooLarge => row(
                431,
                "HEADERS_TOO_LARGE",
                "The header fields are too large",
                Info,
            ),
            Self::AudienceMismatch => failure(
                502,
                "AUDIENCE_MISMATCH",
                "The provider's token is not for this service",
                "http_protocol_error",
            ),
            Self::TokenResponseInvalid => failure(
                502,
                "TOKEN_RESPONSE_INVALID",
                "The provider's answer was unusable",
                "http_protocol_error",
            ),
            Self::IdTokenInvalid => failure(
                502,
                "ID_TOKEN_INVALID",
                "The provider's identity statement was refused",
                "http_protocol_error",
            ),
            Self::ClientRefused => failure(
                502,
                "CLIENT_REFUSED",
                "The provider did not accept this gateway",
                "http_protocol_error",
            ),
            Self::UpstreamFailed => failure(
                502,
                "UPSTREAM_FAILED",
                "The service broke off",
                "connection_terminated",
            ),
            Self::UpstreamAnswerInvalid => failure(
                502,
                "UPSTREAM_ANSWER_INVALID",
                "The service's answer could not be read",
                "http_protocol_error",
            ),
            Self::UpstreamUntrusted => failure(
                502,
                "UPSTREAM_UNTRUSTED",
                "The service could not prove who it is",
                "tls_certificate_error",
            ),
            Self::LoopDetected => failure(
                508,
                "LOOP_DETECTED",
                "The request runs in a circle",
                "proxy_loop_detected",
            ),
            Self::StoreUnavailable => outage(
                503,
                "STORE_UNAVAILABLE",
                "Sessions cannot be read at the moment",
                "proxy_internal_error",
            ),
            Self::StoreFull => outage(
                503,
                "STORE_FULL",
                "No more logins are taken at the moment",
                "proxy_internal_error",
            ),
            Self::IdpUnavailable => outage(
                503,
                "IDP_UNAVAILABLE",
                "The login provider does not answer at the moment",
                "proxy_internal_error",
            ),
            Self::UpstreamUnavailable => outage(
                503,
                "UPSTREAM_UNAVAILABLE",
                "The service cannot be reached at the moment",
                "destination_unavailable",
            ),
            Self::Overloaded => outage(
                503,
                "OVERLOADED",
                "Too many requests are under way",
                "connection_limit_reached",
            ),
            Self::UpstreamTimeout => failure(
                504,
                "UPSTREAM_TIMEOUT",
                "The service did not answer in time",
                "http_response_timeout",
            ),
            Self::ClientGone => row(400, "CLIENT_GONE", "The request did not arrive whole", Info),
            Self::Internal => Row {
                status: 500,
                code: "INTERNAL",
                title: "The gateway failed",
                level: Error,
                retry_after: None,
                proxy_error: "proxy_internal_error",
            },
        }
    }
}
