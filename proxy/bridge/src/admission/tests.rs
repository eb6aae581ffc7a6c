use std::time::Duration;

use super::*;
use crate::rejection::CookieFate;
use crate::secret::Secret;
use crate::service::{AudienceCheck, Mint, ServiceName, Strategy, TargetParameter, TokenFormat};
use crate::session::{SessionFacts, Subject};
use crate::token::MintRefusal;

const NOW: UnixTime = UnixTime::from_seconds(10_000);
const IDLE: IdleTimeout = IdleTimeout(Duration::from_secs(1_800));

fn plan(audience: Option<&str>) -> TokenPlan {
    TokenPlan {
        issuer: None,
        service: ServiceName::new("analytics_service"),
        strategy: Strategy::Refresh,
        target_parameter: TargetParameter::Resource,
        target_value: audience.map(Into::into),
        scopes: Vec::new(),
        audience: audience.map(|value| AudiencePolicy {
            expected: Audience::new(value),
            check: AudienceCheck::Single,
            others: [Audience::new("crud")].into(),
        }),
        format: TokenFormat::Jwt,
        mint: Mint::Login,
    }
}

fn found(slot: Option<TokenSlot>) -> FoundSession {
    FoundSession {
        facts: SessionFacts {
            subject: Subject {
                issuer: "https://idp".into(),
                subject: "alice".into(),
            },
            idp_session: None,
            created_at: UnixTime::from_seconds(9_000),
            expires_at: UnixTime::from_seconds(20_000),
            authenticated_at: None,
            acr: None,
        },
        last_seen: UnixTime::from_seconds(9_900),
        slot,
    }
}

fn reading(slot: Option<TokenSlot>) -> Reading {
    Reading::Found(Box::new(found(slot)))
}

fn token(audiences: &[&str], expires_at: u64) -> Option<TokenSlot> {
    Some(TokenSlot::Token(ServiceToken {
        value: Secret::new("abc"),
        audiences: audiences.iter().map(|value| Audience::new(value)).collect(),
        scopes: Vec::new(),
        issued_at: UnixTime::from_seconds(9_500),
        expires_at: UnixTime::from_seconds(expires_at),
        forced: false,
    }))
}

fn refusal(reason: MintRefusalReason) -> Option<TokenSlot> {
    Some(TokenSlot::Refused(MintRefusal {
        reason,
        detail: "why".into(),
        at: NOW,
    }))
}

#[test]
fn a_live_session_with_a_token_for_the_service_goes_on() {
    let admission = admit(
        &plan(Some("analytics")),
        reading(token(&["analytics"], 10_001)),
        IDLE,
        NOW,
    );
    match admission {
        Ok(Admission::Forward(grant)) => assert_eq!(grant.token.authorization(), "Bearer abc"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_that_ended_or_was_never_minted_is_asked_for() {
    for slot in [
        None,
        token(&["analytics"], 10_000),
        refusal(MintRefusalReason::Unavailable),
        refusal(MintRefusalReason::BadResponse),
        refusal(MintRefusalReason::ClientRefused),
    ] {
        let admission = admit(&plan(Some("analytics")), reading(slot.clone()), IDLE, NOW);
        assert!(
            matches!(admission, Ok(Admission::Mint { .. })),
            "{slot:?} gave {admission:?}"
        );
    }
}

#[test]
fn every_refusal_has_its_code_and_leaves_the_cookie_unless_the_session_is_gone() {
    use CookieFate::{Deleted, Untouched};
    use MintRefusalReason as R;
    let late = UnixTime::from_seconds(20_000);
    let idle = UnixTime::from_seconds(11_700);
    let good = || reading(token(&["analytics"], 30_000));
    let with = |reason| reading(refusal(reason));
    for (audience, reading, now, rejection, cookie) in [
        (
            Some("analytics"),
            Reading::Absent,
            NOW,
            Rejection::SessionMissing,
            Deleted,
        ),
        (
            Some("analytics"),
            Reading::Unreadable,
            NOW,
            Rejection::SessionMissing,
            Untouched,
        ),
        (
            Some("analytics"),
            Reading::Replaced,
            NOW,
            Rejection::SessionReplaced,
            Untouched,
        ),
        (
            Some("analytics"),
            good(),
            late,
            Rejection::SessionExpired,
            Deleted,
        ),
        (
            Some("analytics"),
            good(),
            idle,
            Rejection::SessionExpired,
            Deleted,
        ),
        (None, good(), NOW, Rejection::NoTokenAvailable, Untouched),
        (
            Some("analytics"),
            with(R::InvalidTarget),
            NOW,
            Rejection::NoTokenAvailable,
            Untouched,
        ),
        (
            Some("analytics"),
            with(R::InvalidScope),
            NOW,
            Rejection::NoTokenAvailable,
            Untouched,
        ),
        (
            Some("analytics"),
            with(R::NoRefreshToken),
            NOW,
            Rejection::NoTokenAvailable,
            Untouched,
        ),
        (
            Some("analytics"),
            with(R::GrantRefused),
            NOW,
            Rejection::NoTokenAvailable,
            Untouched,
        ),
        (
            Some("analytics"),
            with(R::WrongAudience),
            NOW,
            Rejection::AudienceMismatch,
            Untouched,
        ),
        (
            Some("analytics"),
            with(R::InteractionRequired),
            NOW,
            Rejection::InteractionRequired,
            Untouched,
        ),
        (
            Some("analytics"),
            reading(token(&["crud"], 30_000)),
            NOW,
            Rejection::AudienceMismatch,
            Untouched,
        ),
        (
            Some("analytics"),
            reading(token(&["analytics", "crud"], 30_000)),
            NOW,
            Rejection::AudienceMismatch,
            Untouched,
        ),
        (
            Some("other"),
            good(),
            NOW,
            Rejection::AudienceMismatch,
            Untouched,
        ),
    ] {
        let refusal = admit(&plan(audience), reading, IDLE, now).unwrap_err();
        assert_eq!(
            (refusal.rejection, refusal.cookie),
            (rejection, cookie),
            "{}",
            refusal.detail
        );
    }
}

#[test]
fn a_refusal_for_want_of_configuration_says_where_to_look() {
    let refusal = admit(&plan(None), reading(None), IDLE, NOW).unwrap_err();
    assert!(
        refusal
            .detail
            .starts_with("service=analytics_service reason=no_audience hint="),
        "{}",
        refusal.detail
    );
    let refusal = admit(
        &plan(Some("analytics")),
        reading(token(&["crud"], 30_000)),
        IDLE,
        NOW,
    )
    .unwrap_err();
    for part in [
        "expected=analytics",
        "asked=resource=analytics",
        "came=[crud]",
        "hint=",
    ] {
        assert!(
            refusal.detail.contains(part),
            "{part} is not in {}",
            refusal.detail
        );
    }
}

#[test]
fn a_kept_grant_holds_only_while_token_and_session_live() {
    let admission = admit(
        &plan(Some("analytics")),
        reading(token(&["analytics"], 10_500)),
        IDLE,
        NOW,
    );
    let Ok(Admission::Forward(grant)) = admission else {
        panic!("{admission:?}");
    };
    let at = UnixTime::from_seconds;
    assert!(grant.holds(at(9_900), IDLE, at(10_499)));
    assert!(
        !grant.holds(at(9_900), IDLE, at(10_500)),
        "the token has ended"
    );
    assert!(
        !grant.holds(at(8_000), IDLE, at(10_000)),
        "the session looks idle"
    );
    let lasting = Grant {
        session_ends: at(10_200),
        ..grant
    };
    assert!(
        !lasting.holds(at(9_900), IDLE, at(10_200)),
        "the session has ended"
    );
}

#[test]
fn what_may_have_been_mended_at_the_provider_is_asked_about_again_after_a_minute() {
    use MintRefusalReason as R;
    for (reason, asked) in [
        (R::WrongAudience, true),
        (R::InvalidTarget, true),
        (R::InvalidScope, true),
        (R::InteractionRequired, true),
        (R::NoRefreshToken, false),
        (R::GrantRefused, false),
        (R::NoAudience, false),
    ] {
        let later = |seconds| NOW.plus(Duration::from_secs(seconds));
        let admission = |now| {
            admit(
                &plan(Some("analytics")),
                reading(refusal(reason)),
                IDLE,
                now,
            )
        };
        assert!(admission(later(59)).is_err(), "{reason:?}");
        let again = matches!(admission(later(60)), Ok(Admission::Mint { .. }));
        assert_eq!(again, asked, "{reason:?}");
    }
}
