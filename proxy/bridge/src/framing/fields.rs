//! Field lines (RFC 9112 § 5), and what those that frame the body or name the host say together.

use super::line::{RequestLine, is_token};
use super::{BodyFraming, HeadProblem};
use crate::client_headers::covers;

/// What the fields of one request say about its frame and host.
#[derive(Default)]
pub(super) struct Framing<'h> {
    host: Option<&'h [u8]>,
    length: Option<u64>,
    coding: bool,
}

impl<'h> Framing<'h> {
    pub(super) fn read(&mut self, line: &'h [u8]) -> Result<(), HeadProblem> {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(HeadProblem::Folded);
        }
        // Names are short, so the colon is near.
        let name = line.iter().position(|byte| !is_token(*byte));
        let name = name.and_then(|end| line.split_at_checked(end));
        let (name, value) = match name {
            Some((name @ [_, ..], [b':', value @ ..])) => (name, value),
            _ if line.contains(&b'\r') => return Err(HeadProblem::BareCarriageReturn),
            _ => return Err(HeadProblem::FieldName),
        };
        // The whole value in one pass without a branch for each byte.
        let value = without_blanks(value);
        let holds_control = value
            .iter()
            .fold(false, |found, byte| found | is_control(*byte));
        match holds_control {
            false => self.note(name, value),
            true if line.contains(&b'\r') => Err(HeadProblem::BareCarriageReturn),
            true => Err(HeadProblem::FieldValue),
        }
    }

    fn note(&mut self, name: &[u8], value: &'h [u8]) -> Result<(), HeadProblem> {
        if name.eq_ignore_ascii_case(b"host") {
            if value.contains(&b'@') {
                return Err(HeadProblem::HostUserInformation);
            }
            return match self.host.replace(value) {
                None => Ok(()),
                Some(_) => Err(HeadProblem::HostTwice),
            };
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            return self.note_length(value);
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return self.note_coding(value);
        }
        match is_framing(name) {
            true => Err(HeadProblem::FramingFieldSpelling),
            false => Ok(()),
        }
    }

    fn note_length(&mut self, value: &[u8]) -> Result<(), HeadProblem> {
        if self.length.is_some() {
            return Err(HeadProblem::LengthTwice);
        }
        // Eighteen digits are more than any body has, and fit into any server's number.
        let digits = (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(value).ok().filter(|_| digits);
        let length = text.and_then(|text| text.parse().ok());
        self.length = Some(length.ok_or(HeadProblem::LengthInvalid)?);
        Ok(())
    }

    fn note_coding(&mut self, value: &[u8]) -> Result<(), HeadProblem> {
        let twice = std::mem::replace(&mut self.coding, true);
        match !twice && value.eq_ignore_ascii_case(b"chunked") {
            true => Ok(()),
            false => Err(HeadProblem::Coding),
        }
    }

    pub(super) fn judge(&self, request: &RequestLine<'_>) -> Result<BodyFraming, HeadProblem> {
        if self.coding && request.old_version {
            return Err(HeadProblem::CodingInOldVersion);
        }
        if self.coding && self.length.is_some() {
            return Err(HeadProblem::LengthAndCoding);
        }
        match request.authority {
            Some(authority) if self.host != Some(authority) => Err(HeadProblem::OtherAuthority),
            Some(_) | None if self.coding => Ok(BodyFraming::Chunked),
            Some(_) | None => Ok(BodyFraming::Length(self.length.unwrap_or(0))),
        }
    }
}

/// Whether a name is that of a field that frames the body, in whatever spelling.
pub(super) fn is_framing(name: &[u8]) -> bool {
    covers("content-length", name) || covers("transfer-encoding", name)
}

/// Without the blanks around it, which are spaces and tabs and nothing else (RFC 9110 § 5.5).
fn without_blanks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// What no field value holds (RFC 9110 § 5.5): a tab is allowed, NUL and DEL are not.
pub(super) fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}
