use super::*;

fn read_ok(body: &str) -> TokenResponse {
    match read(200, None, body.as_bytes()) {
        Answer::Granted(response) => *response,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_usable_answer_is_read_whatever_its_spelling() {
    for body in [
        r#"{"access_token":"at","token_type":"Bearer","expires_in":60,"scope":"a b"}"#,
        r#"{"access_token":"at","token_type":"bearer","expires_in":"60","scope":["a","b"]}"#,
        r#"{"access_token":"at","token_type":"BEARER","expires_in":60,"scope":" a  b ","refresh_expires_in":0,"x":[]}"#,
    ] {
        let response = read_ok(body);
        assert_eq!(response.problem, None, "{body}");
        assert_eq!(response.expires_in, Some(Duration::from_secs(60)), "{body}");
        assert_eq!(
            response.scopes,
            Some(vec!["a".into(), "b".into()]),
            "{body}"
        );
    }
    let silent = read_ok(r#"{"access_token":"at","token_type":"Bearer"}"#);
    assert_eq!((silent.problem, silent.expires_in), (None, None));
}

#[test]
fn what_is_wrong_is_named_and_a_refresh_token_that_came_along_is_kept() {
    for (rest, problem) in [
        (r#""token_type":"Bearer""#, "no access_token"),
        (
            r#""access_token":null,"token_type":"Bearer""#,
            "no access_token",
        ),
        (
            r#""access_token":7,"token_type":"Bearer""#,
            "no usable string",
        ),
        (
            r#""access_token":"","token_type":"Bearer""#,
            "no usable string",
        ),
        (r#""access_token":"at""#, "no token_type"),
        (r#""access_token":"at","token_type":"DPoP""#, "not Bearer"),
        (
            r#""access_token":"at","token_type":["Bearer"]"#,
            "not Bearer",
        ),
        (
            r#""access_token":"at","token_type":"Bearer","expires_in":0"#,
            "is 0",
        ),
        (
            r#""access_token":"at","token_type":"Bearer","expires_in":-1"#,
            "no sensible",
        ),
        (
            r#""access_token":"at","token_type":"Bearer","expires_in":1000000000000"#,
            "no sensible",
        ),
        (
            r#""access_token":"at","token_type":"Bearer","expires_in":1e12"#,
            "no sensible",
        ),
        (
            r#""access_token":"at","token_type":"Bearer","expires_in":{}"#,
            "no sensible",
        ),
    ] {
        let response = read_ok(&format!(r#"{{"refresh_token":"rt",{rest}}}"#));
        let named = response.problem.clone().unwrap_or_default();
        assert!(named.contains(problem), "{rest}: {named}");
        assert_eq!(response.refresh_token, Some(Secret::new("rt")), "{rest}");
    }
}

#[test]
fn an_answer_that_is_no_object_is_a_problem_not_a_failure() {
    for body in [
        "",
        "[]",
        "null",
        "\"x\"",
        "<html>",
        "{\"access_token\":\"at\"",
        "\u{0}",
    ] {
        assert!(read_ok(body).problem.is_some(), "{body}");
    }
}

#[test]
fn refusals_are_told_apart_and_what_cannot_be_read_is_none() {
    use OauthErrorKind as Kind;
    for (status, body, expected) in [
        (
            400,
            r#"{"error":"invalid_grant"}"#,
            Some(Kind::InvalidGrant),
        ),
        (
            400,
            r#"{"error":"invalid_target"}"#,
            Some(Kind::InvalidTarget),
        ),
        (
            400,
            r#"{"error":"invalid_scope"}"#,
            Some(Kind::InvalidScope),
        ),
        (
            401,
            r#"{"error":"invalid_client"}"#,
            Some(Kind::ClientRefused),
        ),
        (
            401,
            r#"{"error":"unauthorized_client"}"#,
            Some(Kind::ClientRefused),
        ),
        (
            400,
            r#"{"error":"consent_required"}"#,
            Some(Kind::InteractionRequired),
        ),
        (
            400,
            r#"{"error":"login_required"}"#,
            Some(Kind::InteractionRequired),
        ),
        (
            400,
            r#"{"error":"temporarily_unavailable"}"#,
            Some(Kind::Temporary),
        ),
        (400, r#"{"error":"invalid_request"}"#, Some(Kind::Other)),
        (400, r#"{"error":"<script>"}"#, None),
        (400, r#"{"error":7}"#, None),
        (403, "<html>blocked</html>", None),
        (400, "", None),
    ] {
        match (read(status, None, body.as_bytes()), expected) {
            (Answer::Refused(error), Some(kind)) => assert_eq!(error.kind, kind, "{body}"),
            (Answer::Unreadable { status: seen }, None) => assert_eq!(seen, status),
            (other, _) => panic!("{body} gave {other:?}"),
        }
    }
}

#[test]
fn only_an_answer_that_says_so_was_surely_not_processed() {
    for (status, processed) in [
        (429, Processed::No),
        (408, Processed::Maybe),
        (500, Processed::Maybe),
        (502, Processed::Maybe),
        (503, Processed::Maybe),
        (504, Processed::Maybe),
        (302, Processed::Maybe),
    ] {
        let wait = Some(Duration::from_secs(7));
        match read(status, wait, b"{\"error\":\"invalid_grant\"}") {
            Answer::Failed(failure) => {
                assert_eq!(
                    (failure.processed, failure.retry_after),
                    (processed, wait),
                    "{status}"
                );
            }
            other => panic!("{status} gave {other:?}"),
        }
    }
}

#[test]
fn a_refresh_token_that_is_there_and_cannot_be_used_leaves_nothing_of_the_answer() {
    for value in ["7", r#""""#, r#"["x"]"#, "{}", "true"] {
        let response = read_ok(&format!(
            r#"{{"access_token":"at","token_type":"Bearer","expires_in":60,"refresh_token":{value}}}"#
        ));
        let problem = response.problem.unwrap_or_default();
        assert!(problem.contains("refresh_token"), "{value}: {problem}");
        assert!(response.access_token.is_none() && response.refresh_token.is_none());
    }
    for rest in ["", r#","refresh_token":null"#] {
        let answer = format!(r#"{{"access_token":"at","token_type":"Bearer"{rest}}}"#);
        for mark in ["", "\u{feff}"] {
            let response = read_ok(&format!("{mark}{answer}"));
            assert_eq!(response.problem, None);
            assert!(response.access_token.is_some() && response.refresh_token.is_none());
        }
    }
}
