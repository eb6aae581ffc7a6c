use proptest::prelude::*;

use super::*;

/// How many bytes belong to a body, and whether it is over.
fn scan(bytes: &[u8]) -> Result<(usize, bool), ChunkProblem> {
    let mut scan = ChunkScan::default();
    let length = scan.advance(bytes)?;
    Ok((length, scan.state == State::Done))
}

#[test]
fn what_the_specification_allows_is_one_body() {
    for body in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "005\r\nhello\r\n00\r\n\r\n",
        "a\r\n0123456789\r\nA\r\n0\r\n\r\n\r\n\r\n0\r\n0\r\n\r\n",
        "5;a\r\nhello\r\n0;b\r\n\r\n",
        "5;a=b;c=\"d; \\\" \t\u{e9}\";e\r\nhello\r\n0\r\n\r\n",
        "0\r\nA: b\r\nC:\r\nD: e\tf\r\n\r\n",
    ] {
        assert_eq!(scan(body.as_bytes()), Ok((body.len(), true)), "{body:?}");
        let more = format!("{body}GET / HTTP/1.1\r\n\r\n");
        assert_eq!(scan(more.as_bytes()), Ok((body.len(), true)), "{more:?}");
        for end in 0..body.len() {
            let begun = body.as_bytes().get(..end).unwrap();
            assert_eq!(scan(begun), Ok((end, false)), "{body:?} up to {end}");
        }
    }
}

#[test]
fn what_two_servers_could_read_differently_is_refused() {
    use ChunkProblem as P;
    for (body, problem) in [
        ("\r\n\r\n", P::Size),
        ("5\r\nhello\r\n\r\n\r\n", P::Size),
        ("-5\r\nhello\r\n", P::Size),
        ("+5\r\nhello\r\n", P::Size),
        ("0x5\r\nhello\r\n", P::Size),
        (" 5\r\nhello\r\n", P::Size),
        ("5 \r\nhello\r\n", P::Size),
        ("5\t\r\nhello\r\n", P::Size),
        ("5 ;a\r\nhello\r\n", P::Size),
        ("5_0\r\nhello\r\n", P::Size),
        ("1000000000000000\r\n", P::SizeTooLong),
        ("0000000000000005\r\nhello\r\n", P::SizeTooLong),
        ("5\nhello\r\n", P::LineEnd),
        ("5\rhello\r\n", P::LineEnd),
        ("5;a\nhello\r\n", P::LineEnd),
        ("5;\nhello\r\n", P::LineEnd),
        ("5;a\rb\r\nhello\r\n", P::LineEnd),
        ("5;a=\"b\nc\"\r\nhello\r\n", P::LineEnd),
        ("5;a=\"b\rc\"\r\nhello\r\n", P::Extension),
        ("5;a=\"b\r\n\"\r\nhello\r\n", P::Extension),
        ("5;\r\nhello\r\n", P::Extension),
        ("5;a=\r\nhello\r\n", P::Extension),
        ("5; a\r\nhello\r\n", P::Extension),
        ("5;a =b\r\nhello\r\n", P::Extension),
        ("5;a=b \r\nhello\r\n", P::Extension),
        ("5;a=\"b\"c\r\nhello\r\n", P::Extension),
        ("5;a\0\r\nhello\r\n", P::Extension),
        ("5\r\nhelloX\r\n0\r\n\r\n", P::DataEnd),
        ("5\r\nhello\n0\r\n\r\n", P::DataEnd),
        ("5\r\nhello0\r\n\r\n", P::DataEnd),
        ("2\r\nhello\r\n0\r\n\r\n", P::DataEnd),
        ("5\r\nhello\r0\r\n\r\n", P::LineEnd),
        ("0\r\nnone\r\n\r\n", P::Trailer),
        ("0\r\n: none\r\n\r\n", P::Trailer),
        ("0\r\nA : b\r\n\r\n", P::Trailer),
        ("0\r\nA: b\r\n c\r\n\r\n", P::Trailer),
        ("0\r\nA: b\0\r\n\r\n", P::Trailer),
        ("0\r\nA: b\n\r\n", P::LineEnd),
        ("0\r\nA: b\rc\r\n\r\n", P::LineEnd),
        ("0\r\n\n", P::LineEnd),
        ("0\r\n\r\r\n", P::LineEnd),
        ("0\r\nGET / HTTP/1.1\r\n\r\n", P::Trailer),
    ] {
        assert_eq!(scan(body.as_bytes()), Err(problem), "{body:?}");
        let mut scan = ChunkScan::default();
        let in_bytes = body.bytes().find_map(|byte| scan.advance(&[byte]).err());
        assert_eq!(in_bytes, Some(problem), "{body:?} in bytes");
        assert_eq!(scan.advance(b""), Err(problem), "{body:?} stays refused");
    }
}

#[test]
fn a_line_or_trailers_without_an_end_are_refused_and_many_chunks_are_not() {
    let endless = format!("5;{}", "a".repeat(OVERHEAD));
    assert_eq!(scan(endless.as_bytes()), Err(ChunkProblem::TooLarge));
    let trailers = format!("0\r\n{}", "A: b\r\n".repeat(OVERHEAD / 6));
    assert_eq!(scan(trailers.as_bytes()), Err(ChunkProblem::TooLarge));
    let many = "1\r\na\r\n".repeat(OVERHEAD);
    assert_eq!(scan(many.as_bytes()), Ok((many.len(), false)));
}

proptest! {
    #[test]
    fn any_data_in_any_chunks_is_one_body_however_it_is_cut(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8),
        behind in proptest::collection::vec(any::<u8>(), 0..20),
        step in 1_usize..30,
    ) {
        let mut body = Vec::new();
        for chunk in &chunks {
            body.extend(format!("{:x};n={}\r\n", chunk.len(), chunk.len()).into_bytes());
            body.extend(chunk);
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\n\r\n");
        let length = body.len();
        body.extend(behind);
        let mut scan = ChunkScan::default();
        let mut read = 0;
        for part in body.chunks(step) {
            read += scan.advance(part).unwrap();
        }
        prop_assert!(scan.state == State::Done);
        prop_assert_eq!(read, length);
    }

    #[test]
    fn how_bytes_are_cut_changes_nothing(
        bytes in proptest::collection::vec(
            proptest::sample::select(b"05af;=\"\\:A \t\r\n\0".to_vec()), 0..40),
        step in 1_usize..10,
    ) {
        let whole = scan(&bytes);
        let mut parts = ChunkScan::default();
        let mut read = Ok(0);
        for part in bytes.chunks(step) {
            read = read.and_then(|read| Ok(read + parts.advance(part)?));
        }
        prop_assert_eq!(whole, read.map(|read| (read, parts.state == State::Done)));
    }
}
