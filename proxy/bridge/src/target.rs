//! The canonical request target. What was matched is what is forwarded (design, invariant 3).

use std::fmt;

use thiserror::Error;

/// An origin-form request target (RFC 9112 § 3.2.1) in canonical form.
///
/// The path begins with `/`, holds no dot segment, no empty segment but a last one, no encoded
/// slash, backslash or control character and no `;`; percent-encodings are upper case and
/// unreserved characters are plain (RFC 3986 § 6.2.2). The query is kept byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestTarget {
    /// `path` or `path?query`.
    text: String,
    path_length: usize,
}

/// Why a request target was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TargetProblem {
    /// Not `/path`: `*`, an authority, or empty.
    #[error("is not a path")]
    NotAPath,
    /// `.` or `..` as a segment, in any encoding.
    #[error("holds a dot segment")]
    DotSegment,
    /// `//`.
    #[error("holds an empty segment")]
    EmptySegment,
    /// `%2F`, where the route does not allow it.
    #[error("holds an encoded slash")]
    EncodedSlash,
    /// `\` or `%5C`.
    #[error("holds a backslash")]
    Backslash,
    /// `;`: what follows it is read differently by different servers.
    #[error("holds a path parameter")]
    PathParameter,
    /// A control character, plain or encoded.
    #[error("holds a control character")]
    ControlCharacter,
    /// `%` without two hexadecimal digits.
    #[error("holds a broken percent-encoding")]
    BrokenEncoding,
    /// Bytes that are no UTF-8, plain or encoded.
    #[error("is not UTF-8")]
    NotUtf8,
    /// `#`, which no client may send.
    #[error("holds a fragment")]
    Fragment,
}

/// Whether an encoded slash may stand in a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncodedSlash {
    /// Refused with 400.
    #[default]
    Refuse,
    /// Kept as `%2F`: it is no separator here.
    Keep,
}

impl RequestTarget {
    /// Reads the target of a request line, given as bytes (`/path?query`).
    ///
    /// # Errors
    /// The first thing that makes the target ambiguous.
    pub fn parse(raw: &[u8], encoded_slash: EncodedSlash) -> Result<Self, TargetProblem> {
        let (path, query) = match raw.iter().position(|byte| *byte == b'?') {
            Some(at) => (
                raw.get(..at).unwrap_or_default(),
                raw.get(at..).unwrap_or_default(),
            ),
            None => (raw, &[][..]),
        };
        let mut text = canonical_path(path, encoded_slash)?;
        let path_length = text.len();
        check_query(query)?;
        text.push_str(std::str::from_utf8(query).map_err(|_| TargetProblem::NotUtf8)?);
        Ok(Self { text, path_length })
    }

    /// The canonical path, from its first `/` on.
    pub fn path(&self) -> &str {
        self.text.get(..self.path_length).unwrap_or_default()
    }

    /// The query without its `?`, byte for byte as it came.
    pub fn query(&self) -> Option<&str> {
        self.text
            .get(self.path_length..)
            .and_then(|rest| rest.strip_prefix('?'))
    }

    /// Path and query as one string.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The `?query` part with its `?`, or nothing.
    pub fn query_suffix(&self) -> &str {
        self.text.get(self.path_length..).unwrap_or_default()
    }
}

/// Shows the path alone: queries carry codes and states.
impl fmt::Debug for RequestTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("RequestTarget")
            .field(&self.path())
            .finish()
    }
}

/// Brings a path into the form described at [`RequestTarget`].
///
/// # Errors
/// The first thing that makes the path ambiguous.
pub fn canonical_path(raw: &[u8], encoded_slash: EncodedSlash) -> Result<String, TargetProblem> {
    if raw.first() != Some(&b'/') {
        return Err(TargetProblem::NotAPath);
    }
    // Nearly every path stands as it is.
    if let (true, Ok(text)) = (
        raw.iter().all(|byte| is_plain(*byte)),
        std::str::from_utf8(raw),
    ) {
        check_segments(text)?;
        return Ok(text.to_owned());
    }
    let mut text = String::with_capacity(raw.len());
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, tail @ ..] = rest {
        rest = match byte {
            b'%' => {
                let (value, tail) = percent_decoded(tail)?;
                push_decoded(&mut text, value, encoded_slash)?;
                decoded.push(value);
                tail
            }
            plain => {
                push_plain(&mut text, *plain)?;
                decoded.push(*plain);
                tail
            }
        };
    }
    if std::str::from_utf8(&decoded).is_err() {
        return Err(TargetProblem::NotUtf8);
    }
    check_segments(&text)?;
    Ok(text)
}

fn percent_decoded(tail: &[u8]) -> Result<(u8, &[u8]), TargetProblem> {
    let [high, low, rest @ ..] = tail else {
        return Err(TargetProblem::BrokenEncoding);
    };
    let digit = |byte: u8| {
        (byte as char)
            .to_digit(16)
            .ok_or(TargetProblem::BrokenEncoding)
    };
    let value = digit(*high)? * 16 + digit(*low)?;
    Ok((u8::try_from(value).unwrap_or_default(), rest))
}

fn push_decoded(
    text: &mut String,
    value: u8,
    encoded_slash: EncodedSlash,
) -> Result<(), TargetProblem> {
    match value {
        b'/' if encoded_slash == EncodedSlash::Refuse => Err(TargetProblem::EncodedSlash),
        b'\\' => Err(TargetProblem::Backslash),
        0..=0x1f | 0x7f => Err(TargetProblem::ControlCharacter),
        _ if is_unreserved(value) => {
            text.push(value as char);
            Ok(())
        }
        _ => {
            push_encoded(text, value);
            Ok(())
        }
    }
}

fn push_plain(text: &mut String, byte: u8) -> Result<(), TargetProblem> {
    match byte {
        b'\\' => return Err(TargetProblem::Backslash),
        b';' => return Err(TargetProblem::PathParameter),
        b'#' => return Err(TargetProblem::Fragment),
        0..=0x1f | 0x7f => return Err(TargetProblem::ControlCharacter),
        _ if is_plain(byte) => text.push(byte as char),
        _ => push_encoded(text, byte),
    }
    Ok(())
}

fn push_encoded(text: &mut String, value: u8) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    text.push('%');
    for nibble in [value >> 4, value & 0x0f] {
        text.push(DIGITS.get(usize::from(nibble)).copied().unwrap_or('0'));
    }
}

/// Whether a byte stands in a canonical path as itself.
fn is_plain(byte: u8) -> bool {
    is_unreserved(byte) || b"/!$&'()*+,=:@".contains(&byte)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn check_segments(path: &str) -> Result<(), TargetProblem> {
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => return Err(TargetProblem::DotSegment),
            "" if segments.peek().is_some() => return Err(TargetProblem::EmptySegment),
            _ => {}
        }
    }
    Ok(())
}

fn check_query(query: &[u8]) -> Result<(), TargetProblem> {
    query.iter().try_for_each(|byte| match byte {
        0..=0x20 | 0x7f => Err(TargetProblem::ControlCharacter),
        b'#' => Err(TargetProblem::Fragment),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(raw: &str) -> Result<RequestTarget, TargetProblem> {
        RequestTarget::parse(raw.as_bytes(), EncodedSlash::Refuse)
    }

    #[test]
    fn ambiguous_targets_are_refused() {
        use TargetProblem as P;
        for (raw, problem) in [
            ("", P::NotAPath),
            ("*", P::NotAPath),
            ("admin", P::NotAPath),
            ("/a/../b", P::DotSegment),
            ("/a/./b", P::DotSegment),
            ("/a/..", P::DotSegment),
            ("/a/%2e%2E/b", P::DotSegment),
            ("/a/.%2e", P::DotSegment),
            ("//a", P::EmptySegment),
            ("/a//b", P::EmptySegment),
            ("/a%2fb", P::EncodedSlash),
            ("/a\\b", P::Backslash),
            ("/a%5Cb", P::Backslash),
            ("/a;b=c/d", P::PathParameter),
            ("/a%00", P::ControlCharacter),
            ("/a%0d%0a", P::ControlCharacter),
            ("/a%", P::BrokenEncoding),
            ("/a%4", P::BrokenEncoding),
            ("/a%zz", P::BrokenEncoding),
            ("/a%+1", P::BrokenEncoding),
            ("/a%ff", P::NotUtf8),
            ("/a#b", P::Fragment),
            ("/a?b#c", P::Fragment),
            ("/a?b c", P::ControlCharacter),
        ] {
            assert_eq!(parse(raw), Err(problem), "{raw}");
        }
        assert_eq!(
            RequestTarget::parse(b"/a\xff", EncodedSlash::Refuse),
            Err(P::NotUtf8)
        );
    }

    #[test]
    fn equivalent_paths_have_one_form() {
        for (raw, canonical) in [
            ("/", "/"),
            ("/a/", "/a/"),
            ("/%61dmin", "/admin"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/café", "/caf%C3%A9"),
            ("/a%20b", "/a%20b"),
            ("/a%252fb", "/a%252fb"),
            ("/a|b", "/a%7Cb"),
            ("/x:y@z,(1)*!$&'+=", "/x:y@z,(1)*!$&'+="),
            ("/...", "/..."),
        ] {
            assert_eq!(parse(raw).unwrap().path(), canonical, "{raw}");
        }
    }

    #[test]
    fn the_query_is_kept_byte_for_byte() {
        let target = parse("/a?b=%2f..%2F&c=;//\\&d=%zz?e").unwrap();
        assert_eq!(target.query(), Some("b=%2f..%2F&c=;//\\&d=%zz?e"));
        assert_eq!(target.path(), "/a");
        assert_eq!(parse("/a?").unwrap().as_str(), "/a?");
        assert_eq!(parse("/a").unwrap().query(), None);
    }

    #[test]
    fn an_encoded_slash_is_kept_only_where_it_is_allowed() {
        let target = RequestTarget::parse(b"/a%2fb", EncodedSlash::Keep).unwrap();
        assert_eq!(target.path(), "/a%2Fb");
    }

    #[test]
    fn debug_shows_no_query() {
        assert!(!format!("{:?}", parse("/cb?code=abc").unwrap()).contains("abc"));
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_stable(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut path = vec![b'/'];
            path.extend(raw);
            if let Ok(first) = RequestTarget::parse(&path, EncodedSlash::Refuse) {
                let second = RequestTarget::parse(first.as_str().as_bytes(), EncodedSlash::Refuse);
                prop_assert_eq!(second, Ok(first.clone()));
                prop_assert!(!first.path().contains("/../") && !first.path().contains("//"));
            }
        }
    }
}
