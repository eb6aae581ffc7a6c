use super::*;

fn asker(kind: RequestKind, session_target: Option<&str>) -> Asker<'_> {
    Asker {
        kind,
        session_target,
        service: Some("orders"),
        goes_to_provider: false,
        request_id: "id",
    }
}

#[test]
fn a_fetch_is_never_redirected() {
    for rejection in Rejection::ALL {
        let refusal = Refusal::from(rejection);
        let answer = answer(
            &refusal,
            &asker(RequestKind::Fetch, Some("/x")),
            "gone",
            &[],
        );
        assert_eq!(
            answer.status().as_u16(),
            rejection.status(),
            "{rejection:?}"
        );
    }
}

#[test]
fn only_a_navigation_that_lacks_a_session_goes_to_the_login() {
    for rejection in Rejection::ALL {
        let refusal = Refusal::from(rejection);
        let answer = answer(
            &refusal,
            &asker(RequestKind::Navigation, Some("/x?y=1&z")),
            "gone",
            &[],
        );
        let to_login = matches!(
            rejection,
            Rejection::SessionMissing | Rejection::SessionExpired
        );
        assert_eq!(
            answer.status() == StatusCode::SEE_OTHER,
            to_login,
            "{rejection:?}"
        );
        if to_login {
            let text = format!("{answer:?}");
            assert!(
                text.contains("/auth/login?return_to=%2Fx%3Fy%3D1%26z"),
                "{text}"
            );
        }
    }
}

#[test]
fn a_user_who_must_act_at_the_provider_is_told_where_and_for_which_service() {
    let refusal = Refusal::from(Rejection::InteractionRequired);
    let text = |kind, goes_to_provider| {
        let asker = Asker {
            goes_to_provider,
            ..asker(kind, Some("/x?y=1&z"))
        };
        format!("{:?}", answer(&refusal, &asker, "gone", &[]))
    };
    let sent = text(RequestKind::Navigation, true);
    let back = "/auth/login?service=orders&return_to=%2Fx%3Fy%3D1%26z";
    assert!(sent.contains("303") && sent.contains(back), "{sent}");
    let page = text(RequestKind::Navigation, false);
    let link = "/auth/login?service=orders&amp;return_to=%2Fx%3Fy%3D1%26z";
    assert!(page.contains("401") && page.contains(link), "{page}");
    for goes_to_provider in [true, false] {
        let told = text(RequestKind::Fetch, goes_to_provider);
        assert!(told.contains("401"), "{told}");
        assert!(told.contains("/auth/login?service=orders"), "{told}");
        assert!(!told.contains("return_to"), "{told}");
    }
}

#[test]
fn every_401_that_a_login_mends_says_where() {
    for rejection in Rejection::ALL {
        let answer = answer(&rejection.into(), &asker(RequestKind::Fetch, None), "", &[]);
        let mended = rejection.status() == 401
            && !matches!(
                rejection,
                Rejection::NoTokenAvailable | Rejection::SessionReplaced
            );
        if mended {
            assert!(format!("{answer:?}").contains("login_url"), "{rejection:?}");
        }
    }
}

#[test]
fn a_login_that_did_not_come_about_leads_to_another_one() {
    for rejection in [
        Rejection::CallbackInvalid,
        Rejection::LoginUnknown,
        Rejection::LoginExpired,
        Rejection::LoginReplayed,
        Rejection::LoginRefused,
        Rejection::CodeRefused,
        Rejection::IssuerMismatch,
    ] {
        for (kind, link) in [
            (RequestKind::Navigation, "href=\\\"/auth/login\\\""),
            (RequestKind::Fetch, "\\\"login_url\\\":\\\"/auth/login\\\""),
        ] {
            let answer = answer(&rejection.into(), &asker(kind, None), "", &[]);
            let text = format!("{answer:?}");
            assert!(text.contains(link), "{rejection:?} {text}");
        }
    }
}

#[test]
fn the_cookie_is_deleted_only_where_the_refusal_says_so() {
    let kept = answer(
        &Rejection::StoreUnavailable.into(),
        &asker(RequestKind::Fetch, None),
        "gone",
        &[],
    );
    assert!(!format!("{kept:?}").contains("gone"));
    let refusal = Refusal::deleting_cookie(Rejection::SessionMissing, "");
    let deleted = answer(&refusal, &asker(RequestKind::Fetch, None), "gone", &[]);
    assert!(format!("{deleted:?}").contains("gone"));
}

#[test]
fn every_401_has_a_challenge_and_every_503_says_when_to_come_back() {
    for rejection in Rejection::ALL {
        let text = format!(
            "{:?}",
            answer(&rejection.into(), &asker(RequestKind::Fetch, None), "", &[])
        );
        assert_eq!(
            text.contains("www-authenticate"),
            rejection.status() == 401,
            "{rejection:?}"
        );
        assert_eq!(
            text.contains("retry-after"),
            rejection.status() == 503,
            "{rejection:?}"
        );
    }
}
