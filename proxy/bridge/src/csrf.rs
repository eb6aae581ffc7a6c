//! The proof that one of our pages made a request that changes something: a token that only a page
//! of an allowed origin can read, or a header that only such a page can set (RFC 10017 § 6.1.3).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, Method};

/// What counts as a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrfMode {
    /// The session's own token.
    Token,
    /// Any value: that a page may set the header at all is what CORS allows to nobody else.
    CustomHeader,
}

/// Which header carries the proof, and what counts as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsrfRule {
    /// The header's name.
    pub header: HeaderName,
    /// What its value must be.
    pub mode: CsrfMode,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrfProblem {
    /// There is no proof.
    Missing,
    /// It is not this session's, or it stands twice.
    Wrong,
}

impl CsrfProblem {
    /// The metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Wrong => "token_wrong",
        }
    }
}

/// Whether a request with this method needs a proof: all but the safe ones (RFC 9110 § 9.2.1),
/// the unknown among them.
pub fn needs_proof(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

impl CsrfRule {
    /// Judges the values of the header. `verify` tells whether a MAC is the session's, in constant
    /// time.
    ///
    /// # Errors
    /// What is wrong.
    pub fn judge<'v>(
        &self,
        values: impl IntoIterator<Item = &'v [u8]>,
        verify: impl FnOnce(&[u8; 32]) -> bool,
    ) -> Result<(), CsrfProblem> {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (Some(_), Some(_)) => Err(CsrfProblem::Wrong),
            (None | Some(b""), _) => Err(CsrfProblem::Missing),
            (Some(value), None) => match self.mode {
                CsrfMode::CustomHeader => Ok(()),
                CsrfMode::Token => check_token(value, verify),
            },
        }
    }
}

/// Judges a token by itself.
///
/// # Errors
/// It is not the session's.
pub fn check_token(
    token: &[u8],
    verify: impl FnOnce(&[u8; 32]) -> bool,
) -> Result<(), CsrfProblem> {
    match read_token(token) {
        Some(mac) if verify(&mac) => Ok(()),
        Some(_) | None => Err(CsrfProblem::Wrong),
    }
}

/// A MAC as the page gets it.
pub fn write_token(mac: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(mac)
}

fn read_token(token: &[u8]) -> Option<[u8; 32]> {
    let mut mac = [0; 32];
    let written = URL_SAFE_NO_PAD.decode_slice(token, &mut mac).ok()?;
    (written == mac.len()).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(mode: CsrfMode) -> CsrfRule {
        CsrfRule {
            header: HeaderName::from_static("x-csrf-token"),
            mode,
        }
    }

    #[test]
    fn every_method_that_may_change_something_needs_a_proof() {
        for (method, needed) in [
            (Method::GET, false),
            (Method::HEAD, false),
            (Method::OPTIONS, false),
            (Method::POST, true),
            (Method::PUT, true),
            (Method::PATCH, true),
            (Method::DELETE, true),
        ] {
            assert_eq!(needs_proof(&method), needed, "{method}");
        }
    }

    #[test]
    fn only_the_sessions_own_token_is_a_proof() {
        let (own, other) = (write_token(&[7; 32]), write_token(&[8; 32]));
        let verify = |mac: &[u8; 32]| *mac == [7; 32];
        for (values, expected) in [
            (&[own.as_str()][..], Ok(())),
            (&[], Err(CsrfProblem::Missing)),
            (&[""], Err(CsrfProblem::Missing)),
            (&[other.as_str()], Err(CsrfProblem::Wrong)),
            (&[&own, &own], Err(CsrfProblem::Wrong)),
            (&["", &own], Err(CsrfProblem::Wrong)),
            (&[&own[1..]], Err(CsrfProblem::Wrong)),
            (&[&format!("{own}=")], Err(CsrfProblem::Wrong)),
            (&[&format!("{own}{own}")], Err(CsrfProblem::Wrong)),
            (&["\u{1f36a}"], Err(CsrfProblem::Wrong)),
        ] {
            let fields = values.iter().map(|value| value.as_bytes());
            let verdict = rule(CsrfMode::Token).judge(fields, verify);
            assert_eq!(verdict, expected, "{values:?}");
        }
    }

    #[test]
    fn a_custom_header_must_be_there_and_say_something() {
        let judge = |values: &[&'static [u8]]| {
            rule(CsrfMode::CustomHeader).judge(values.iter().copied(), |_| false)
        };
        assert_eq!(judge(&[b"1"]), Ok(()));
        assert_eq!(judge(&[b""]), Err(CsrfProblem::Missing));
        assert_eq!(judge(&[]), Err(CsrfProblem::Missing));
    }
}
