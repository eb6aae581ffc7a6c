use super::*;

struct Party {
    keyring: Keyring,
    cookie: CookieName,
}

impl Party {
    fn new() -> Self {
        Self {
            keyring: Keyring::random().unwrap(),
            cookie: CookieName::new("bff_session", true),
        }
    }

    fn at(&self, seconds: u64) -> FlowCookies<'_> {
        FlowCookies {
            session_cookie: &self.cookie,
            keyring: &self.keyring,
            now: UnixTime::from_seconds(seconds),
        }
    }
}

fn begin(now: u64) -> Flow {
    Flow::begin(ReturnTo::parse("/a?b=1"), UnixTime::from_seconds(now), true).unwrap()
}

/// The pair that the browser sends back.
fn pair(set_cookie: &str) -> &str {
    set_cookie.split(';').next().unwrap()
}

#[test]
fn a_flow_comes_back_whole_from_its_cookie() {
    let party = Party::new();
    let flow = begin(1_000);
    let set = party.at(1_000).set(&flow, &[]).unwrap();
    assert_eq!(set.len(), 1);
    assert!(set[0].starts_with("__Host-bff_session_login_"));
    assert!(set[0].ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"));
    for secret in [&flow.state, &flow.nonce, &flow.verifier] {
        assert_eq!(secret.expose().len(), 43);
        assert!(!set[0].contains(secret.expose()));
    }
    let cookies = [pair(&set[0]).as_bytes()];
    match party.at(1_599).find(flow.state.expose(), &cookies) {
        Found::Flow(found) => {
            assert_eq!((&found.state, &found.nonce), (&flow.state, &flow.nonce));
            assert_eq!(
                (&found.verifier, &found.return_to),
                (&flow.verifier, &flow.return_to)
            );
            assert!(found.resources);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        party.at(1_600).find(flow.state.expose(), &cookies),
        Found::Expired
    ));
    assert!(matches!(
        party.at(1_000).find("other", &cookies),
        Found::Unknown
    ));
    assert!(matches!(
        Party::new().at(1_000).find(flow.state.expose(), &cookies),
        Found::Unknown
    ));
}

#[test]
fn the_longest_return_to_fits_into_a_cookie() {
    let party = Party::new();
    let long = format!(
        "/{}",
        "a".repeat(tokenbridge_bridge::return_to::MAX_LENGTH - 1)
    );
    let flow = Flow::begin(ReturnTo::parse(&long), UnixTime::from_seconds(1), true).unwrap();
    let set = party.at(1).set(&flow, &[]).unwrap();
    assert!(pair(&set[0]).len() < 4_096, "{}", pair(&set[0]).len());
}

#[test]
fn a_cookie_twice_or_under_another_name_is_no_flow() {
    let party = Party::new();
    let (one, other) = (begin(1_000), begin(1_000));
    let one_set = party.at(1_000).set(&one, &[]).unwrap();
    let other_set = party.at(1_000).set(&other, &[]).unwrap();
    let (one_name, _) = pair(&one_set[0]).split_once('=').unwrap();
    let (_, other_value) = pair(&other_set[0]).split_once('=').unwrap();
    let swapped = format!("{one_name}={other_value}");
    let twice = format!("{}; {}", pair(&one_set[0]), pair(&one_set[0]));
    for cookies in [swapped, twice] {
        let found = party
            .at(1_000)
            .find(one.state.expose(), &[cookies.as_bytes()]);
        assert!(matches!(found, Found::Unknown), "{cookies}");
    }
}

#[test]
fn the_oldest_pending_logins_and_those_that_are_over_are_dropped() {
    let party = Party::new();
    let mut cookies = Vec::new();
    for second in 0..10 {
        let set = party
            .at(1_000 + second)
            .set(&begin(1_000 + second), &[])
            .unwrap();
        cookies.push(pair(&set[0]).to_owned());
    }
    cookies.push("__Host-bff_session_login_broken=AAAA".into());
    cookies.push("__Host-bff_session_login_=AAAA; other_login_x=1; __Host-bff_session=x".into());
    let header = cookies.join("; ");
    let set = party
        .at(1_010)
        .set(&begin(1_010), &[header.as_bytes()])
        .unwrap();
    let deleted: Vec<&str> = set[1..]
        .iter()
        .map(|value| value.split('=').next().unwrap())
        .collect();
    let name = |index: usize| cookies[index].split('=').next().unwrap();
    assert_eq!(
        deleted,
        [
            "__Host-bff_session_login_broken",
            "__Host-bff_session_login_",
            name(0),
            name(1),
            name(2)
        ]
    );
    assert!(set[1..].iter().all(|value| value.ends_with("; Max-Age=0")));
}

#[test]
fn a_flow_does_not_show_itself() {
    let flow = begin(1_000);
    let shown = format!("{flow:?}");
    for secret in [&flow.state, &flow.nonce, &flow.verifier] {
        assert!(!shown.contains(secret.expose()));
    }
}
