//! What is known of one request while it is under way: the framework's per-request context.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, Method};
use tokenbridge_bridge::navigation::RequestKind;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::route::RouteMatch;
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::target::RequestTarget;
use tokenbridge_bridge::token::AudienceBound;

use crate::connections::Watch;
use crate::endpoints::Endpoint;
use crate::endpoints::events::EventStream;
use crate::frontend::Frontend;
use crate::phases::browser::Unproven;
use crate::phases::rates::Told;
use crate::phases::streams::Stream;
use crate::phases::summary;
use crate::request_id::RequestId;

/// Where a request belongs.
#[derive(Debug, Default)]
pub(crate) enum Place {
    /// Nowhere, or not known yet.
    #[default]
    None,
    /// One of our own endpoints.
    Endpoint(Endpoint),
    /// A route.
    Route(RouteMatch),
}

/// One request and its answer.
pub(crate) struct Exchange {
    pub(crate) started: Instant,
    /// Names the request to client, upstream and log.
    pub(crate) request_id: RequestId,
    /// The `traceparent` of the trace that the request belongs to, one hop on.
    pub(crate) trace: HeaderValue,
    pub(crate) kind: RequestKind,
    /// Who it is from, behind proxies that are believed.
    pub(crate) client: Option<IpAddr>,
    pub(crate) target: Option<RequestTarget>,
    pub(crate) place: Place,
    /// The session that the request's cookie names; not yet looked up.
    pub(crate) session: Option<SessionKey>,
    /// The session of a form that has its proof in its body.
    pub(crate) unproven: Option<Unproven>,
    /// What the answer goes on with, where it has no end of its own.
    pub(crate) events: Option<Box<EventStream>>,
    /// The upstream's answer, where it lasts.
    pub(crate) stream: Option<Stream>,
    /// What the client is told of its rate limits.
    pub(crate) rates: Option<Box<Told>>,
    /// The origin of another page that may read the answer.
    pub(crate) reader: Option<HeaderValue>,
    /// The session cookie holds what no session id is.
    pub(crate) cookie_is_malformed: bool,
    /// The token to send, once the request was admitted.
    pub(crate) token: Option<AudienceBound>,
    /// Whether the token was replaced because the upstream rejected it: once, never twice.
    pub(crate) token_replaced: bool,
    /// Whether the user is sent to the provider for the route's service, by itself.
    pub(crate) goes_to_provider: bool,
    /// Why the gateway answered itself.
    pub(crate) refusal: Option<Box<Refusal>>,
    /// The methods that a 405 names.
    pub(crate) allowed: Vec<Method>,
    /// The first words of the access event, where there is more to say than "request".
    pub(crate) remark: Option<String>,
    /// The status that was answered.
    pub(crate) status: u16,
    /// Bytes of the request body so far, for the limit.
    pub(crate) body_bytes: u64,
    /// When the stretch began in which its pace is measured, and the bytes since.
    pub(crate) body_stretch: Option<(Instant, u64)>,
    /// The request's deadlines.
    pub(crate) watch: Option<Arc<Watch>>,
    /// Counts the request as under way, and has its access event written.
    pub(crate) under_way: Option<UnderWay>,
}

impl Exchange {
    /// A request that just arrived.
    pub(crate) fn begin((request_id, trace): (RequestId, HeaderValue)) -> Self {
        Self {
            started: Instant::now(),
            request_id,
            trace,
            kind: RequestKind::Fetch,
            client: None,
            target: None,
            place: Place::None,
            session: None,
            unproven: None,
            events: None,
            stream: None,
            rates: None,
            reader: None,
            cookie_is_malformed: false,
            token: None,
            token_replaced: false,
            goes_to_provider: false,
            refusal: None,
            allowed: Vec::new(),
            remark: None,
            status: 0,
            body_bytes: 0,
            body_stretch: None,
            watch: None,
            under_way: None,
        }
    }

    /// The route, where the request has one.
    pub(crate) fn route(&self) -> Option<&RouteMatch> {
        match &self.place {
            Place::Route(found) => Some(found),
            Place::None | Place::Endpoint(_) => None,
        }
    }

    /// The query as it came; empty where there is none.
    pub(crate) fn query(&self) -> &str {
        let query = self.target.as_ref().and_then(|target| target.query());
        query.unwrap_or_default()
    }

    /// Whether the client asked for a WebSocket, or has one.
    pub(crate) fn is_websocket(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_websocket)
    }

    /// Notes that the access event was written.
    pub(crate) fn note_written(&mut self) {
        if let Some(under_way) = &mut self.under_way {
            under_way.unwritten = None;
        }
    }

    /// The code of the refusal, where there is one.
    pub(crate) fn rejection(&self) -> Option<Rejection> {
        self.refusal.as_ref().map(|refusal| refusal.rejection)
    }
}

impl Drop for Exchange {
    /// Where the framework's last phase never came (a deadline, a fault), the event is written all
    /// the same.
    fn drop(&mut self) {
        let Some(mut under_way) = self.under_way.take() else {
            return;
        };
        let Some(method) = under_way.unwritten.take() else {
            return;
        };
        let cause = self.watch.as_ref().and_then(|watch| {
            let cut = watch.stream.cut().map(|cut| cut.words());
            watch.cause().or(cut)
        });
        let cause = match std::thread::panicking() {
            true => "the gateway failed",
            false => cause.unwrap_or("the connection ended"),
        };
        self.remark = Some(format!("request broken off: {cause}"));
        summary::record(&under_way.frontend, &method, (self.status, true), self);
    }
}

/// A request under way: counted for as long as this lives, also through a panic.
pub(crate) struct UnderWay {
    frontend: Arc<Frontend>,
    /// The method, until the access event is written; none where that is written by itself.
    unwritten: Option<Method>,
}

impl UnderWay {
    /// Counts a request.
    pub(crate) fn begin(frontend: Arc<Frontend>, unwritten: Option<Method>) -> Self {
        frontend.drain.enter();
        Self {
            frontend,
            unwritten,
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.frontend.drain.leave();
    }
}
