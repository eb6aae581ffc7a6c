//! The whole decision about a request of a session route: no I/O, no clock, testable as a table.

use crate::rejection::{Refusal, Rejection};
use crate::service::{Audience, AudiencePolicy, AudienceProblem, TokenPlan};
use crate::session::{Expiry, FoundSession, IdleTimeout, Reading, Subject};
use crate::time::UnixTime;
use crate::token::{AudienceBound, BindProblem, MintRefusalReason, ServiceToken, TokenSlot};

/// What becomes of a request that is not refused.
#[derive(Clone, Debug)]
pub enum Admission {
    /// It goes on, with this token.
    Forward(Grant),
    /// The session lives, but its token has ended or was never minted: one must be had first.
    Mint {
        /// When the session began.
        session_since: UnixTime,
    },
}

/// Permission to forward a request, with the token to send.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The token, checked for the service's audience.
    pub token: AudienceBound,
    /// When the session was last seen, so that the caller knows whether to note this use.
    pub last_seen: UnixTime,
    /// Whose session it is.
    pub subject: Subject,
    /// When the session ends whatever happens.
    pub session_ends: UnixTime,
}

impl Grant {
    /// Whether a request may still go on with it, so that it can be kept for a while: the token
    /// and the session live, and the session, last seen at `last_seen`, is not idle. Where it may
    /// not, the store is asked afresh: another replica may have seen the session since.
    pub fn holds(&self, last_seen: UnixTime, idle: IdleTimeout, now: UnixTime) -> bool {
        now < self.token.expires_at() && now < self.session_ends && now.since(last_seen) < idle.0
    }
}

/// Decides whether a request may go on, and with which token.
///
/// # Errors
/// The refusal to answer with.
pub fn admit(
    plan: &TokenPlan,
    reading: Reading,
    idle: IdleTimeout,
    now: UnixTime,
) -> Result<Admission, Refusal> {
    let session = alive(reading, idle, now)?;
    let Some(policy) = &plan.audience else {
        return Err(refused(plan, MintRefusalReason::NoAudience, ""));
    };
    let mint = Admission::Mint {
        session_since: session.facts.created_at,
    };
    match session.slot {
        None => Ok(mint),
        Some(TokenSlot::Token(token)) if now >= token.expires_at => Ok(mint),
        Some(TokenSlot::Token(token)) => {
            let token = bind(plan, policy, &token)?;
            Ok(Admission::Forward(Grant {
                token,
                last_seen: session.last_seen,
                subject: session.facts.subject,
                session_ends: session.facts.expires_at,
            }))
        }
        // A new attempt is cheap to ask for: the minting side keeps the back-off.
        Some(TokenSlot::Refused(refusal)) if refusal.may_have_passed(now) => Ok(mint),
        Some(TokenSlot::Refused(refusal)) => Err(refused(plan, refusal.reason, &refusal.detail)),
    }
}

/// The session behind a reading, if it is still alive.
///
/// # Errors
/// Why there is none, and what happens to the cookie.
pub fn alive(reading: Reading, idle: IdleTimeout, now: UnixTime) -> Result<FoundSession, Refusal> {
    let session = match reading {
        Reading::Found(session) => *session,
        Reading::Replaced => {
            return Err(Refusal::new(
                Rejection::SessionReplaced,
                "a newer login replaced it",
            ));
        }
        Reading::Absent => {
            return Err(Refusal::deleting_cookie(
                Rejection::SessionMissing,
                "the store has no such session",
            ));
        }
        // Deleting the cookie would end a session that other replicas still serve.
        Reading::Unreadable => {
            return Err(Refusal::new(
                Rejection::SessionMissing,
                "no key in session.encryption_keys opens the session",
            ));
        }
    };
    match session.facts.check_alive(session.last_seen, idle, now) {
        Ok(()) => Ok(session),
        Err(Expiry::Absolute) => Err(Refusal::deleting_cookie(
            Rejection::SessionExpired,
            "its lifetime has passed",
        )),
        Err(Expiry::Idle) => Err(Refusal::deleting_cookie(
            Rejection::SessionExpired,
            "it was idle for too long",
        )),
    }
}

fn bind(
    plan: &TokenPlan,
    policy: &AudiencePolicy,
    token: &ServiceToken,
) -> Result<AudienceBound, Refusal> {
    AudienceBound::bind(token, policy).map_err(|problem| {
        let detail = match problem {
            BindProblem::Audience(problem) => {
                mismatch_detail(plan, policy, &token.audiences, &problem)
            }
            BindProblem::NotAHeaderValue => "the token cannot stand in a header field".into(),
        };
        refused(plan, MintRefusalReason::WrongAudience, &detail)
    })
}

/// What was expected, what was asked for and what came: the detail of a wrong audience.
pub fn mismatch_detail(
    plan: &TokenPlan,
    policy: &AudiencePolicy,
    came: &[Audience],
    problem: &AudienceProblem,
) -> String {
    let came: Vec<&str> = came.iter().map(Audience::as_str).collect();
    format!(
        "{problem}: expected={} asked={} came=[{}]",
        policy.expected,
        plan.asked(),
        came.join(", ")
    )
}

/// The refusal that a missing token amounts to.
pub fn refused(plan: &TokenPlan, reason: MintRefusalReason, detail: &str) -> Refusal {
    use MintRefusalReason as Reason;
    let rejection = match reason {
        Reason::NoAudience
        | Reason::InvalidTarget
        | Reason::InvalidScope
        | Reason::NoRefreshToken
        | Reason::GrantRefused => Rejection::NoTokenAvailable,
        Reason::WrongAudience | Reason::SharedToken => Rejection::AudienceMismatch,
        Reason::BadResponse => Rejection::TokenResponseInvalid,
        Reason::ClientRefused => Rejection::ClientRefused,
        Reason::Unavailable => Rejection::IdpUnavailable,
        Reason::InteractionRequired => Rejection::InteractionRequired,
    };
    let detail = if detail.is_empty() {
        String::new()
    } else {
        format!(" detail={detail:?}")
    };
    let hint = reason.hint(plan.strategy);
    let text = format!(
        "service={} reason={}{detail} hint={hint:?}",
        plan.service,
        reason.as_str()
    );
    Refusal::new(rejection, text)
}

#[cfg(test)]
mod tests;
