//! An address as text, in place: every request has one, and nearly all are of IPv4.

use std::fmt::{self, Write};
use std::net::IpAddr;

use crate::digits::write_digits;

/// An IPv6 address in full.
const LONGEST: usize = 39;

/// A text of at most [`LONGEST`] bytes.
pub(super) struct AddressText {
    text: [u8; LONGEST],
    length: usize,
}

impl AddressText {
    /// An address, or that nobody knows it.
    pub(super) fn of(address: Option<IpAddr>) -> Self {
        let mut text = Self {
            text: [0; LONGEST],
            length: 0,
        };
        // There is room for every address.
        let _ = match address {
            Some(IpAddr::V4(address)) => text.write_octets(address.octets()),
            Some(address @ IpAddr::V6(_)) => write!(text, "{address}"),
            None => text.write_str("unknown"),
        };
        text
    }

    /// What was written.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    fn write_octets(&mut self, [first, rest @ ..]: [u8; 4]) -> fmt::Result {
        write_digits(self, first.into(), 1)?;
        rest.into_iter().try_for_each(|octet| {
            self.write_char('.')?;
            write_digits(self, octet.into(), 1)
        })
    }
}

impl Write for AddressText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let place = self.text.get_mut(self.length..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_the_standard_library_writes_it() {
        let octets = [0, 1, 9, 10, 11, 99, 100, 101, 109, 110, 199, 200, 255];
        let old = octets
            .into_iter()
            .flat_map(|one| octets.map(|other| IpAddr::from([one, other, other, one]).to_string()));
        let new = [
            "::",
            "::1",
            "2001:db8::7",
            "1111:2222:3333:4444:5555:6666:7777:8888",
            "::ffff:1.2.3.4",
        ];
        for text in old.chain(new.map(str::to_owned)) {
            let written = AddressText::of(Some(text.parse().unwrap()));
            assert_eq!(std::str::from_utf8(written.as_bytes()).unwrap(), text);
        }
    }

    #[test]
    fn what_finds_no_room_is_an_error_and_not_written() {
        let mut written = AddressText::of(None);
        assert_eq!(written.as_bytes(), b"unknown");
        assert!(written.write_str(&"x".repeat(LONGEST)).is_err());
        assert_eq!(written.as_bytes(), b"unknown");
    }
}
