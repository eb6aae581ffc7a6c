use proptest::prelude::*;

use super::*;

const LIMITS: HeadLimits = HeadLimits {
    target: 100,
    fields: 10,
    bytes: 400,
};

fn scan(bytes: &[u8]) -> Result<Option<usize>, HeadProblem> {
    HeadScan::new(LIMITS).advance(bytes)
}

fn with(fields: &str) -> Result<BodyFraming, HeadProblem> {
    judge(format!("POST /a HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n").as_bytes())
}

#[test]
fn what_frames_a_body_in_one_way_passes() {
    for fields in [
        "",
        "Content-Length: 5\r\n",
        "content-length:5\r\n",
        "Content-Length: \t5 \r\n",
        "Content-Length: 0005\r\n",
        "Transfer-Encoding: chunked\r\n",
        "TRANSFER-ENCODING:Chunked\r\n",
        "X-Empty:\r\nX-Tab: a\tb\r\nX-Latin: \u{e9}\r\n",
        "Content-Length-Of: 6\r\n",
    ] {
        let framing = match fields.to_ascii_lowercase().contains("chunked") {
            true => BodyFraming::Chunked,
            false if fields.contains('5') => BodyFraming::Length(5),
            false => BodyFraming::Length(0),
        };
        assert_eq!(with(fields), Ok(framing), "{fields:?}");
    }
}

#[test]
fn what_two_servers_could_frame_differently_is_refused() {
    use HeadProblem as P;
    for (fields, problem) in [
        ("Content-Length: 5\r\nContent-Length: 5\r\n", P::LengthTwice),
        ("Content-Length: 5\r\ncontent-length: 6\r\n", P::LengthTwice),
        ("Content-Length: 5, 5\r\n", P::LengthInvalid),
        ("Content-Length: +5\r\n", P::LengthInvalid),
        ("Content-Length: -1\r\n", P::LengthInvalid),
        ("Content-Length: 0x5\r\n", P::LengthInvalid),
        ("Content-Length: 5 5\r\n", P::LengthInvalid),
        ("Content-Length: 5;a\r\n", P::LengthInvalid),
        ("Content-Length:\r\n", P::LengthInvalid),
        ("Content-Length: 18446744073709551621\r\n", P::LengthInvalid),
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            P::LengthAndCoding,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            P::LengthAndCoding,
        ),
        ("Transfer-Encoding: identity\r\n", P::Coding),
        ("Transfer-Encoding: gzip, chunked\r\n", P::Coding),
        ("Transfer-Encoding: chunked, chunked\r\n", P::Coding),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            P::Coding,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
            P::Coding,
        ),
        ("Transfer-Encoding: xchunked\r\n", P::Coding),
        ("Transfer-Encoding: \"chunked\"\r\n", P::Coding),
        ("Transfer-Encoding: chunked;a=b\r\n", P::Coding),
        ("Transfer-Encoding: \u{b}chunked\r\n", P::FieldValue),
        ("Transfer-Encoding:\r\n", P::Coding),
        ("Transfer-Encoding: \u{c}chunked\r\n", P::FieldValue),
        ("Content-Length: 5\u{c}\r\n", P::FieldValue),
        ("Transfer-Encoding : chunked\r\n", P::FieldName),
        ("Transfer_Encoding: chunked\r\n", P::FramingFieldSpelling),
        ("Content.Length: 5\r\n", P::FramingFieldSpelling),
        ("X-A: b\r\n Transfer-Encoding: chunked\r\n", P::Folded),
        ("X-A: b\r\n\tc\r\n", P::Folded),
        (
            "X-A: b\rTransfer-Encoding: chunked\r\n",
            P::BareCarriageReturn,
        ),
        ("X-A: b\0\r\n", P::FieldValue),
        ("X-A: b\u{7f}\r\n", P::FieldValue),
        ("X-A\0: b\r\n", P::FieldName),
        ("X A: b\r\n", P::FieldName),
        (": b\r\n", P::FieldName),
        ("X-A\r\n", P::FieldName),
        ("Host: a.example\r\n", P::HostTwice),
        ("Host: u@a.example\r\n", P::HostUserInformation),
    ] {
        assert_eq!(with(fields), Err(problem), "{fields:?}");
    }
    assert_eq!(
        judge(b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Err(P::CodingInOldVersion)
    );
}

#[test]
fn a_request_line_is_read_in_one_way_or_not_at_all() {
    use HeadProblem as P;
    for (line, expected) in [
        ("GET / HTTP/1.1", Ok(())),
        ("M-SEARCH /x?y HTTP/1.0", Ok(())),
        ("GET http://a.example HTTP/1.1", Ok(())),
        ("GET HTTPS://a.example/x HTTP/1.1", Ok(())),
        ("GET /caf\u{e9} HTTP/1.1", Ok(())),
        ("GET  / HTTP/1.1", Err(P::RequestLine)),
        ("GET / HTTP/1.1 ", Err(P::RequestLine)),
        ("GET /\tHTTP/1.1", Err(P::RequestLine)),
        ("GET /a b HTTP/1.1", Err(P::RequestLine)),
        ("GET /a\0 HTTP/1.1", Err(P::RequestLine)),
        ("GE(T / HTTP/1.1", Err(P::RequestLine)),
        ("GET /", Err(P::RequestLine)),
        ("GET / http/1.1", Err(P::RequestLine)),
        ("GET / HTTP/0.9", Err(P::Version)),
        ("GET / HTTP/1.10", Err(P::Version)),
        ("PRI * HTTP/2.0", Err(P::Version)),
        ("CONNECT a.example:443 HTTP/1.1", Err(P::Connect)),
        ("OPTIONS * HTTP/1.1", Err(P::TargetForm)),
        ("GET a HTTP/1.1", Err(P::TargetForm)),
        ("GET /a#b HTTP/1.1", Err(P::Fragment)),
        ("GET /a<b> HTTP/1.1", Err(P::TargetCharacter)),
        ("GET /a?b=\"c\" HTTP/1.1", Err(P::TargetCharacter)),
        ("GET /a`b?c HTTP/1.1", Err(P::TargetCharacter)),
        ("GET /a?b={`|'^} HTTP/1.1", Ok(())),
        ("GET http:/\\a.example/ HTTP/1.1", Err(P::TargetForm)),
        ("GET http:///a HTTP/1.1", Err(P::TargetForm)),
        ("GET http://a.example\\@b/ HTTP/1.1", Err(P::TargetForm)),
        ("GET http://u@a.example/ HTTP/1.1", Err(P::TargetForm)),
        ("GET ftp://a.example/ HTTP/1.1", Err(P::TargetForm)),
        ("GET http://b.example/ HTTP/1.1", Err(P::OtherAuthority)),
        ("GET / HTTP/1.1\r", Err(P::BareCarriageReturn)),
    ] {
        let head = format!("{line}\r\nHost: a.example\r\n\r\n");
        let expected = expected.map(|()| BodyFraming::Length(0));
        assert_eq!(judge(head.as_bytes()), expected, "{line:?}");
    }
    assert_eq!(
        judge(b"GET http://a.example/ HTTP/1.1\r\n\r\n"),
        Err(P::OtherAuthority)
    );
}

#[test]
fn a_path_that_is_told_is_judged_as_one_in_a_request_line() {
    use HeadProblem as P;
    for (target, expected) in [
        (&b"/"[..], Ok(())),
        (b"/a/b?c=d", Ok(())),
        ("/caf\u{e9}".as_bytes(), Ok(())),
        (b"", Err(P::TargetForm)),
        (b"a", Err(P::TargetForm)),
        (b"*", Err(P::TargetForm)),
        (b"https://evil.example/a", Err(P::TargetForm)),
        (b"/a#/../../b", Err(P::Fragment)),
        (b"/a?b#c", Err(P::Fragment)),
        (b"/a b", Err(P::TargetCharacter)),
        (b"/a\t", Err(P::TargetCharacter)),
        (b"/a\x7f", Err(P::TargetCharacter)),
        (b"/a\xff", Err(P::TargetCharacter)),
        (b"/a<b>", Err(P::TargetCharacter)),
        (b"/a`b", Err(P::TargetCharacter)),
    ] {
        let shown = String::from_utf8_lossy(target);
        assert_eq!(judge_path(target), expected, "{shown:?}");
    }
}

#[test]
fn a_head_ends_with_its_empty_line_and_what_follows_is_not_part_of_it() {
    assert_eq!(scan(b""), Ok(None));
    assert_eq!(scan(b"GET / HTTP/1.1\r\n"), Ok(None));
    assert_eq!(scan(b"GET / HTTP/1.1\r\n\r"), Ok(None));
    assert_eq!(scan(b"GET / HTTP/1.1\r\n\r\nrest\n\n"), Ok(Some(18)));
}

#[test]
fn a_head_that_nothing_can_mend_is_refused_at_once() {
    use HeadProblem as P;
    let long_target = format!("GET /{}", "a".repeat(170));
    let many = format!("GET / HTTP/1.1\r\n{}", "a: b\r\n".repeat(11));
    let large = format!("GET / HTTP/1.1\r\na: {}", "b".repeat(600));
    for (bytes, problem) in [
        (&b"\x16\x03\x01"[..], P::NoRequest),
        (b" GET", P::NoRequest),
        (b"GET / HTTP/1.1\n", P::BareLineFeed),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n", P::BareLineFeed),
        (b"GET / HTTP/1.1\r\n\n", P::BareLineFeed),
        (long_target.as_bytes(), P::TargetTooLong),
        (many.as_bytes(), P::TooManyFields),
        (large.as_bytes(), P::TooLarge),
    ] {
        let shown = String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(scan(bytes), Err(problem), "{shown:?}");
    }
}

proptest! {
    #[test]
    fn a_head_reads_the_same_however_it_is_cut(
        lines in proptest::collection::vec("[ -~]{0,20}", 0..6),
        cut in 0_usize..200,
    ) {
        let text = format!("GET / HTTP/1.1\r\n{}\r\n\r\n", lines.join("\r\n"));
        let whole = scan(text.as_bytes());
        let mut piecewise = HeadScan::new(LIMITS);
        let first = piecewise.advance(text.as_bytes().get(..cut).unwrap_or(text.as_bytes()));
        let second = match first {
            Ok(None) => piecewise.advance(text.as_bytes()),
            decided => decided,
        };
        prop_assert_eq!(second, whole);
    }

    #[test]
    fn no_bytes_make_the_rules_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = scan(&bytes);
        let _ = judge(&bytes);
    }
}

#[test]
fn over_http2_a_length_stands_once_and_in_one_spelling() {
    use HeadProblem as P;
    for (names, expected) in [
        (
            &["content-length", "accept", "content-length-of"][..],
            Ok(()),
        ),
        (&["content-length", "content-length"], Err(P::LengthTwice)),
        (&["content_length"], Err(P::FramingFieldSpelling)),
        (
            &["accept", "transfer.encoding"],
            Err(P::FramingFieldSpelling),
        ),
        (&["transfer-encoding"], Err(P::FramingFieldSpelling)),
    ] {
        assert_eq!(judge_names(names.iter().copied()), expected, "{names:?}");
    }
}
