//! The bytes of a stored value inside its seal: one byte for the form's version, then its parts
//! without names, since every byte counts a million times. A form that is not known counts as
//! unreadable.
//!
//! | part | bytes |
//! |---|---|
//! | number | seven bits in each byte, the lowest first, the highest bit says that more follow (LEB128) |
//! | text | its length, then UTF-8 |
//! | choice | 1 and the part, or 0 |
//! | list | their number, then the parts |
//! | token | see [`token`] |

use tokenbridge_bridge::{Secret, UnixTime};
use zeroize::Zeroizing;

mod token;

const VERSION: u8 = 2;
/// What most values fit into.
const USUAL: usize = 2_048;
const MORE_FOLLOW: u8 = 0x80;

/// A value on its way into the store. The bytes are wiped when dropped: they may hold a token.
pub(super) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    pub(super) fn new() -> Self {
        let mut writer = Self(Zeroizing::new(Vec::with_capacity(USUAL)));
        writer.byte(VERSION);
        writer
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn number(&mut self, mut number: u64) {
        loop {
            let low = number.to_le_bytes()[0] & !MORE_FOLLOW;
            number >>= 7;
            if number == 0 {
                return self.byte(low);
            }
            self.byte(low | MORE_FOLLOW);
        }
    }

    pub(super) fn time(&mut self, time: UnixTime) {
        self.number(time.seconds());
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.byte(flag.into());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.raw(text.as_bytes());
    }

    pub(super) fn token(&mut self, token: &Secret) {
        token::write(self, token.expose());
    }

    pub(super) fn choice<T>(&mut self, part: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(part.is_some());
        if let Some(part) = part {
            write(self, part);
        }
    }

    pub(super) fn list<T>(&mut self, parts: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.number(parts.len() as u64);
        parts.iter().for_each(|part| write(self, part));
    }

    fn byte(&mut self, byte: u8) {
        self.raw(&[byte]);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// A vector that grows by itself would leave what it held behind.
    fn make_room(&mut self, bytes: usize) {
        let needed = self.0.len().saturating_add(bytes);
        if self.0.capacity() < needed {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.saturating_mul(2)));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
    }
}

/// A value that came out of the store. `None`: it is of another form.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => Some(Self(rest)),
            Some(_) | None => None,
        }
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & !MORE_FOLLOW);
            let placed = low << shift;
            if placed >> shift != low {
                return None;
            }
            number |= placed;
            if byte & MORE_FOLLOW == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn time(&mut self) -> Option<UnixTime> {
        self.number().map(UnixTime::from_seconds)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        std::str::from_utf8(self.raw(length)?).ok()
    }

    pub(super) fn owned(&mut self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    pub(super) fn token(&mut self) -> Option<Secret> {
        token::read(self)
    }

    /// The outer `None`: it cannot be read.
    pub(super) fn choice<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.flag()? {
            read(self).map(Some)
        } else {
            Some(None)
        }
    }

    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let length = self.length()?;
        (0..length).map(|_| read(self)).collect()
    }

    /// Every part takes a byte at least, so what claims to be longer than the rest is none.
    fn length(&mut self) -> Option<usize> {
        let length = usize::try_from(self.number()?).ok()?;
        (length <= self.0.len()).then_some(length)
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn raw(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read_as_it_was_written() {
        let numbers = [0, 1, 127, 128, 16_383, 16_384, 1_795_956_477, u64::MAX];
        let texts = ["", "alice", "Žofie 🦊"];
        let mut writer = Writer::new();
        writer.list(&numbers, |writer, number| writer.number(*number));
        writer.list(&texts, |writer, text| writer.text(text));
        for choice in [None, Some("a")] {
            writer.choice(choice, Writer::text);
        }
        writer.flag(true);
        let mut reader = Reader::new(writer.bytes()).unwrap();
        assert_eq!(reader.list(Reader::number).unwrap(), numbers);
        assert_eq!(reader.list(Reader::text).unwrap(), texts);
        assert_eq!(reader.choice(Reader::text), Some(None));
        assert_eq!(reader.choice(Reader::text), Some(Some("a")));
        assert_eq!(reader.flag(), Some(true));
        assert_eq!(reader.byte(), None, "nothing is left");
    }

    #[test]
    fn another_version_is_not_read() {
        for version in (0..=u8::MAX).filter(|version| *version != VERSION) {
            assert!(Reader::new(&[version, 1]).is_none(), "{version}");
        }
        assert!(Reader::new(&[]).is_none());
    }

    #[test]
    fn what_breaks_off_or_claims_too_much_is_not_read() {
        let read = |bytes: &[u8]| {
            let bytes = [&[VERSION], bytes].concat();
            let mut reader = Reader::new(&bytes).unwrap();
            reader.list(Reader::owned)
        };
        assert_eq!(read(&[1, 1, b'a']), Some(vec!["a".to_owned()]));
        for wrong in [
            &[][..],
            &[0x80],
            &[2, 1, b'a'],
            &[1, 2, b'a'],
            &[1, 1, 0xff],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            &[
                0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0,
            ],
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        let mut reader = Reader(&[2]);
        assert_eq!(reader.flag(), None);
    }

    #[test]
    fn what_needs_more_room_than_usual_is_kept_whole() {
        let long = "x".repeat(3 * USUAL);
        let mut writer = Writer::new();
        writer.text("before");
        writer.text(&long);
        let mut reader = Reader::new(writer.bytes()).unwrap();
        assert_eq!(reader.text(), Some("before"));
        assert_eq!(reader.text(), Some(long.as_str()));
    }
}
