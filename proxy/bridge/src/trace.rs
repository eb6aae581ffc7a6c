//! Request ids and W3C trace context, level 1.

/// A `traceparent` field of version 00 (W3C Trace Context § 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    parent: u64,
    flags: u8,
}

impl TraceParent {
    /// A new trace, from random numbers.
    pub const fn begin(trace: u128, parent: u64) -> Self {
        // All-zero ids are invalid (§ 3.2.2.3).
        Self {
            trace: if trace == 0 { 1 } else { trace },
            parent: if parent == 0 { 1 } else { parent },
            flags: 0,
        }
    }

    /// Reads a field. A later version is read as far as version 00 goes (§ 4.3).
    pub fn parse(field: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(field).ok()?;
        let mut parts = text.split('-');
        let version = hex(parts.next()?, 2)?;
        let trace = hex(parts.next()?, 32)?;
        let parent = u64::try_from(hex(parts.next()?, 16)?).ok()?;
        let flags = u8::try_from(hex(parts.next()?, 2)?).ok()?;
        let whole = version != 0 || parts.next().is_none();
        (version != 0xff && trace != 0 && parent != 0 && whole).then_some(Self {
            trace,
            parent,
            flags,
        })
    }

    /// The same trace, one hop on.
    #[must_use]
    pub const fn hop(self, parent: u64) -> Self {
        Self {
            parent: if parent == 0 { 1 } else { parent },
            ..self
        }
    }

    /// The field's value.
    pub fn render(&self) -> [u8; LENGTH] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        for (at, bytes) in [
            (3..35, &self.trace.to_be_bytes()[..]),
            (36..52, &self.parent.to_be_bytes()),
            (53..55, &[self.flags]),
        ] {
            write_hex(bytes, text.get_mut(at).unwrap_or_default());
        }
        text
    }
}

/// The characters of a field of version 00.
pub const LENGTH: usize = 55;

/// Writes bytes as lower-case hexadecimal digits, two for each: every request has a few, so without
/// the detour that `format!` takes.
pub fn write_hex(bytes: &[u8], text: &mut [u8]) {
    let digit = |value: u8| value + if value < 10 { b'0' } else { b'a' - 10 };
    for (byte, digits) in bytes.iter().zip(text.chunks_exact_mut(2)) {
        if let [high, low] = digits {
            (*high, *low) = (digit(byte >> 4), digit(byte & 0x0f));
        }
    }
}

fn hex(text: &str, length: usize) -> Option<u128> {
    let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == length && text.bytes().all(lower))
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

/// Whether a request id that came from a trusted proxy may be kept: 1 to 64 plain characters.
pub fn is_request_id(text: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&text.len()) && text.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_traceparent_is_passed_on_with_a_new_parent() {
        let hop = TraceParent::parse(VALID.as_bytes()).map(|parent| parent.hop(0xabc).render());
        assert_eq!(
            hop.as_ref().map(|text| &text[..]),
            Some(&b"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-01"[..])
        );
        assert!(TraceParent::parse(format!("01{}-more", &VALID[2..]).as_bytes()).is_some());
    }

    #[test]
    fn an_invalid_traceparent_is_not_read() {
        for broken in [
            "",
            "00",
            &VALID[..54],
            &format!("{VALID}-x"),
            &VALID.to_uppercase(),
            &VALID.replace("00-", "ff-"),
            &VALID.replace(
                "4bf92f3577b34da6a3ce929d0e0e4736",
                "00000000000000000000000000000000",
            ),
            &VALID.replace("00f067aa0ba902b7", "0000000000000000"),
            &VALID.replace("4bf9", "+bf9"),
        ] {
            assert_eq!(TraceParent::parse(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn a_request_id_is_short_and_plain() {
        assert!(is_request_id(b"0af7651916cd43dd-8448.eb_1"));
        for broken in [&b""[..], b"a b", b"a\r\nb", &[b'a'; 65]] {
            assert!(!is_request_id(broken));
        }
    }
}
