use super::*;
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::token::{MintRefusal, ServiceToken};

use crate::tokens::response::{self, Failure};

fn rules(preset: Preset, refresh_retry: RefreshRetry) -> Rules {
    Rules {
        preset,
        refresh_retry,
        subject_token: SubjectToken::AccessToken,
        idle: tokenbridge_bridge::session::IdleTimeout(Duration::from_secs(1_800)),
        timing: RenewalTiming {
            threshold: Duration::from_secs(60),
        },
        answer_deadline: Duration::from_secs(10),
    }
}

fn step(preset: Preset, status: u16, body: &str) -> Step {
    rules(preset, RefreshRetry::Never).step(response::read(status, None, body.as_bytes()))
}

fn error(code: &str) -> String {
    format!("{{\"error\":\"{code}\"}}")
}

#[test]
fn only_invalid_grant_is_about_the_session() {
    let generic = |code| step(Preset::Generic, 400, &error(code));
    assert!(matches!(generic("invalid_grant"), Step::GrantRefused(_)));
    for code in [
        "invalid_target",
        "invalid_scope",
        "consent_required",
        "interaction_required",
        "login_required",
    ] {
        assert!(matches!(generic(code), Step::Refuse { .. }), "{code}");
    }
    for (code, reason) in [
        ("invalid_client", MintRefusalReason::ClientRefused),
        ("unauthorized_client", MintRefusalReason::ClientRefused),
        ("temporarily_unavailable", MintRefusalReason::Unavailable),
        ("invalid_request", MintRefusalReason::BadResponse),
    ] {
        match generic(code) {
            Step::BackOff(refused) => assert_eq!(refused.reason, reason, "{code}"),
            other => panic!("{code}: {other:?}"),
        }
    }
    for (status, body) in [(403, "<html>"), (400, ""), (404, "{}")] {
        let step = step(Preset::Generic, status, body);
        assert!(matches!(step, Step::BackOff(_)), "{status}: {step:?}");
    }
}

#[test]
fn what_a_refusal_costs_depends_on_the_provider() {
    use RefusalCost::{Harmless, Spent, Unknown};
    for (preset, target, scope) in [
        (Preset::Generic, Unknown, Unknown),
        (Preset::OidcProvider, Spent, Harmless),
        (Preset::Logto, Spent, Harmless),
        (Preset::Keycloak, Spent, Harmless),
        (Preset::Entra, Harmless, Harmless),
        (Preset::Duende, Harmless, Harmless),
        (Preset::Auth0, Unknown, Unknown),
    ] {
        for (code, expected) in [("invalid_target", target), ("invalid_scope", scope)] {
            match step(preset, 400, &error(code)) {
                Step::Refuse { cost, .. } => assert_eq!(cost, Some(expected), "{preset:?} {code}"),
                other => panic!("{preset:?} {code}: {other:?}"),
            }
        }
    }
}

#[test]
fn an_answer_may_be_lost_unless_the_request_surely_never_was_processed() {
    let rules = rules(Preset::Generic, RefreshRetry::Never);
    let failed = |processed| {
        rules.step(Answer::Failed(Failure {
            processed,
            retry_after: None,
            what: "why".into(),
        }))
    };
    assert!(matches!(failed(Processed::No), Step::BackOff(_)));
    assert!(matches!(failed(Processed::Maybe), Step::Lost(_)));
}

#[test]
fn a_lost_refresh_is_sent_again_by_the_providers_own_rule() {
    let seconds = Duration::from_secs;
    let within = RefreshRetry::Within(Duration::from_secs(30));
    for (retry, elapsed, live, expected) in [
        (RefreshRetry::Safe, seconds(0), true, true),
        (RefreshRetry::Safe, seconds(86_400), true, true),
        (within, seconds(29), true, true),
        (within, seconds(30), true, false),
        (within, seconds(30), false, true),
        (RefreshRetry::Never, seconds(0), true, false),
        (RefreshRetry::Never, seconds(0), false, true),
    ] {
        let may = rules(Preset::Generic, retry).may_resend(elapsed, live);
        assert_eq!(may, expected, "{retry:?} {elapsed:?} {live}");
    }
}

#[test]
fn a_new_token_is_needed_when_none_lives_or_it_is_due() {
    let at = UnixTime::from_seconds;
    let token = TokenSlot::Token(ServiceToken {
        value: Secret::new("t"),
        audiences: Vec::new(),
        scopes: Vec::new(),
        issued_at: at(1_000),
        expires_at: at(1_300),
        forced: false,
    });
    let refused = TokenSlot::Refused(MintRefusal {
        reason: MintRefusalReason::Unavailable,
        detail: String::new(),
        at: at(1_000),
    });
    let rules = rules(Preset::Generic, RefreshRetry::Never);
    for (slot, trigger, now, expected) in [
        (None, Trigger::Demand, 1_000, true),
        (Some(&refused), Trigger::Login, 1_000, true),
        (Some(&token), Trigger::Demand, 1_299, false),
        (Some(&token), Trigger::Demand, 1_300, true),
        (Some(&token), Trigger::Login, 1_299, false),
        (Some(&token), Trigger::Renewal, 1_209, false),
        (Some(&token), Trigger::Renewal, 1_210, true),
        (Some(&token), Trigger::Renewal, 1_300, true),
    ] {
        let needed = rules.needed(slot, trigger, at(now));
        assert_eq!(needed, expected, "{slot:?} {trigger:?} {now}");
    }
}

#[test]
fn no_answer_to_an_exchange_is_about_the_session() {
    let rules = rules(Preset::Keycloak, RefreshRetry::Never);
    let step =
        |status, body: &str| rules.exchange_step(response::read(status, None, body.as_bytes()));
    for code in ["invalid_grant", "invalid_request", "invalid_token"] {
        assert!(
            matches!(step(400, &error(code)), ExchangeStep::SubjectRefused(_)),
            "{code}"
        );
    }
    for (code, configured) in [
        ("invalid_target", true),
        ("invalid_scope", true),
        ("consent_required", false),
    ] {
        match step(400, &error(code)) {
            ExchangeStep::Refuse(_, fault) => assert_eq!(fault, configured, "{code}"),
            other => panic!("{code}: {other:?}"),
        }
    }
    for (status, body) in [
        (403, error("access_denied")),
        (401, error("invalid_client")),
        (503, String::new()),
        (400, String::new()),
    ] {
        match step(status, &body) {
            ExchangeStep::BackOff(refused) => assert!(!refused.unreadable),
            other => panic!("{status} {body}: {other:?}"),
        }
    }
}
