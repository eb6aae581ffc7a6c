//! Every refusal and failure that the gateway answers itself.
//!
//! A client is told status, code and a short text; a log is told the rest.

mod refusal;
mod table;

pub use refusal::{CookieFate, Refusal};
pub use table::{Level, Row};

/// A refusal. Closed: a new one needs its row in [`Rejection::row`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// The request target is ambiguous.
    TargetInvalid,
    /// The request has no usable `Host`.
    HostInvalid,
    /// A header field of the request cannot be read.
    HeaderInvalid,
    /// Where the request's body ends can be read in two ways.
    FramingInvalid,
    /// The request did not arrive in time.
    RequestTimeout,
    /// The request's version is not spoken here.
    VersionUnsupported,
    /// Two session cookies in one request.
    SessionAmbiguous,
    /// A callback without `state`, `code` or with a parameter twice.
    CallbackInvalid,
    /// No login of this browser goes with the callback's `state`.
    LoginUnknown,
    /// The login took longer than its cookie lives.
    LoginExpired,
    /// The callback was used before.
    LoginReplayed,
    /// The callback's `iss` is not the issuer's (RFC 9207).
    IssuerMismatch,
    /// The provider answered the login with an error.
    LoginRefused,
    /// The provider refused the authorization code.
    CodeRefused,
    /// No session cookie, or one that no session goes with.
    SessionMissing,
    /// The session is over.
    SessionExpired,
    /// A newer login of this browser replaced the session.
    SessionReplaced,
    /// The session has no token for the service.
    NoTokenAvailable,
    /// The user must act at the provider first.
    InteractionRequired,
    /// The request comes from another site or origin.
    CrossSite,
    /// The request lacks its proof that the page made it.
    CsrfFailed,
    /// A client asks on a listener that is not for it.
    ClientNotAllowed,
    /// No route matches.
    RouteNotFound,
    /// The route does not take the method.
    MethodNotAllowed,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The request target is longer than allowed.
    TargetTooLong,
    /// The request is for another host.
    HostUnknown,
    /// Too many requests.
    TooManyRequests,
    /// More or longer header fields than allowed.
    HeadersTooLarge,
    /// The token is for another audience than the service's.
    AudienceMismatch,
    /// The provider's token response is unusable.
    TokenResponseInvalid,
    /// The ID token is not what it must be.
    IdTokenInvalid,
    /// The provider does not accept this client.
    ClientRefused,
    /// The upstream closed the connection before its answer was whole.
    UpstreamFailed,
    /// What the upstream answered is no HTTP.
    UpstreamAnswerInvalid,
    /// The upstream could not prove who it is.
    UpstreamUntrusted,
    /// The request came back to the gateway that forwarded it.
    LoopDetected,
    /// The session store does not answer.
    StoreUnavailable,
    /// The session store takes no more sessions.
    StoreFull,
    /// The provider does not answer.
    IdpUnavailable,
    /// The upstream cannot be reached.
    UpstreamUnavailable,
    /// The gateway is at its limit of requests in flight.
    Overloaded,
    /// The upstream did not answer in time.
    UpstreamTimeout,
    /// The client did not send its request in time, or broke off.
    ClientGone,
    /// A fault of the gateway.
    Internal,
}

impl Rejection {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.row().status
    }

    /// The stable code.
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// Every refusal, for metrics and tests.
    pub const ALL: [Self; 45] = [
        Self::TargetInvalid,
        Self::HostInvalid,
        Self::HeaderInvalid,
        Self::FramingInvalid,
        Self::RequestTimeout,
        Self::VersionUnsupported,
        Self::SessionAmbiguous,
        Self::CallbackInvalid,
        Self::LoginUnknown,
        Self::LoginExpired,
        Self::LoginReplayed,
        Self::IssuerMismatch,
        Self::LoginRefused,
        Self::CodeRefused,
        Self::SessionMissing,
        Self::SessionExpired,
        Self::SessionReplaced,
        Self::NoTokenAvailable,
        Self::InteractionRequired,
        Self::CrossSite,
        Self::CsrfFailed,
        Self::ClientNotAllowed,
        Self::RouteNotFound,
        Self::MethodNotAllowed,
        Self::BodyTooLarge,
        Self::TargetTooLong,
        Self::HostUnknown,
        Self::TooManyRequests,
        Self::HeadersTooLarge,
        Self::AudienceMismatch,
        Self::TokenResponseInvalid,
        Self::IdTokenInvalid,
        Self::ClientRefused,
        Self::UpstreamFailed,
        Self::UpstreamAnswerInvalid,
        Self::UpstreamUntrusted,
        Self::LoopDetected,
        Self::StoreUnavailable,
        Self::StoreFull,
        Self::IdpUnavailable,
        Self::UpstreamUnavailable,
        Self::Overloaded,
        Self::UpstreamTimeout,
        Self::ClientGone,
        Self::Internal,
    ];
}

#[cfg(test)]
mod tests;
