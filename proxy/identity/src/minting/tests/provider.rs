//! A provider that remembers, and the way to it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::service::{Audience, TokenPlan};
use tokenbridge_bridge::token::ServiceToken;
use tokenbridge_session_store::{Clock, ManualClock};

use super::world::sleep;
use crate::minting::ports::TokenIssuer;
use crate::tokens::ReadProblem;
use crate::tokens::request::TokenRequest;
use crate::tokens::response::{self, Answer, Failure, Processed, TokenResponse};

const LIFE: u64 = 300;

/// A provider with rotation and reuse detection, without any grace.
#[derive(Default)]
pub(super) struct Provider {
    issued: Mutex<Issued>,
    /// How long it takes to answer.
    pub(super) latency: Mutex<Duration>,
    /// How many answers get lost after they were processed.
    pub(super) losses: AtomicU64,
    /// Whether a refresh token that is used again is merely refused, and costs nothing else.
    pub(super) forgives_reuse: AtomicBool,
    /// How many requests are under way, and the most that ever were.
    pub(super) under_way: AtomicU64,
    pub(super) most_under_way: AtomicU64,
    /// Whether the refresh token stays the same, and is not named again.
    pub(super) does_not_rotate: AtomicBool,
}

#[derive(Default)]
struct Issued {
    live: Option<u64>,
    next: u64,
    spent: HashSet<u64>,
    reused: u64,
}

impl Provider {
    pub(super) fn reused(&self) -> u64 {
        self.issued.lock().unwrap().reused
    }

    pub(super) fn refreshes(&self) -> usize {
        self.issued.lock().unwrap().spent.len()
    }

    /// The last rotation never happened: the refresh token before it is live again, as at a
    /// provider whose own failover lost a write.
    pub(super) fn forget_rotation(&self) {
        let mut issued = self.issued.lock().unwrap();
        let before = issued.live.unwrap() - 1;
        issued.spent.remove(&before);
        issued.live = Some(before);
    }

    pub(super) fn first(&self) -> Secret {
        let mut issued = self.issued.lock().unwrap();
        issued.live = Some(0);
        issued.next = 1;
        Secret::new("rt-0")
    }

    fn process(&self, request: &TokenRequest) -> Answer {
        let field = |name: &str| {
            let mut fields = request.fields.iter().filter(|(key, _)| *key == name);
            fields.next().map(|(_, value)| value.expose().to_owned())
        };
        let number: u64 = field("refresh_token").unwrap()[3..].parse().unwrap();
        let mut issued = self.issued.lock().unwrap();
        if issued.live != Some(number) {
            issued.reused += u64::from(issued.spent.contains(&number));
            if !self.forgives_reuse.load(Ordering::SeqCst) {
                issued.live = None;
            }
            return response::read(400, None, br#"{"error":"invalid_grant"}"#);
        }
        if self.does_not_rotate.load(Ordering::SeqCst) {
            let body = serde_json::json!({
                "access_token": field("resource").unwrap(), "token_type": "Bearer",
                "expires_in": LIFE,
            });
            return response::read(200, None, body.to_string().as_bytes());
        }
        let next = issued.next;
        issued.spent.insert(number);
        issued.live = Some(next);
        issued.next += 1;
        let body = serde_json::json!({
            "access_token": field("resource").unwrap(), "token_type": "Bearer",
            "expires_in": LIFE, "refresh_token": format!("rt-{next}"),
        });
        response::read(200, None, body.to_string().as_bytes())
    }
}

/// The token endpoint, with latency and losses on the way.
pub(super) struct SimulatedIssuer {
    pub(super) clock: Arc<ManualClock>,
    pub(super) provider: Arc<Provider>,
}

#[async_trait]
impl TokenIssuer for SimulatedIssuer {
    async fn token(&self, request: &TokenRequest) -> Answer {
        let under_way = self.provider.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.provider
            .most_under_way
            .fetch_max(under_way, Ordering::SeqCst);
        let half = *self.provider.latency.lock().unwrap() / 2;
        sleep(&self.clock, half).await;
        let answer = self.provider.process(request);
        sleep(&self.clock, half).await;
        self.provider.under_way.fetch_sub(1, Ordering::SeqCst);
        let lose = |left: u64| left.checked_sub(1);
        let lost = self
            .provider
            .losses
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose);
        match lost {
            Ok(_) => Answer::Failed(Failure {
                processed: Processed::Maybe,
                retry_after: None,
                what: "io".into(),
            }),
            Err(_) => answer,
        }
    }

    async fn read_access_token(
        &self,
        _: &TokenPlan,
        response: &TokenResponse,
    ) -> Result<ServiceToken, ReadProblem> {
        let value = response.access_token.clone().unwrap();
        let now = self.clock.now();
        Ok(ServiceToken {
            audiences: vec![Audience::new(value.expose())],
            value,
            scopes: Vec::new(),
            issued_at: now,
            expires_at: now.plus(response.expires_in.unwrap()),
            forced: false,
        })
    }
}
