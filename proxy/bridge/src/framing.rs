//! An HTTP/1 request as bytes: its head, and the chunks of its body. What two servers could read
//! differently is refused before anything else reads it (RFC 9112 § 2.2, 3, 5, 6 and 7.1).

use memchr::memchr;
use thiserror::Error;

use crate::rejection::{Refusal, Rejection};

mod chunks;
mod fields;
mod line;

pub use chunks::{ChunkProblem, ChunkScan};

/// How a request's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// By its length in bytes, which is 0 where there is no body.
    Length(u64),
    /// In chunks, which [`ChunkScan`] follows.
    Chunked,
}

/// How much a head may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the request target.
    pub target: usize,
    /// Field lines.
    pub fields: usize,
    /// Bytes of all field lines.
    pub bytes: usize,
}

impl HeadLimits {
    /// What a request line may hold beside its target: the longest known method, the version.
    const BESIDE_THE_TARGET: usize = 64;

    fn request_line(&self) -> usize {
        self.target.saturating_add(Self::BESIDE_THE_TARGET)
    }

    fn whole(&self) -> usize {
        // Each line's end is not counted as part of its field.
        let ends = self.fields.saturating_mul(2);
        self.request_line()
            .saturating_add(self.bytes)
            .saturating_add(ends)
    }
}

/// Why a head was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeadProblem {
    /// It does not begin like a request: another protocol, or noise.
    #[error("the connection does not begin with a request")]
    NoRequest,
    /// LF without CR.
    #[error("a line ends with LF alone")]
    BareLineFeed,
    /// CR without LF.
    #[error("a line holds CR")]
    BareCarriageReturn,
    /// Not `method SP target SP HTTP/1.x`.
    #[error("the request line cannot be read")]
    RequestLine,
    /// A version that is not spoken on this connection.
    #[error("the version is neither HTTP/1.1 nor HTTP/1.0")]
    Version,
    /// CONNECT: the gateway is no tunnel.
    #[error("the method is CONNECT")]
    Connect,
    /// Neither a path nor an absolute URL of http.
    #[error("the target is neither a path nor a URL of http")]
    TargetForm,
    /// Over HTTP/2, another `:scheme` than the two of HTTP.
    #[error("the scheme is neither https nor http")]
    Scheme,
    /// `#`, which no client may send, and which some parsers cut off without a word.
    #[error("the target holds a fragment")]
    Fragment,
    /// A character that no URI holds, or bytes that are no text.
    #[error("the target holds a character that has to be percent-encoded")]
    TargetCharacter,
    /// The target is longer than allowed.
    #[error("the target is longer than limits.max_target")]
    TargetTooLong,
    /// A line that begins with white space (obs-fold).
    #[error("a field is continued on a line of its own")]
    Folded,
    /// A field's name is empty, or holds what no name holds: white space before the colon too.
    #[error("a field's name cannot be read")]
    FieldName,
    /// A field's value holds a control character.
    #[error("a field's value holds a control character")]
    FieldValue,
    /// More field lines than allowed.
    #[error("there are more fields than limits.max_headers")]
    TooManyFields,
    /// More bytes than allowed.
    #[error("the fields are larger than limits.max_header_bytes")]
    TooLarge,
    /// `Host` twice.
    #[error("Host stands twice")]
    HostTwice,
    /// User information in `Host`: some servers take what stands before the `@` for the host.
    #[error("Host holds user information")]
    HostUserInformation,
    /// An absolute target for another host than `Host`, or without one.
    #[error("the target's authority is not Host's")]
    OtherAuthority,
    /// `Content-Length` twice, even with one value.
    #[error("Content-Length stands twice")]
    LengthTwice,
    /// Not decimal digits alone: a list, a sign, a unit.
    #[error("Content-Length is no number")]
    LengthInvalid,
    /// `Content-Length` and `Transfer-Encoding` in one request.
    #[error("Content-Length stands beside Transfer-Encoding")]
    LengthAndCoding,
    /// Anything but one `Transfer-Encoding: chunked`.
    #[error("Transfer-Encoding is not chunked alone")]
    Coding,
    /// `Transfer-Encoding` in HTTP/1.0, which does not have it.
    #[error("Transfer-Encoding stands in a request of HTTP/1.0")]
    CodingInOldVersion,
    /// A name that some servers take for a framing field: `Content_Length`.
    #[error("a field's name is a spelling of Content-Length or Transfer-Encoding")]
    FramingFieldSpelling,
}

impl HeadProblem {
    /// What it amounts to.
    pub const fn rejection(self) -> Rejection {
        match self {
            Self::NoRequest
            | Self::BareLineFeed
            | Self::BareCarriageReturn
            | Self::RequestLine
            | Self::Folded
            | Self::FieldName
            | Self::FieldValue => Rejection::HeaderInvalid,
            Self::Version => Rejection::VersionUnsupported,
            Self::Connect => Rejection::MethodNotAllowed,
            Self::TargetForm | Self::Scheme | Self::Fragment | Self::TargetCharacter => {
                Rejection::TargetInvalid
            }
            Self::TargetTooLong => Rejection::TargetTooLong,
            Self::TooManyFields | Self::TooLarge => Rejection::HeadersTooLarge,
            Self::HostTwice | Self::HostUserInformation | Self::OtherAuthority => {
                Rejection::HostInvalid
            }
            Self::LengthTwice
            | Self::LengthInvalid
            | Self::LengthAndCoding
            | Self::Coding
            | Self::CodingInOldVersion
            | Self::FramingFieldSpelling => Rejection::FramingInvalid,
        }
    }
}

impl From<HeadProblem> for Refusal {
    fn from(problem: HeadProblem) -> Self {
        Self::new(problem.rejection(), problem.to_string())
    }
}

/// Follows a head while it arrives.
#[derive(Clone, Debug)]
pub struct HeadScan {
    limits: HeadLimits,
    scanned: usize,
    line_start: usize,
    lines: usize,
}

impl HeadScan {
    /// Nothing has arrived yet.
    pub const fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            scanned: 0,
            line_start: 0,
            lines: 0,
        }
    }

    /// Reads on in all `bytes` that have arrived so far. The length of the head with its empty
    /// line, once that has arrived.
    ///
    /// # Errors
    /// What no further byte can mend.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Option<usize>, HeadProblem> {
        let begins = bytes.first().is_none_or(|byte| line::is_token(*byte));
        if !begins {
            return Err(HeadProblem::NoRequest);
        }
        while let Some(offset) = memchr(b'\n', bytes.get(self.scanned..).unwrap_or_default()) {
            let end = self.scanned + offset;
            let line = bytes.get(self.line_start..end).unwrap_or_default();
            let Some((b'\r', line)) = line.split_last() else {
                return Err(HeadProblem::BareLineFeed);
            };
            self.scanned = end + 1;
            self.line_start = end + 1;
            if line.is_empty() {
                self.check_size(end)?;
                return Ok(Some(end + 1));
            }
            self.lines += 1;
            if self.lines > self.limits.fields.saturating_add(1) {
                return Err(HeadProblem::TooManyFields);
            }
        }
        self.scanned = bytes.len();
        self.check_size(bytes.len())?;
        Ok(None)
    }

    fn check_size(&self, length: usize) -> Result<(), HeadProblem> {
        if self.lines == 0 && length > self.limits.request_line() {
            return Err(HeadProblem::TargetTooLong);
        }
        if length > self.limits.whole() {
            return Err(HeadProblem::TooLarge);
        }
        Ok(())
    }
}

/// Judges a whole head, from the request line to the empty line; tells how the body is framed.
///
/// # Errors
/// The first thing in it that is malformed or could be read in two ways.
pub fn judge(head: &[u8]) -> Result<BodyFraming, HeadProblem> {
    let (first, mut rest) = next_line(head);
    let request = line::RequestLine::read(first)?;
    let mut fields = fields::Framing::default();
    loop {
        let (line, others) = next_line(rest);
        if line.is_empty() {
            return fields.judge(&request);
        }
        fields.read(line)?;
        rest = others;
    }
}

/// Judges a path with its query that does not come in a request line but is told by somebody, by
/// the rules of a request line. An absolute target is refused: its authority would go unjudged.
///
/// # Errors
/// It does not begin with `/`, or holds what no target holds.
pub fn judge_path(target: &[u8]) -> Result<(), HeadProblem> {
    line::judge_path(target)
}

/// Judges `:scheme` (RFC 9113 § 8.3.1) as the scheme of an absolute target over HTTP/1 is judged:
/// `http` passes over TLS too, as a proxy that ends TLS and begins it anew says it, and nothing is
/// ever built from it.
///
/// # Errors
/// It is another one.
pub fn judge_scheme(scheme: &str) -> Result<(), HeadProblem> {
    match scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") {
        true => Ok(()),
        false => Err(HeadProblem::Scheme),
    }
}

/// Judges the fields of a request over HTTP/2, whose frames tell where its body ends, by what they
/// would say over HTTP/1, which is how they may be sent on.
///
/// # Errors
/// A length stands twice, or a field that frames a body is spelled in another way.
pub fn judge_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<(), HeadProblem> {
    let mut has_length = false;
    for name in names {
        if name == "content-length" {
            if std::mem::replace(&mut has_length, true) {
                return Err(HeadProblem::LengthTwice);
            }
        } else if fields::is_framing(name.as_bytes()) {
            return Err(HeadProblem::FramingFieldSpelling);
        }
    }
    Ok(())
}

/// A line without its end, and what follows it.
fn next_line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr(b'\n', text).unwrap_or(text.len());
    let (line, rest) = text.split_at(end);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    (line, rest.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests;
