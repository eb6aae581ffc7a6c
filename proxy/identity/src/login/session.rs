//! The session that a login creates, and the one that it replaces.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::grant::{Generation, RefreshGrant};
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::service::{ServiceName, Strategy, TokenPlan};
use tokenbridge_bridge::session::{SessionFacts, SessionId, SessionKey, Subject};
use tokenbridge_bridge::token::{MintRefusalReason, ServiceToken};
use tokenbridge_session_store::{EndedSession, NewSession};

use crate::login::flow::Flow;
use crate::minting::at_login::LoginToken;
use crate::minting::exchange::login_token;
use crate::minting::order::Refused;
use crate::relying_party::{RelyingParty, no_randomness};
use crate::telemetry::EndReason;
use crate::tokens::ReadProblem;
use crate::tokens::id_token::Identified;
use crate::tokens::response::TokenResponse;

/// How long readers are told that a session was replaced: answers to requests that were under
/// way with the old cookie must not delete the new one.
const TOMBSTONE: Duration = Duration::from_secs(60);

/// What a login brought.
pub(crate) struct Login {
    pub(crate) granted: TokenResponse,
    /// The service whose resource the code exchange named.
    pub(crate) made_for: Option<ServiceName>,
    /// The session that this browser had.
    pub(crate) current_session: Option<SessionKey>,
}

impl RelyingParty {
    /// Creates the session, fills it with tokens, and only then ends the one before it. The `bool`:
    /// whether the browser should log in once more by itself, for a service was refused in a way
    /// that costs the others their tokens, and is suspended now.
    ///
    /// # Errors
    /// Nothing was created; what the provider granted is revoked.
    pub(crate) async fn log_in(
        self: &Arc<Self>,
        flow: &Flow,
        login: Login,
    ) -> Result<(SessionId, bool), Refusal> {
        let Login {
            granted,
            made_for,
            current_session,
        } = login;
        let created = match self.identify(flow, &granted).await {
            Ok(identified) => {
                let how = (made_for.is_some(), self.settings.session_ttl);
                self.create(identified, &granted, how).await
            }
            Err(refusal) => Err(refusal),
        };
        let (id, facts) = match created {
            Ok(created) => created,
            Err(refusal) => {
                if let Some(token) = granted.refresh_token {
                    self.revoker.revoke(token);
                }
                return Err(refusal);
            }
        };
        self.telemetry.session_created();
        self.warn_without_refresh_token(&granted);
        tracing::info!(target: "tokenbridge", subject = subject_hash(&facts.subject), "login");
        let token = self.login_token(&granted, made_for.as_ref()).await;
        let login = LoginToken { token, made_for };
        let spent_by = self.minting.fill(id.key(), login).await;
        if let Some(old) = current_session.filter(|old| *old != id.key()) {
            self.replace(&old, &facts).await;
        }
        let anew = match spent_by {
            Some(service) => self.may_log_in_again(&facts.subject, &service).await,
            None => false,
        };
        Ok((id, anew))
    }

    pub(crate) async fn identify(
        &self,
        flow: &Flow,
        granted: &TokenResponse,
    ) -> Result<Identified, Refusal> {
        let invalid = |why: &str| Refusal::new(Rejection::TokenResponseInvalid, why);
        if let Some(problem) = &granted.problem {
            return Err(invalid(problem));
        }
        let id_token = granted.id_token.as_ref();
        let id_token = id_token.ok_or_else(|| invalid("the answer has no id_token"))?;
        self.provider
            .verify_id_token(id_token, &flow.nonce, granted.access_token.as_ref())
            .await
            .map_err(id_token_refusal)
    }

    /// Stores a session; whether the login's own token is for one resource, and how long the
    /// session lasts.
    pub(crate) async fn create(
        &self,
        identified: Identified,
        granted: &TokenResponse,
        (narrowed, lasts): (bool, Duration),
    ) -> Result<(SessionId, SessionFacts), Refusal> {
        let id = SessionId::random().map_err(|_| no_randomness())?;
        let now = self.now();
        let facts = SessionFacts {
            subject: identified.subject,
            idp_session: identified.idp_session,
            created_at: now,
            expires_at: now.plus(lasts),
            authenticated_at: identified.authenticated_at,
            acr: identified.acr,
        };
        // A token for one resource is no subject for exchanges into others.
        let access_token = login_token(granted, now).filter(|_| !narrowed);
        let session = NewSession {
            key: id.key(),
            facts: facts.clone(),
            profile: identified.profile,
            grant: RefreshGrant {
                refresh_token: granted.refresh_token.clone(),
                generation: Generation::FIRST,
                scopes: granted.scopes.clone(),
                access_token,
                id_token: granted.id_token.clone(),
            },
        };
        self.store.create(&session).await.map_err(Refusal::from)?;
        Ok((id, facts))
    }

    /// The login's own access token, verified where a service is to get it.
    pub(crate) async fn login_token(
        &self,
        granted: &TokenResponse,
        made_for: Option<&ServiceName>,
    ) -> Result<ServiceToken, Refused> {
        let plans = &self.settings.plans;
        let by_login = |plan: &&TokenPlan| plan.strategy == Strategy::Login;
        let plan = match made_for {
            Some(service) => self.settings.plan(service),
            // They all read it in the same way.
            None => plans.iter().find(by_login),
        };
        let Some(plan) = plan else {
            return Err(Refused::new(
                MintRefusalReason::BadResponse,
                "no service uses the login's own token",
            ));
        };
        let verified = self.provider.read(plan, granted).await;
        verified.map_err(|problem| match problem {
            ReadProblem::NoKeys(why) => Refused::new(MintRefusalReason::Unavailable, why),
            ReadProblem::Invalid(why) => Refused::new(MintRefusalReason::BadResponse, why),
        })
    }

    fn warn_without_refresh_token(&self, granted: &TokenResponse) {
        let needed = self.settings.plans.iter().any(|plan| match plan.strategy {
            Strategy::Refresh | Strategy::Exchange => true,
            Strategy::Login | Strategy::Authorize | Strategy::ClientCredentials => false,
        });
        if needed && granted.refresh_token.is_none() {
            tracing::warn!(
                target: "tokenbridge",
                "the login brought no refresh token, so services cannot be given tokens for as long as the session lasts: ask for offline_access in auth.scopes, \
                 and for the user's consent where the provider wants it (auth.authorization_parameters: {{prompt: consent}})"
            );
        }
    }

    /// Ends the session that this login replaces.
    async fn replace(&self, old: &SessionKey, new: &SessionFacts) {
        match self.store.end(old, Some(TOMBSTONE)).await {
            Ok(Some(ended)) => {
                self.telemetry.session_destroyed(EndReason::Replaced);
                if !may_share_grant(&ended, new) {
                    self.revoke_all(ended);
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(target: "tokenbridge", %error, "the session that a login replaced could not be ended; it lives until it expires");
            }
        }
    }

    pub(crate) fn revoke_all(&self, ended: EndedSession) {
        let tokens = ended.refresh_tokens.into_iter();
        tokens.for_each(|(_, token): (_, Secret)| self.revoker.revoke(token));
    }
}

/// Whether revoking the old session's refresh token could end the new one's: on several providers
/// all tokens of one session at the provider hang together (Keycloak, oidc-provider). Where the
/// provider names no session, the same subject must do.
fn may_share_grant(ended: &EndedSession, new: &SessionFacts) -> bool {
    let sessions = (&ended.facts.idp_session, &new.idp_session);
    ended.facts.subject == new.subject
        && match sessions {
            (Some(old), Some(new)) => old == new,
            (None, _) | (_, None) => true,
        }
}

/// A subject as logs may show it: the same for the same user, and nothing to be read from it.
pub(crate) fn subject_hash(subject: &Subject) -> String {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(subject.issuer.as_bytes())
        .chain_update([0])
        .chain_update(subject.subject.as_bytes())
        .finalize()
        .into();
    hash.iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The refusal that an ID token's problem amounts to.
fn id_token_refusal(problem: ReadProblem) -> Refusal {
    match problem {
        ReadProblem::NoKeys(why) => Refusal::new(Rejection::IdpUnavailable, why),
        ReadProblem::Invalid(why) => Refusal::new(Rejection::IdTokenInvalid, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenbridge_bridge::UnixTime;

    fn facts(subject: &str, sid: Option<&str>) -> SessionFacts {
        SessionFacts {
            subject: Subject {
                issuer: "https://idp".into(),
                subject: subject.into(),
            },
            idp_session: sid.map(Into::into),
            created_at: UnixTime::from_seconds(1),
            expires_at: UnixTime::from_seconds(2),
            authenticated_at: None,
            acr: None,
        }
    }

    #[test]
    fn tokens_of_one_session_at_the_provider_hang_together() {
        for (subject, sid, shared) in [
            ("alice", Some("1"), true),
            ("alice", Some("2"), false),
            ("alice", None, true),
            ("bob", Some("1"), false),
            ("bob", None, false),
        ] {
            let ended = EndedSession {
                facts: facts(subject, sid),
                refresh_tokens: Vec::new(),
                id_token: None,
            };
            let new = facts("alice", Some("1"));
            assert_eq!(may_share_grant(&ended, &new), shared, "{subject} {sid:?}");
        }
    }

    #[test]
    fn a_logged_subject_tells_nothing_but_that_it_is_the_same() {
        let subject = |subject: &str| facts(subject, None).subject;
        assert_eq!(
            subject_hash(&subject("alice")),
            subject_hash(&subject("alice"))
        );
        assert_ne!(
            subject_hash(&subject("alice")),
            subject_hash(&subject("bob"))
        );
        assert_eq!(subject_hash(&subject("alice")).len(), 12);
    }
}
