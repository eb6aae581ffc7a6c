//! An address as text, in place: every request has one, and nearly all are of IPv4.

use std::io::Write;
use std::net::IpAddr;

/// An IPv6 address in full.
const LONGEST: usize = 39;

/// A text of at most [`LONGEST`] bytes.
pub(super) struct AddressText {
    text: [u8; LONGEST],
    length: usize,
}

impl AddressText {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Self {
            text: [0; LONGEST],
            length: 0,
        }
    }

    /// Writes an address behind what is there.
    pub(super) fn write(&mut self, address: IpAddr) {
        let IpAddr::V4(address) = address else {
            let rest = self.text.get_mut(self.length..).unwrap_or_default();
            let before = rest.len();
            let mut left = rest;
            // There is room for every address.
            let _ = write!(left, "{address}");
            self.length += before - left.len();
            return;
        };
        for (place, octet) in address.octets().into_iter().enumerate() {
            if place > 0 {
                self.push(b'.');
            }
            for unit in [100, 10, 1] {
                if octet >= unit || unit == 1 {
                    self.push(b'0' + octet / unit % 10);
                }
            }
        }
    }

    /// Writes text behind what is there; what finds no room is left out.
    pub(super) fn write_text(&mut self, text: &str) {
        text.bytes().for_each(|byte| self.push(byte));
    }

    /// What was written.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.text.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
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
            let mut written = AddressText::new();
            written.write(text.parse().unwrap());
            assert_eq!(std::str::from_utf8(written.as_bytes()).unwrap(), text);
        }
    }

    #[test]
    fn text_without_room_is_left_out() {
        let mut written = AddressText::new();
        written.write_text("unknown");
        assert_eq!(written.as_bytes(), b"unknown");
        written.write_text(&"x".repeat(LONGEST));
        assert_eq!(written.as_bytes().len(), LONGEST);
    }
}
