use super::*;

#[test]
fn durations_are_read_in_every_unit() {
    for (text, milliseconds) in [
        ("500ms", 500),
        ("30s", 30_000),
        ("30", 30_000),
        ("5m", 300_000),
        ("12h", 43_200_000),
        ("7d", 604_800_000),
        ("0", 0),
        ("0s", 0),
    ] {
        assert_eq!(
            duration_or_zero(text),
            Ok(Duration::from_millis(milliseconds)),
            "{text}"
        );
    }
    for text in [
        "",
        "s",
        "-1s",
        "1.5h",
        "5 m",
        "5M",
        "5min",
        "1h30m",
        "٣s",
        "99999999999999999999s",
    ] {
        assert!(duration_or_zero(text).is_err(), "{text}");
    }
    assert_eq!(
        duration("0s").map_err(|complaint| complaint.problem),
        Err("is no time at all".into())
    );
    assert_eq!(
        duration("101y").map_err(|complaint| complaint.problem),
        Err("is no duration".into())
    );
    let century = duration("40000d").map_err(|complaint| complaint.problem);
    assert_eq!(century, Err("is longer than a hundred years".into()));
}

#[test]
fn sizes_are_read_in_every_unit() {
    for (text, bytes) in [
        ("1", 1),
        ("512", 512),
        ("512B", 512),
        ("32KiB", 32_768),
        ("10MiB", 10_485_760),
        ("1GiB", 1 << 30),
    ] {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
    for text in [
        "",
        "0",
        "10MB",
        "10M",
        "KiB",
        "-1",
        "1.5MiB",
        "99999999999GiB",
    ] {
        assert!(size(text).is_err(), "{text}");
    }
}

#[test]
fn rates_are_read_in_every_unit() {
    for (text, count, seconds) in [
        ("20/s", 20, 1),
        ("100/m", 100, 60),
        ("1000/h", 1_000, 3_600),
    ] {
        assert_eq!(
            rate(text),
            Ok(Rate {
                count,
                period: Duration::from_secs(seconds)
            }),
            "{text}"
        );
    }
    for text in ["", "20", "20/", "/s", "0/s", "20/d", "20 / s", "1.5/s"] {
        assert!(rate(text).is_err(), "{text}");
    }
}

#[test]
fn counts_fit_their_type() {
    assert_eq!(count::<u8>("255"), Ok(255));
    for text in ["0", "256", "-1", "", "1e2", "+5x"] {
        assert!(count::<u8>(text).is_err(), "{text}");
    }
}

#[test]
fn words_of_a_closed_list_are_suggested() {
    let read = choice(&[("memory", 1), ("redis", 2)]);
    assert_eq!(read("redis"), Ok(2));
    let fix = |text| read(text).map_err(|complaint| complaint.fix);
    assert_eq!(
        fix("rediss"),
        Err("did you mean `redis`? There are memory, redis".into())
    );
    assert_eq!(fix("postgres"), Err("write one of memory, redis".into()));
}

#[test]
fn names_scopes_methods_and_headers_are_checked() {
    assert!(name("analytics_service-1.2").is_ok());
    assert!(
        ["", "a b", "a/b", "ä", "a{b}"]
            .iter()
            .all(|text| name(text).is_err())
    );
    assert_eq!(
        scopes("openid  api.read"),
        Ok(vec!["openid".into(), "api.read".into()])
    );
    assert!(
        ["", " ", "a\"b", "a\\b", "ä"]
            .iter()
            .all(|text| scopes(text).is_err())
    );
    assert_eq!(method("GET"), Ok(Method::GET));
    assert!(
        ["get", "TRACE", "CONNECT", "FETCH", ""]
            .iter()
            .all(|text| method(text).is_err())
    );
    assert!(header_name("X-Tenant").is_ok() && header_name("X Tenant").is_err());
}

#[test]
fn a_cookie_name_has_no_prefix_of_its_own() {
    assert_eq!(cookie_name("bff_session"), Ok("bff_session".into()));
    for text in ["", "__Host-a", "__secure-a", "a b", "a=b", "a;b", "ä"] {
        assert!(cookie_name(text).is_err(), "{text}");
    }
}
