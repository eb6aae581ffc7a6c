//! The login of a probe. The browser gets no session for it, and its session in the store, whose
//! id nobody has, ends with it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::return_to::ReturnTo;
use tokenbridge_bridge::session::SessionKey;

use super::ticket::{self, Found, Mark};
use super::{Begun, Probed, Report};
use crate::login::finish::REMEMBERED;
use crate::login::flow::{self, Flow, LIFE};
use crate::login::{Finished, Redirect};
use crate::minting::at_login::LoginToken;
use crate::provider::discovery::Metadata;
use crate::relying_party::{RelyingParty, no_randomness};
use crate::tokens::response::TokenResponse;

/// How long the session of a probe lasts if the process ends before it does.
const SESSION: Duration = Duration::from_secs(300);
/// How long before that a browser is not waited for any more.
const SPARE: Duration = Duration::from_secs(60);
/// How often a store that does not answer is asked to end it.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// What a login under way knows of its probe.
#[derive(Clone, Debug)]
pub(crate) struct ProbeFlow {
    pub(crate) id: Secret,
    /// Whether the resources of suspended services are left out, as in everybody's login.
    pub(crate) careful: bool,
}

/// The same in its login's cookie.
#[derive(Deserialize, Serialize)]
pub(crate) struct SealedProbe(String, bool);

impl SealedProbe {
    pub(crate) fn of(probe: &ProbeFlow) -> Self {
        Self(probe.id.expose().to_owned(), probe.careful)
    }

    pub(crate) fn open(self) -> ProbeFlow {
        ProbeFlow {
            id: Secret::new(self.0),
            careful: self.1,
        }
    }
}

impl RelyingParty {
    /// Begins a probe. No I/O.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn begin_probe(&self) -> Result<Begun, Refusal> {
        let id = flow::random().ok_or_else(no_randomness)?;
        let ticket = ticket::seal(&self.keyring, &id, self.now()).ok_or_else(no_randomness)?;
        Ok(Begun { id, ticket })
    }

    /// Takes a ticket, which works once.
    ///
    /// # Errors
    /// It is none, it is too old, or it was used before; or the store does not answer.
    pub(crate) async fn take_ticket(&self, ticket: &str) -> Result<ProbeFlow, Refusal> {
        let id = match ticket::open(&self.keyring, ticket, self.now()) {
            Found::Probe(id) => id,
            Found::Expired => return Err(Rejection::LoginExpired.into()),
            Found::Unknown => {
                return Err(Refusal::new(
                    Rejection::LoginUnknown,
                    "the ticket is no probe's of this gateway",
                ));
            }
        };
        let mark = ticket::mark(Mark::Used, id.expose());
        match self.store.claim_once(&mark, REMEMBERED).await {
            Ok(true) => Ok(ProbeFlow { id, careful: false }),
            Ok(false) => Err(Rejection::LoginReplayed.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends the browser to the provider for a probe. It asks for the suspended services too, for
    /// they may have been mended.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn redirect_for_probe(
        &self,
        metadata: &Metadata,
        probe: ProbeFlow,
        cookies: &[&[u8]],
    ) -> Result<Redirect, Refusal> {
        let named = match probe.careful {
            true => self.resources(),
            false => self.all_resources(),
        };
        let flow = Flow::begin(ReturnTo::default(), self.now(), !named.is_empty());
        let flow = Flow {
            probe: Some(probe),
            ..flow.ok_or_else(no_randomness)?
        };
        self.redirect_for(metadata, &flow, &named, cookies)
    }

    /// Asks the provider once more after it refused a resource.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn probe_again(
        &self,
        metadata: &Metadata,
        probe: ProbeFlow,
    ) -> Result<Redirect, Refusal> {
        if !probe.careful && self.resources().len() < self.all_resources().len() {
            let careful = ProbeFlow {
                careful: true,
                ..probe
            };
            return self.redirect_for_probe(metadata, careful, &[]);
        }
        let flow = Flow::begin(ReturnTo::default(), self.now(), false);
        let flow = Flow {
            probe: Some(probe),
            ..flow.ok_or_else(no_randomness)?
        };
        self.redirect_for(metadata, &flow, &[], &[])
    }

    /// Goes on with what the code exchange brought: behind the browser's back, or, where services
    /// need an authorization of their own, with the browser.
    ///
    /// # Errors
    /// Why the probe is over.
    pub(crate) async fn probe(
        self: &Arc<Self>,
        metadata: &Metadata,
        (probe, flow): (ProbeFlow, Flow),
        granted: TokenResponse,
    ) -> Result<Finished, Refusal> {
        let hint = granted.id_token.clone();
        let session = self.probe_session(&flow, &granted).await?;
        let token = self.login_token(&granted, None).await;
        let made_for = None;
        let login = LoginToken { token, made_for };
        let chain = self.minting.authorized_for_a_probe();
        if !chain.is_empty() {
            self.give_up_in_time(&probe, session);
            let services = self.minting.probe(session, login).await;
            return self
                .probe_on(metadata, (probe, session), (services, chain), hint.as_ref())
                .await;
        }
        let party = Arc::clone(self);
        let tasks = self.tasks.clone();
        tasks.spawn(async move {
            let services = party.minting.probe(session, login).await;
            party.conclude_probe(&probe, &session, services).await;
        });
        Ok(probing())
    }

    async fn probe_session(
        &self,
        flow: &Flow,
        granted: &TokenResponse,
    ) -> Result<SessionKey, Refusal> {
        let created = match self.identify(flow, granted).await {
            Ok(identified) => self.create(identified, granted, (false, SESSION)).await,
            Err(refusal) => Err(refusal),
        };
        match created {
            Ok((id, _)) => Ok(id.key()),
            Err(refusal) => {
                self.minting.revoke(granted);
                Err(refusal)
            }
        }
    }

    /// Leaves nothing behind, and tells what was found.
    pub(super) async fn conclude_probe(
        &self,
        probe: &ProbeFlow,
        session: &SessionKey,
        services: Vec<Probed>,
    ) {
        self.end_probe(session).await;
        let report = Report {
            problem: None,
            services: self.minting.in_order(services),
        };
        self.keep_report(&probe.id, &report).await;
    }

    /// A browser that does not come back leaves no session either.
    fn give_up_in_time(self: &Arc<Self>, probe: &ProbeFlow, session: SessionKey) {
        let (party, probe) = (Arc::clone(self), probe.clone());
        tokio::spawn(async move {
            tokio::time::sleep(SESSION.saturating_sub(SPARE)).await;
            party.end_probe(&session).await;
            if let Ok(None) = party.report(probe.id.expose()).await {
                let why = "the browser did not come back from the provider";
                let refusal = Refusal::new(Rejection::LoginExpired, why);
                party.probe_failed(&probe, &refusal).await;
            }
        });
    }

    /// Ends the session and revokes what it had. If the store stays away it ends by itself.
    async fn end_probe(&self, session: &SessionKey) {
        for _ in 0..ATTEMPTS {
            match self.store.end(session, None).await {
                Ok(Some(ended)) => return self.revoke_all(ended),
                Ok(None) => return,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        tracing::warn!(target: "tokenbridge", "the session of a probe could not be ended; it ends by itself within five minutes");
    }

    /// Notes that the login of a probe failed.
    pub(crate) async fn probe_failed(&self, probe: &ProbeFlow, refusal: &Refusal) {
        self.keep_report(&probe.id, &failed(refusal)).await;
    }

    async fn keep_report(&self, id: &Secret, report: &Report) {
        let wrong = report.is_wrong();
        tracing::info!(target: "tokenbridge", services = report.services.len(), wrong, "a probe has ended");
        let mark = ticket::mark(Mark::Report, id.expose());
        let text = serde_json::json!(report).to_string();
        if let Err(error) = self.store.put_note(&mark, &text, LIFE).await {
            tracing::warn!(target: "tokenbridge", %error, "the report of a probe could not be stored: its command waits in vain");
        }
    }

    /// The report of a probe, once it has ended.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn report(&self, id: &str) -> Result<Option<Report>, Refusal> {
        let note = self.store.note(&ticket::mark(Mark::Report, id)).await;
        let note = note.map_err(Refusal::from)?;
        Ok(note.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

/// The browser has nothing more to do.
pub(super) fn probing() -> Finished {
    Finished::Probing {
        set_cookies: Vec::new(),
    }
}

fn failed(refusal: &Refusal) -> Report {
    let code = refusal.rejection.code();
    Report {
        problem: Some(format!("the login failed: {code} {}", refusal.detail)),
        services: Vec::new(),
    }
}
