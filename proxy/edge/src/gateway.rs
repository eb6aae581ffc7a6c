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
    type CTX = Exchange;

    fn new_ctx(&self) -> Exchange {
        summary::begin(self)
    }

    async fn early_request_filter(
        &self,
        http: &mut HttpSession,
        exchange: &mut Exchange,
    ) -> Result<()> {
        place::receive(self, http, exchange)
    }

    async fn request_filter(
        &self,
        http: &mut HttpSession,
        exchange: &mut Exchange,
    ) -> Result<bool> {
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

    async fn upstream_peer(
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

    async fn upstream_request_filter(
        &self,
        http: &mut HttpSession,
        request: &mut RequestHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        forward::request(self, http, request, exchange)
    }

    async fn request_body_filter(
        &self,
        http: &mut HttpSession,
        part: &mut Option<Bytes>,
        end: bool,
        exchange: &mut Exchange,
    ) -> Result<()> {
        body::arrived(self, http, part.as_ref(), end, exchange)
    }

    async fn upstream_response_filter(
        &self,
        http: &mut HttpSession,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        rejected_token::replace(self, http, response, exchange).await?;
        forward::response(self, response, exchange)
    }

    fn upstream_response_trailer_filter(
        &self,
        _: &mut HttpSession,
        trailers: &mut HeaderMap,
        _: &mut Exchange,
    ) -> Result<()> {
        browser_state::strip_trailers(trailers);
        Ok(())
    }

    fn response_body_filter(
        &self,
        _: &mut HttpSession,
        body: &mut Option<Bytes>,
        _end: bool,
        exchange: &mut Exchange,
    ) -> Result<Option<Duration>> {
        streams::sent(body.as_ref(), exchange);
        Ok(None)
    }

    fn fail_to_connect(
        &self,
        _: &mut HttpSession,
        peer: &HttpPeer,
        exchange: &mut Exchange,
        error: Box<Error>,
    ) -> Box<Error> {
        failure::unreachable_peer(self, peer, exchange, error)
    }

    async fn fail_to_proxy(
        &self,
        http: &mut HttpSession,
        error: &Error,
        exchange: &mut Exchange,
    ) -> FailToProxy {
        failure::answer(self, http, error, exchange).await
    }

    async fn logging(
        &self,
        http: &mut HttpSession,
        error: Option<&Error>,
        exchange: &mut Exchange,
    ) {
        summary::write(self, http, error, exchange);
    }

    fn suppress_proxy_warn_log(
        &self,
        _: &HttpSession,
        _: &Exchange,
        _: &Error,
        _: ProxyWarnLogContext,
    ) -> bool {
        true
    }

    fn suppress_error_log(&self, _: &HttpSession, _: &Exchange, _: &Error) -> bool {
        // The access event tells the same, with the code and without the query.
        true
    }

    fn request_summary(&self, http: &HttpSession, _: &Exchange) -> String {
        // The framework's own summary holds the query.
        format!("{} request", http.req_header().method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a step of two parameters is while it waits.
    fn waiting<'a, A: 'a, B: 'a, F>(_: impl Fn(&'a A, &'a mut B) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_a_request_carries_along_stays_small() {
        // The framework moves its request's task several times, and with it all of this.
        let sizes = [
            ("Exchange", size_of::<Exchange>(), 640),
            ("admit::session", waiting(admit::session), 160),
            ("rates::check", waiting(rates::check), 64),
        ];
        for (name, size, most) in sizes {
            assert!(size <= most, "{name} has {size} bytes, more than {most}");
        }
    }
}
