//! The gateway answers itself: an endpoint's answer, or a refusal.

use pingora_core::Result;
use pingora_proxy::Session as HttpSession;
use tokenbridge_bridge::cors::Preflight;
use tokenbridge_bridge::rejection::Refusal;
use tokenbridge_bridge::route::RouteAuth;

use super::rates::{RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::answer::Answer;
use crate::cors;
use crate::endpoints::{Endpoint, Refused};
use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::refusal::{self, Asker};

/// Answers a request of one of our own endpoints. Always says that it answered.
///
/// # Errors
/// The client is gone.
pub(crate) async fn endpoint(
    gateway: &Gateway,
    endpoint: Endpoint,
    http: &mut HttpSession,
    exchange: &mut Exchange,
) -> Result<bool> {
    match endpoint.answer(gateway, http, exchange).await {
        Ok(answer) => {
            exchange.status = answer.status().as_u16();
            let answer = complete(gateway, answer, exchange);
            let stamp = gateway.frontend.stamp(exchange.request_id.as_str());
            match exchange.events.take() {
                None => answer.send(http, &stamp).await?,
                Some(events) => {
                    answer.begin(http, &stamp).await?;
                    // Boxed: no other request has to carry the room that this takes.
                    Box::pin(events.run(gateway, http)).await?;
                }
            }
            Ok(true)
        }
        Err(refused) => refuse(gateway, refused, http, exchange).await,
    }
}

/// Answers a preflight. Always says that it answered.
///
/// # Errors
/// The client is gone.
pub(crate) async fn preflight(
    gateway: &Gateway,
    asked: &Preflight,
    http: &mut HttpSession,
    exchange: &mut Exchange,
) -> Result<bool> {
    match cors::preflight(&gateway.frontend, asked) {
        Ok(answer) => {
            exchange.status = answer.status().as_u16();
            answer
                .send(http, &gateway.frontend.stamp(exchange.request_id.as_str()))
                .await?;
            Ok(true)
        }
        Err(refusal) => refuse(gateway, refusal.into(), http, exchange).await,
    }
}

/// Answers with a refusal. Always says that it answered.
///
/// # Errors
/// The client is gone.
pub(crate) async fn refusal(
    gateway: &Gateway,
    refusal: Refusal,
    http: &mut HttpSession,
    exchange: &mut Exchange,
) -> Result<bool> {
    refuse(gateway, refusal.into(), http, exchange).await
}

async fn refuse(
    gateway: &Gateway,
    refused: Refused,
    http: &mut HttpSession,
    exchange: &mut Exchange,
) -> Result<bool> {
    let answer = refusal_answer(gateway, refused, exchange);
    // From here on each step has a deadline of its own.
    if let Some(watch) = &exchange.watch {
        watch.disarm();
    }
    answer
        .send(http, &gateway.frontend.stamp(exchange.request_id.as_str()))
        .await?;
    Ok(true)
}

/// Makes a refusal's answer, and notes it for the access event and the metrics.
pub(crate) fn refusal_answer(
    gateway: &Gateway,
    refused: Refused,
    exchange: &mut Exchange,
) -> Answer {
    let session_route = exchange
        .route()
        .is_some_and(|found| found.route.auth == RouteAuth::Session);
    let session_target = exchange
        .target
        .as_ref()
        .filter(|_| session_route)
        .map(|target| target.as_str());
    let asker = Asker {
        kind: exchange.kind,
        session_target,
        service: service(gateway, exchange),
        goes_to_provider: exchange.goes_to_provider,
        request_id: exchange.request_id.as_str(),
    };
    let answer = refusal::answer(
        &refused.refusal,
        &asker,
        &gateway.frontend.cookie_deletion,
        &exchange.allowed,
    );
    let answer = answer.with_cookies(refused.cookies);
    let answer = complete(gateway, answer, exchange);
    gateway
        .frontend
        .places
        .of(&exchange.place)
        .refuse(refused.refusal.rejection);
    exchange.status = answer.status().as_u16();
    exchange.refusal = Some(Box::new(refused.refusal));
    answer
}

/// The service of the request's route.
fn service<'a>(gateway: &'a Gateway, exchange: &Exchange) -> Option<&'a str> {
    let index = exchange.route()?.route.service_index;
    let plan = gateway.frontend.plan(index)?;
    Some(plan.service.as_str())
}

/// What every answer to a client of ours says beside the answer itself.
pub(crate) fn complete(gateway: &Gateway, answer: Answer, exchange: &Exchange) -> Answer {
    let answer = cors::share(&gateway.frontend, answer, exchange.reader.as_ref());
    match &exchange.rates {
        None => answer,
        Some(told) => answer
            .with(RATE_LIMIT_POLICY, told.policy.as_str())
            .with(RATE_LIMIT, told.state.as_str()),
    }
}
