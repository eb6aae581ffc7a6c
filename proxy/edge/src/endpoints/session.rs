//! `GET /auth/session`: whether there is a session, whose, and for which services it has tokens.

use http::{StatusCode, header};
use serde_json::json;
use tokenbridge_bridge::rejection::{CookieFate, Refusal};
use tokenbridge_bridge::service::TokenPlan;
use tokenbridge_bridge::token::{AudienceBound, TokenSlot};
use tokenbridge_session_store::{Described, Description};

use super::Refused;
use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::refusal;

/// Tells about the session. Asking does not extend it.
pub(super) async fn answer(gateway: &Gateway, exchange: &mut Exchange) -> Result<Answer, Refused> {
    let Some(key) = exchange.session else {
        let fate = match exchange.cookie_is_malformed {
            true => CookieFate::Deleted,
            false => CookieFate::Untouched,
        };
        return Ok(unauthenticated(gateway, fate));
    };
    let described = gateway.store.describe(&key).await.map_err(Refusal::from)?;
    let description = match described {
        Described::Found(description) => description,
        Described::Replaced | Described::Unreadable => {
            return Ok(unauthenticated(gateway, CookieFate::Untouched));
        }
        Described::Absent => return Ok(unauthenticated(gateway, CookieFate::Deleted)),
    };
    let idle = gateway.frontend.served().session.idle;
    let now = gateway.frontend.clock.now();
    if description
        .facts
        .check_alive(description.last_seen, idle, now)
        .is_err()
    {
        return Ok(unauthenticated(gateway, CookieFate::Deleted));
    }
    gateway.frontend.identity.find_own_tokens().await;
    let services = services(gateway, &description);
    exchange.remark = Some(format!(
        "Session status check successful services_count={}",
        services.len()
    ));
    let document = json!({
        "authenticated": true,
        "user": {
            "sub": description.facts.subject.subject,
            "name": description.profile.name,
            "preferred_username": description.profile.preferred_username,
            "email": description.profile.email,
        },
        "expires_at": description.facts.expires_at.seconds(),
        "idle_expires_at": description.last_seen.plus(idle.0).seconds(),
        "services": services,
        "services_count": services.len(),
    });
    Ok(Answer::json(StatusCode::OK, "application/json", &document)
        .with(header::VARY, "Cookie, Origin"))
}

/// The services whose token would be sent: it is there, and it is for that service.
fn services<'a>(gateway: &'a Gateway, description: &Description) -> Vec<&'a str> {
    let has_token = |plan: &&TokenPlan| {
        let own = gateway.frontend.identity.own_token(&plan.service);
        let slot = own.as_ref().or(description.slots.get(&plan.service));
        match (slot, &plan.audience) {
            (Some(TokenSlot::Token(token)), Some(policy)) => {
                AudienceBound::bind(token, policy).is_ok()
            }
            (Some(TokenSlot::Token(_) | TokenSlot::Refused(_)) | None, _) => false,
        }
    };
    let plans = gateway
        .frontend
        .served()
        .services
        .iter()
        .map(|service| &service.token);
    plans
        .filter(has_token)
        .map(|plan| plan.service.as_str())
        .collect()
}

fn unauthenticated(gateway: &Gateway, cookie: CookieFate) -> Answer {
    let document = json!({ "authenticated": false });
    refusal::no_session(&document, cookie, &gateway.frontend.cookie_deletion)
        .with(header::VARY, "Cookie, Origin")
}
