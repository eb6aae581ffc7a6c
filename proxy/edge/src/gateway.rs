//! The walk of one request. A phase calls one named step; decisions are made in `bridge`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, Result};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session as HttpSession};
use tokenbridge_session_store::{SessionStore, SharedRates};

use crate::exchange::Exchange;
use crate::frontend::Frontend;
use crate::phases::{
    admit, body, browser_state, failure, forward, place, rates, rejected_token, respond, streams,
    summary,
};
use crate::request_id::IdSource;

/// The gateway as one proxy service sees it.
pub(crate) struct Gateway {
    /// What is served, shared by all proxy services.
    pub(crate) frontend: Arc<Frontend>,
    /// This service's own way to the store.
    pub(crate) store: Arc<dyn SessionStore>,
    /// Token buckets that replicas share.
    pub(crate) rates: Option<SharedRates>,
    /// This service's own ids.
    pub(crate) ids: IdSource,
}

#[async_trait]
impl ProxyHttp for Gateway {
    // Boxed: the framework moves a request's context, and all that holds it, several times.
    type CTX = Box<Exchange>;

    fn new_ctx(&self) -> Self::CTX {
        Box::new(summary::begin(self))
    }

    async fn early_request_filter(
        &self,
        http: &mut HttpSession,
        exchange: &mut Self::CTX,
    ) -> Result<()> {
        place::receive(self, http, exchange)
    }

    async fn request_filter(
        &self,
        http: &mut HttpSession,
        exchange: &mut Self::CTX,
    ) -> Result<bool> {
        self.enter(http, exchange).await
    }

    async fn upstream_peer(
        &self,
        http: &mut HttpSession,
        exchange: &mut Self::CTX,
    ) -> Result<Box<HttpPeer>> {
        self.attempt(http, exchange).await
    }

    async fn upstream_request_filter(
        &self,
        http: &mut HttpSession,
        request: &mut RequestHeader,
        exchange: &mut Self::CTX,
    ) -> Result<()> {
        forward::request(self, http, request, exchange)
    }

    async fn request_body_filter(
        &self,
        http: &mut HttpSession,
        part: &mut Option<Bytes>,
        end: bool,
        exchange: &mut Self::CTX,
    ) -> Result<()> {
        body::arrived(self, http, part.as_ref(), end, exchange)
    }

    async fn upstream_response_filter(
        &self,
        http: &mut HttpSession,
        response: &mut ResponseHeader,
        exchange: &mut Self::CTX,
    ) -> Result<()> {
        rejected_token::replace(self, http, response, exchange).await?;
        forward::response(self, response, exchange)
    }

    fn upstream_response_trailer_filter(
        &self,
        _: &mut HttpSession,
        trailers: &mut HeaderMap,
        _: &mut Self::CTX,
    ) -> Result<()> {
        browser_state::strip_trailers(trailers);
        Ok(())
    }

    fn response_body_filter(
        &self,
        _: &mut HttpSession,
        body: &mut Option<Bytes>,
        _end: bool,
        exchange: &mut Self::CTX,
    ) -> Result<Option<Duration>> {
        streams::sent(body.as_ref(), exchange);
        Ok(None)
    }

    fn fail_to_connect(
        &self,
        _: &mut HttpSession,
        peer: &HttpPeer,
        exchange: &mut Self::CTX,
        error: Box<Error>,
    ) -> Box<Error> {
        failure::unreachable_peer(self, peer, exchange, error)
    }

    async fn fail_to_proxy(
        &self,
        http: &mut HttpSession,
        error: &Error,
        exchange: &mut Self::CTX,
    ) -> FailToProxy {
        failure::answer(self, http, error, exchange).await
    }

    async fn logging(
        &self,
        http: &mut HttpSession,
        error: Option<&Error>,
        exchange: &mut Self::CTX,
    ) {
        summary::write(self, http, error, exchange);
    }

    fn suppress_proxy_warn_log(
        &self,
        _: &HttpSession,
        _: &Self::CTX,
        _: &Error,
        _: ProxyWarnLogContext,
    ) -> bool {
        true
    }

    fn suppress_error_log(&self, _: &HttpSession, _: &Self::CTX, _: &Error) -> bool {
        // The access event tells the same, with the code and without the query.
        true
    }

    fn request_summary(&self, http: &HttpSession, _: &Self::CTX) -> String {
        // The framework's own summary holds the query.
        format!("{} request", http.req_header().method)
    }
}

/// The steps that wait. They have names of their own so that a test can tell their sizes.
impl Gateway {
    /// Finds where a request belongs; tells whether it was answered here.
    async fn enter(&self, http: &mut HttpSession, exchange: &mut Exchange) -> Result<bool> {
        let found = match place::find(self, http.req_header(), exchange) {
            // It costs nothing, and a browser could not tell its page why it was refused.
            Ok(found @ place::Found::Preflight(_)) => Ok(found),
            Ok(found) => rates::check(self, exchange).await.map(|()| found),
            Err(refusal) => Err(refusal),
        };
        match found {
            Ok(place::Found::Route) => {
                forward::prepare(self, http, exchange);
                Ok(false)
            }
            // Boxed: a request that is forwarded does not carry the room for an answer of ours.
            Ok(place::Found::Preflight(asked)) => {
                Box::pin(respond::preflight(self, &asked, http, exchange)).await
            }
            Ok(place::Found::Endpoint(endpoint)) => {
                Box::pin(respond::endpoint(self, endpoint, http, exchange)).await
            }
            Err(refusal) => Box::pin(respond::refusal(self, refusal, http, exchange)).await,
        }
    }

    /// Admits a request and finds who is to answer it.
    async fn attempt(
        &self,
        http: &mut HttpSession,
        exchange: &mut Exchange,
    ) -> Result<Box<HttpPeer>> {
        body::begin_attempt(self, http, exchange);
        streams::expect(http, exchange).map_err(|refusal| failure::refused(exchange, refusal))?;
        admit::session(self, exchange)
            .await
            .map_err(|refusal| failure::refused(exchange, refusal))?;
        if body::is_read_ahead(self, http, exchange) {
            // Boxed: a request without a body does not carry the room for this.
            Box::pin(body::read_ahead(self, http, exchange)).await?;
        }
        admit::peer(self, exchange).map_err(|refusal| failure::refused(exchange, refusal))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use pingora_core::server::ShutdownWatch;
    use tokio::net::TcpStream;

    use super::*;
    use crate::connections::Connections;
    use crate::connections::entrances::Entrance;

    type One = &'static Gateway;
    type Http = &'static mut HttpSession;
    type Of = &'static mut Exchange;
    type Accepted = (TcpStream, SocketAddr);

    /// The size of what a step is while it waits.
    fn waiting<A, F: Future>(_: impl Fn(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_a_request_carries_along_stays_small() {
        let enter = waiting(|(one, http, of): (One, Http, Of)| one.enter(http, of));
        let attempt = waiting(|(one, http, of): (One, Http, Of)| one.attempt(http, of));
        let replace = waiting(
            |(one, http, answer, of): (One, Http, &'static ResponseHeader, Of)| {
                rejected_token::replace(one, http, answer, of)
            },
        );
        let answer = waiting(|(one, http, error, of): (One, Http, &'static Error, Of)| {
            failure::answer(one, http, error, of)
        });
        let connection = waiting(
            |(all, accepted, at, shutdown): (
                &'static Arc<Connections>,
                Accepted,
                &'static Entrance,
                ShutdownWatch,
            )| all.serve(accepted, at, shutdown),
        );
        let sizes = [
            (
                "the framework's context",
                size_of::<<Gateway as ProxyHttp>::CTX>(),
                8,
            ),
            ("Exchange", size_of::<Exchange>(), 600),
            ("request_filter", enter, 400),
            ("upstream_peer", attempt, 200),
            ("upstream_response_filter", replace, 96),
            ("fail_to_proxy", answer, 1_500),
            ("a connection", connection, 3_600),
        ];
        let large: Vec<_> = sizes.iter().filter(|(_, size, most)| size > most).collect();
        assert!(large.is_empty(), "larger than its bound: {large:?}");
    }
}
