//! The way back from the provider: the response is checked, the code exchanged, the ID token
//! verified. Until all of that is done nothing is created.

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::service::TokenPlan;
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::MintRefusalReason;

use crate::login::callback::{Outcome, Response};
use crate::login::flow::{Flow, Found, LIFE};
use crate::login::session::Login;
use crate::login::{Callback, Finished, LoggedIn, LoginFailure};
use crate::minting::order::Refused;
use crate::minting::rules::RefusalCost;
use crate::provider::discovery::Metadata;
use crate::relying_party::RelyingParty;
use crate::tokens::request::TokenRequest;
use crate::tokens::response::{Answer, OauthErrorKind, TokenResponse};

/// A used login is remembered a little longer than its cookie can come back.
pub(crate) const REMEMBERED: Duration = LIFE.saturating_add(Duration::from_secs(120));

/// A callback that belongs to a login of this browser.
pub(crate) struct Return {
    pub(crate) flow: Flow,
    pub(crate) response: Response,
    pub(crate) current_session: Option<SessionKey>,
}

/// A code exchange that was not granted.
enum NotGranted {
    /// The login fails.
    Refused(Refusal),
    /// The provider refuses the resource: once more, without.
    WithoutResources,
}

impl RelyingParty {
    /// Finds the login that a callback belongs to. No I/O.
    ///
    /// # Errors
    /// It belongs to none of this browser, or to one that took too long.
    pub(crate) fn recognize(&self, callback: &Callback<'_>) -> Result<Return, LoginFailure> {
        let kept = |refusal| LoginFailure {
            refusal,
            set_cookies: Vec::new(),
        };
        let response = Response::read(callback.query).map_err(kept)?;
        let cookies = self.flow_cookies();
        match cookies.find(response.state.expose(), callback.cookies) {
            Found::Flow(flow) => Ok(Return {
                flow: *flow,
                response,
                current_session: callback.current_session,
            }),
            Found::Unknown => Err(kept(Refusal::new(
                Rejection::LoginUnknown,
                "no cookie of this browser goes with the callback's state",
            ))),
            Found::Expired => Err(LoginFailure {
                refusal: Rejection::LoginExpired.into(),
                set_cookies: vec![cookies.forget(&response.state)],
            }),
        }
    }

    /// Finishes a login; runs to its end whether or not somebody waits for it.
    ///
    /// # Errors
    /// What to answer. The login's cookie is forgotten, but where the store does not answer:
    /// then nothing has happened yet, and the browser may come again.
    pub(crate) async fn finish(self: Arc<Self>, back: Return) -> Result<Finished, LoginFailure> {
        let forget = self.flow_cookies().forget(&back.flow.state);
        let probe = back.flow.probe.clone();
        let finished = match (back.flow.hop.clone(), probe.clone()) {
            (Some(hop), Some(probe)) => self.finish_probe_hop(back, hop, probe).await,
            (Some(hop), None) => self.finish_hop(back, hop).await,
            (None, _) => self.finish_checked(back).await,
        };
        match finished {
            Ok(Finished::LoggedIn(mut login)) => {
                login.set_cookies.push(forget);
                Ok(Finished::LoggedIn(login))
            }
            Ok(Finished::Again(mut redirect)) => {
                redirect.set_cookies.push(forget);
                Ok(Finished::Again(redirect))
            }
            Ok(Finished::Probing { .. }) => Ok(Finished::Probing {
                set_cookies: vec![forget],
            }),
            Ok(Finished::Onward(mut redirect)) => {
                redirect.set_cookies.push(forget);
                Ok(Finished::Onward(redirect))
            }
            Err((refusal, used)) => {
                if let Some(probe) = probe.filter(|_| used) {
                    self.probe_failed(&probe, &refusal).await;
                }
                Err(LoginFailure {
                    refusal,
                    set_cookies: used.then_some(forget).into_iter().collect(),
                })
            }
        }
    }

    /// The `bool` of the error: whether the login can be completed no more.
    async fn finish_checked(self: &Arc<Self>, back: Return) -> Result<Finished, (Refusal, bool)> {
        let metadata = self.metadata().await.map_err(|refusal| (refusal, false))?;
        let used = |refusal| (refusal, true);
        let Return {
            flow,
            response,
            current_session,
        } = back;
        response
            .check_issuer(self.provider.issuer(), metadata.responses_name_issuer)
            .map_err(used)?;
        let code = match response.outcome {
            Outcome::Code(code) => code,
            Outcome::Error(code) => return self.refused(&metadata, flow, code).map_err(used),
        };
        if let Some(next) = self.resources_taken(&metadata, &flow).map_err(used)? {
            return Ok(next);
        }
        match self.store.claim_once(&flow.mark(), REMEMBERED).await {
            Ok(true) => {}
            Ok(false) => return Err(used(Rejection::LoginReplayed.into())),
            Err(error) => return Err((error.into(), false)),
        }
        // A probe's first token serves nobody: it is the others that it wants to see.
        let made_for = self
            .resource_of_exchange(&flow)
            .filter(|_| flow.probe.is_none());
        let granted = match self.exchange_code(&flow, &code, made_for).await {
            Ok(granted) => granted,
            Err(NotGranted::Refused(refusal)) => return Err(used(refusal)),
            Err(NotGranted::WithoutResources) => {
                return self.again(&metadata, flow).map_err(used);
            }
        };
        if let Some(probe) = flow.probe.clone() {
            let probing = self.probe(&metadata, (probe, flow), granted);
            return probing.await.map_err(used);
        }
        let hint = granted.id_token.clone();
        let login = Login {
            made_for: made_for.map(|(plan, _)| plan.service.clone()),
            granted,
            current_session,
        };
        let (session, anew) = self.log_in(&flow, login).await.map_err(used)?;
        let (key, return_to) = (session.key(), flow.return_to.clone());
        let next = match anew {
            true => self.redirect(&metadata, return_to, true, &[]).map(Some),
            false => self.hop_after_login(&metadata, key, return_to, hint.as_ref()),
        };
        Ok(Finished::LoggedIn(LoggedIn {
            session,
            return_to: flow.return_to,
            // The login stands, whatever becomes of what follows.
            next: next.ok().flatten(),
            set_cookies: Vec::new(),
        }))
    }

    /// The provider answered the authorization request with an error.
    fn refused(
        &self,
        metadata: &Metadata,
        flow: Flow,
        code: Option<String>,
    ) -> Result<Finished, Refusal> {
        let code = code.as_deref().unwrap_or("a code that is no plain token");
        if code == "invalid_target" && flow.resources {
            tracing::warn!(
                target: "tokenbridge",
                asked = self.resources_in_words(),
                "the provider refuses a resource of the login (invalid_target): trying each alone, or none; \
                 look at service_audiences and at what the provider knows of them"
            );
            return self.resources_refused(metadata, flow);
        }
        Err(Refusal::new(
            Rejection::LoginRefused,
            format!("the provider answered {code}"),
        ))
    }

    /// Asks the provider once more, without resources.
    pub(crate) fn again(&self, metadata: &Metadata, flow: Flow) -> Result<Finished, Refusal> {
        let redirect = match flow.probe {
            Some(probe) => self.probe_again(metadata, probe),
            None => self.redirect(metadata, flow.return_to, false, &[]),
        };
        redirect.map(Finished::Again)
    }

    async fn exchange_code(
        &self,
        flow: &Flow,
        code: &Secret,
        made_for: Option<(&TokenPlan, &str)>,
    ) -> Result<TokenResponse, NotGranted> {
        let resource = made_for.map(|(_, resource)| resource);
        let request = TokenRequest::code(code, &self.redirect_uri(), &flow.verifier, resource);
        let unavailable = |what: String| refused(Rejection::IdpUnavailable, what);
        let error = match self.provider.send(&request).await {
            Answer::Granted(response) => return Ok(*response),
            Answer::Refused(error) => error,
            Answer::Unreadable { status } => {
                return Err(unavailable(format!(
                    "the code exchange: status {status}, unreadable"
                )));
            }
            Answer::Failed(failure) => {
                return Err(unavailable(format!("the code exchange: {}", failure.what)));
            }
        };
        let detail = format!("the code exchange: the provider answered {}", error.code);
        let rejection = match (error.kind, made_for) {
            (OauthErrorKind::InvalidTarget, Some((plan, _))) => {
                self.suspend(plan, detail);
                return Err(NotGranted::WithoutResources);
            }
            (OauthErrorKind::ClientRefused, _) => Rejection::ClientRefused,
            (OauthErrorKind::Temporary, _) => Rejection::IdpUnavailable,
            (
                OauthErrorKind::InvalidGrant
                | OauthErrorKind::InvalidTarget
                | OauthErrorKind::InvalidScope
                | OauthErrorKind::InteractionRequired
                | OauthErrorKind::Other,
                _,
            ) => Rejection::CodeRefused,
        };
        Err(refused(rejection, detail))
    }

    /// A service whose resource the provider refuses at a login is asked for no more.
    pub(crate) fn suspend(&self, plan: &TokenPlan, detail: String) {
        let refused = Refused::new(MintRefusalReason::InvalidTarget, detail);
        let now = self.clock.monotonic();
        let suspensions = self.minting.suspensions();
        suspensions.suspend(&plan.service, &refused, RefusalCost::Unknown, now);
    }
}

fn refused(rejection: Rejection, detail: String) -> NotGranted {
    NotGranted::Refused(Refusal::new(rejection, detail))
}

/// A task that was to finish a login ended without an answer.
pub(crate) fn interrupted() -> LoginFailure {
    LoginFailure {
        refusal: Refusal::new(
            Rejection::Internal,
            "the login was interrupted: the gateway is stopping, or failed",
        ),
        set_cookies: Vec::new(),
    }
}
