//! The request line (RFC 9112 § 3), single spaces and nothing else between its parts.

use super::HeadProblem;

/// A request line that can be read in one way.
pub(super) struct RequestLine<'h> {
    /// Whether the version is HTTP/1.0.
    pub(super) old_version: bool,
    /// The authority of an absolute target.
    pub(super) authority: Option<&'h [u8]>,
}

impl<'h> RequestLine<'h> {
    pub(super) fn read(line: &'h [u8]) -> Result<Self, HeadProblem> {
        if line.contains(&b'\r') {
            return Err(HeadProblem::BareCarriageReturn);
        }
        let mut parts = line.split(|byte| *byte == b' ');
        let parts = (parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(method), Some(target), Some(version), None) = parts else {
            return Err(HeadProblem::RequestLine);
        };
        let is_method = !method.is_empty() && method.iter().copied().all(is_token);
        if !is_method || !is_visible(target) {
            return Err(HeadProblem::RequestLine);
        }
        let old_version = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            [b'H', b'T', b'T', b'P', b'/', ..] => return Err(HeadProblem::Version),
            _ => return Err(HeadProblem::RequestLine),
        };
        if method == b"CONNECT" {
            return Err(HeadProblem::Connect);
        }
        check_characters(target)?;
        Ok(Self {
            old_version,
            authority: authority(target)?,
        })
    }
}

/// See [`super::judge_path`].
pub(super) fn judge_path(target: &[u8]) -> Result<(), HeadProblem> {
    if target.first() != Some(&b'/') {
        return Err(HeadProblem::TargetForm);
    }
    if !is_visible(target) {
        return Err(HeadProblem::TargetCharacter);
    }
    check_characters(target)
}

/// No space, no control character; beyond ASCII the path's own rules decide.
fn is_visible(target: &[u8]) -> bool {
    !target.is_empty() && target.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
}

fn check_characters(target: &[u8]) -> Result<(), HeadProblem> {
    if target.contains(&b'#') {
        return Err(HeadProblem::Fragment);
    }
    if std::str::from_utf8(target).is_err() || has_delimiter(target) {
        return Err(HeadProblem::TargetCharacter);
    }
    Ok(())
}

/// The authority of an absolute target; none where the target is a path.
fn authority(target: &[u8]) -> Result<Option<&[u8]>, HeadProblem> {
    if target.first() == Some(&b'/') {
        return Ok(None);
    }
    let rest = strip_scheme(target, b"http://")
        .or_else(|| strip_scheme(target, b"https://"))
        .ok_or(HeadProblem::TargetForm)?;
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    match authority.is_empty() || authority.iter().any(|byte| matches!(byte, b'\\' | b'@')) {
        true => Err(HeadProblem::TargetForm),
        false => Ok(Some(authority)),
    }
}

fn strip_scheme<'t>(target: &'t [u8], scheme: &[u8]) -> Option<&'t [u8]> {
    let (start, rest) = target.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Whether a target holds what no URI holds (RFC 3986 § 2) and browsers encode: a backtick they
/// encode in the path alone.
fn has_delimiter(target: &[u8]) -> bool {
    let mut path = target.split(|byte| *byte == b'?');
    target.iter().any(|byte| matches!(byte, b'<' | b'>' | b'"'))
        || path.next().is_some_and(|path| path.contains(&b'`'))
}

/// The characters of a token (RFC 9110 § 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Whether each byte is one of them. Every name of every head is read by it.
static TOKEN: [bool; 256] = token_characters();

#[expect(clippy::indexing_slicing, reason = "worked out by the compiler")]
const fn token_characters() -> [bool; 256] {
    let mut table = [false; 256];
    let mut rest: &[u8] =
        b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    while let [character, others @ ..] = rest {
        table[*character as usize] = true;
        rest = others;
    }
    table
}
