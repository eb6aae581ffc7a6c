//! A probe: a real login by which one real token of each service is had, to see what the provider
//! gives. Nobody but whoever began it learns what came of it, and no session stays behind.
//!
//! | module | owns |
//! |---|---|
//! | `ticket` | what the probe's address carries |
//! | `login` | the login of a probe, and its end |
//! | `chain` | the services that need an authorization of their own |
//! | `hints` | what most probably is wrong at the provider |

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::rejection::Refusal;

use crate::identity::{Identity, stopping};
use crate::login::Redirect;

mod chain;
pub(crate) mod hints;
mod login;
pub(crate) mod ticket;

pub(crate) use login::{ProbeFlow, SealedProbe};

/// A probe that was begun. Both are secrets: with the ticket somebody can log in for it once, with
/// the id its report is read.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Under which the report will be found.
    pub id: Secret,
    /// What the login's address carries.
    pub ticket: Secret,
}

/// What came of a probe. It holds no token, and not who logged in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Why no token was asked for, if the login did not come about.
    pub problem: Option<String>,
    /// One entry for each service that has an audience.
    pub services: Vec<Probed>,
}

impl Report {
    /// Whether something is wrong.
    pub fn is_wrong(&self) -> bool {
        let wrong = |probed: &Probed| probed.verdict == Verdict::Wrong;
        self.problem.is_some() || self.services.iter().any(wrong)
    }
}

/// What came of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// The service.
    pub service: String,
    /// How its token is obtained.
    pub strategy: String,
    /// What the provider was asked for.
    pub asked: String,
    /// What `aud` must hold.
    pub expected: String,
    /// What `aud` held.
    pub audiences: Vec<String>,
    /// What `scope` held, where the token tells it.
    pub scopes: Vec<String>,
    /// How long the token is used, in seconds.
    pub life: Option<u64>,
    /// What became of the refresh token.
    pub refresh_token: RefreshTokenUse,
    /// Whether the token would be sent to the service.
    pub verdict: Verdict,
    /// Why not: one of the reasons of the log.
    pub reason: Option<String>,
    /// The same at length.
    pub detail: String,
    /// What to look at.
    pub hint: String,
}

/// What became of the refresh token while one service's token was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshTokenUse {
    /// The provider gave another one.
    Rotated,
    /// It is the one of before.
    Kept,
    /// There is none, or there is none any more.
    None,
}

/// Whether a token would be sent to its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It would.
    Ok,
    /// It would not.
    Wrong,
    /// It was not asked for.
    Skipped,
}

impl Identity {
    /// Begins a probe: whoever opens a login with its ticket, once and within ten minutes, logs in
    /// for it. Does no I/O.
    ///
    /// # Errors
    /// The operating system's random source failed.
    pub fn begin_probe(&self) -> Result<Begun, Refusal> {
        self.party.begin_probe()
    }

    /// Begins the login of a probe. Its callback gives the browser no session.
    ///
    /// # Errors
    /// The ticket is none, too old or used; the provider or the store does not answer.
    pub async fn begin_probe_login(
        &self,
        ticket: &str,
        cookies: &[&[u8]],
    ) -> Result<Redirect, Refusal> {
        let (party, ticket) = (Arc::clone(&self.party), ticket.to_owned());
        let taken = self.runtime.spawn(async move {
            // A provider that is away must not cost the ticket.
            let metadata = party.metadata().await?;
            Ok((metadata, party.take_ticket(&ticket).await?))
        });
        let (metadata, probe) = taken.await.unwrap_or_else(|_| Err(stopping()))?;
        self.party.redirect_for_probe(&metadata, probe, cookies)
    }

    /// What came of the probe of this id, once it has ended.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn probe_report(&self, id: &str) -> Result<Option<Report>, Refusal> {
        self.party.report(id).await
    }
}
