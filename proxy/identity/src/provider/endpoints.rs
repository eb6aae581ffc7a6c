//! The token and revocation endpoints.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokenbridge_bridge::Secret;
use url::Url;

use crate::provider::Provider;
use crate::provider::breaker::Breaker;
use crate::provider::http_client::{CallFailure, Form, HttpAnswer};
use crate::telemetry::Endpoint;
use crate::tokens::request::TokenRequest;
use crate::tokens::response::{self, Answer, Failure, Processed, TokenResponse};

/// One breaker for each endpoint that requests wait for.
#[derive(Default)]
pub(crate) struct Breakers {
    token: Mutex<Breaker>,
    revocation: Mutex<Breaker>,
    introspection: Mutex<Breaker>,
}

/// What became of a revocation (RFC 7009 § 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Revocation {
    /// The token is dead.
    Done,
    /// The provider cannot revoke, or not this: trying again is of no use.
    Refused,
    /// It may work later.
    Failed,
}

impl Provider {
    /// Sends a request to the token endpoint and reads the answer.
    pub(crate) async fn send(&self, request: &TokenRequest) -> Answer {
        let unsent = |what: String| {
            Answer::Failed(Failure {
                processed: Processed::No,
                retry_after: None,
                what,
            })
        };
        let metadata = match self.metadata().await {
            Ok(metadata) => metadata,
            Err(why) => return unsent(why),
        };
        match self
            .call(Endpoint::Token, &metadata.token, &request.fields)
            .await
        {
            Ok(answer) => response::read(answer.status, answer.retry_after, &answer.body),
            Err(NoAnswer::Unsent(why)) => unsent(why),
            // As unusable as one that is no JSON.
            Err(NoAnswer::Failed(CallFailure::TooLarge)) => {
                Answer::Granted(Box::new(TokenResponse {
                    problem: Some("the answer is larger than a token response may be".into()),
                    ..TokenResponse::default()
                }))
            }
            Err(NoAnswer::Failed(failure)) => Answer::Failed(Failure {
                processed: match failure {
                    CallFailure::Connect => Processed::No,
                    CallFailure::Timeout | CallFailure::Broken | CallFailure::TooLarge => {
                        Processed::Maybe
                    }
                },
                retry_after: None,
                what: failure.as_str().into(),
            }),
        }
    }

    /// Revokes a refresh token (RFC 7009 § 2.1).
    pub(crate) async fn revoke(&self, refresh_token: &Secret) -> Revocation {
        let Ok(metadata) = self.metadata().await else {
            return Revocation::Failed;
        };
        let Some(url) = &metadata.revocation else {
            return Revocation::Refused;
        };
        let fields = [
            ("token", refresh_token.clone()),
            ("token_type_hint", Secret::new("refresh_token")),
        ];
        match self.call(Endpoint::Revocation, url, &fields).await {
            Ok(answer) => match answer.status {
                200..=299 => Revocation::Done,
                429 | 500..=599 => Revocation::Failed,
                _ => Revocation::Refused,
            },
            Err(NoAnswer::Unsent(_) | NoAnswer::Failed(_)) => Revocation::Failed,
        }
    }

    pub(super) async fn call(
        &self,
        endpoint: Endpoint,
        url: &Url,
        fields: &[(&'static str, Secret)],
    ) -> Result<HttpAnswer, NoAnswer> {
        if !self.with_breaker(endpoint, Breaker::admit) {
            self.telemetry.provider_called(endpoint, "breaker_open");
            return Err(NoAnswer::Unsent("breaker_open".into()));
        }
        let proof = self
            .client
            .prove(&self.issuer, self.now())
            .await
            .map_err(NoAnswer::Unsent)?;
        let form = Form {
            fields: fields
                .iter()
                .chain(&proof.fields)
                .map(|(name, value)| (*name, value.expose()))
                .collect(),
            authorization: proof.authorization.as_ref(),
        };
        let answer = self.http.post(url, form).await;
        self.note(endpoint, &answer);
        let answered = matches!(&answer, Ok(answer) if answer.status < 500);
        let open = self.with_breaker(endpoint, |breaker, now| {
            breaker.note(answered, now);
            breaker.is_open()
        });
        self.telemetry.breaker(&self.issuer, endpoint, open);
        answer.map_err(NoAnswer::Failed)
    }

    fn with_breaker<T>(
        &self,
        endpoint: Endpoint,
        act: impl FnOnce(&mut Breaker, Duration) -> T,
    ) -> T {
        let breaker = match endpoint {
            Endpoint::Revocation => &self.breakers.revocation,
            Endpoint::Introspection => &self.breakers.introspection,
            Endpoint::Token | Endpoint::Discovery | Endpoint::Keys => &self.breakers.token,
        };
        let mut breaker = breaker.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut breaker, self.clock.monotonic())
    }
}

/// Why a call brought nothing.
pub(super) enum NoAnswer {
    Unsent(String),
    Failed(CallFailure),
}
