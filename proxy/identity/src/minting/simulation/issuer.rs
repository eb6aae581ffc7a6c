//! The way to the provider: slow, and not everything arrives.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::service::{Audience, TokenPlan};
use tokenbridge_bridge::token::ServiceToken;
use tokenbridge_session_store::Clock;
use tokio::sync::oneshot;

use super::garbled::{Arriving, garbled, whole};
use super::provider::{AccessToken, number_of, refused, spent};
use super::scenario::ANSWER;
use super::timeline::Host;
use super::world::World;
use crate::minting::ports::{Revoker, TokenIssuer};
use crate::tokens::ReadProblem;
use crate::tokens::request::TokenRequest;
use crate::tokens::response::{Answer, Failure, OauthErrorKind, Processed, TokenResponse};

/// The token endpoint as one replica reaches it.
pub(super) struct Issuer {
    pub(super) world: Arc<World>,
    pub(super) host: Host,
}

#[async_trait]
impl TokenIssuer for Issuer {
    async fn token(&self, request: &TokenRequest) -> Answer {
        let world = &self.world;
        // Nothing is between the last check and this but a pause.
        world.timeline.sleep(Duration::ZERO).await;
        let number = spent(request);
        let sent = number.map(|number| world.note_presented(self.host, number));
        let (tell, told) = oneshot::channel();
        let network = Arc::clone(world);
        let carried = request.clone();
        let carry = async move { carry(&network, &carried, tell).await };
        world.timeline.spawn(world.network(), Box::pin(carry));
        let arrived = match select(told, world.timeline.sleep(ANSWER)).await {
            Either::Left((Ok(arrived), _)) => arrived,
            Either::Left((Err(_), _)) => whole(failed(Processed::Maybe, "io")),
            Either::Right(_) => whole(failed(Processed::Maybe, "timeout")),
        };
        let answer = arrived.answer;
        if let Some(sent) = sent {
            world.note_concluded(sent, &answer);
        }
        if let Some(token) = arrived.refresh_token {
            world.note_brought(self.host, token);
        }
        answer
    }

    async fn read_access_token(
        &self,
        _: &TokenPlan,
        response: &TokenResponse,
    ) -> Result<ServiceToken, ReadProblem> {
        let fetching = self.world.between(0, 50);
        self.world.timeline.sleep(fetching).await;
        if let Some(problem) = &response.problem {
            return Err(ReadProblem::Invalid(problem.clone()));
        }
        let value = response.access_token.clone().unwrap();
        let token = AccessToken::read(value.expose());
        Ok(ServiceToken {
            audiences: vec![Audience::new(token.audience)],
            scopes: Vec::new(),
            issued_at: self.world.timeline.clock.now(),
            expires_at: token.ends,
            forced: false,
            value,
        })
    }
}

impl Revoker for Issuer {
    fn revoke(&self, refresh_token: Secret) {
        let number = number_of(&refresh_token);
        self.world
            .trace(|| format!("{} revokes rt-{number}", self.host));
        self.world.provider.lock().unwrap().revoke(number);
        self.world.ledger.lock().unwrap().is_cared_for(number);
    }
}

/// Carries one request to the provider and the answer back, whoever still waits for it. The
/// request arrives while the sender would wait, or never.
async fn carry(world: &Arc<World>, request: &TokenRequest, tell: oneshot::Sender<Arriving>) {
    let trouble = &world.scenario.trouble;
    if let Some(answer) = without_the_provider(world) {
        world.timeline.sleep(world.between(1, 100)).await;
        let _ = tell.send(whole(answer));
        return;
    }
    let lost = world.happens(trouble.request_lost);
    world.timeline.sleep(one_way(world)).await;
    if lost || world.provider_is_silent() {
        return lose(world, tell).await;
    }
    let now = (world.timeline.now(), world.timeline.clock.now());
    let answer = match spent(request) {
        // The login token was ended at the provider.
        None if world.happens(trouble.subject_refused) => {
            refused(OauthErrorKind::InvalidGrant, "invalid_grant")
        }
        Some(_) | None => world.provider.lock().unwrap().process(request, now),
    };
    let arriving = match answer {
        Answer::Granted(response) if world.happens(trouble.garbled) => {
            garbled(&response, &mut world.chance.lock().unwrap())
        }
        answer => whole(answer),
    };
    world.trace(|| format!("the provider answers {}", describe(&arriving.answer)));
    let lost = world.happens(trouble.answer_lost);
    world.timeline.sleep(one_way(world)).await;
    match lost {
        true => lose(world, tell).await,
        false => {
            let _ = tell.send(arriving);
        }
    }
}

/// The connection breaks, or nothing is ever heard.
async fn lose(world: &Arc<World>, tell: oneshot::Sender<Arriving>) {
    if world.happens(5_000) {
        world.timeline.sleep(ANSWER).await;
    }
    drop(tell);
}

fn one_way(world: &World) -> Duration {
    match world.happens(world.scenario.trouble.provider_slow) {
        true => world.between(500, 7_900),
        false => world.between(1, 60),
    }
}

/// Answers that the provider's own logic has no part in.
fn without_the_provider(world: &World) -> Option<Answer> {
    if world.provider_is_down() {
        return Some(failed(Processed::No, "connect"));
    }
    if !world.happens(world.scenario.trouble.provider_error) {
        return None;
    }
    Some(match world.between(0, 5).as_millis() {
        0 => failed(Processed::Maybe, "status 503"),
        1 => Answer::Unreadable { status: 403 },
        2 => refused(OauthErrorKind::Temporary, "temporarily_unavailable"),
        3 => refused(OauthErrorKind::ClientRefused, "invalid_client"),
        _ => Answer::Failed(Failure {
            processed: Processed::No,
            retry_after: Some(Duration::from_secs(2)),
            what: "status 429".into(),
        }),
    })
}

fn failed(processed: Processed, what: &str) -> Answer {
    Answer::Failed(Failure {
        processed,
        retry_after: None,
        what: what.into(),
    })
}

pub(super) fn describe(answer: &Answer) -> String {
    match answer {
        Answer::Granted(response) => {
            let access = response.access_token.as_ref().map(Secret::expose);
            let next = response.refresh_token.as_ref().map(Secret::expose);
            match &response.problem {
                Some(problem) => format!("in vain: {problem}; next {next:?}"),
                None => format!("{access:?}, next {next:?}"),
            }
        }
        Answer::Refused(error) => error.code.clone(),
        Answer::Unreadable { status } => format!("something unreadable, status {status}"),
        Answer::Failed(failure) => format!("nothing: {}", failure.what),
    }
}
