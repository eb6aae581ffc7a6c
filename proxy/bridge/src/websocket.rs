//! Where the frames of a WebSocket begin and end (RFC 6455 § 5.2), so that a close frame can be put
//! between two of them. Payloads are passed over, never kept.

/// Status codes of a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// 1001: this end goes away, or has waited long enough (RFC 6455 § 7.4.1).
    GoingAway,
    /// 4401, of the range for applications (RFC 6455 § 7.4.2): the session is over, as 401 says it
    /// of a request.
    SessionOver,
}

impl CloseCode {
    /// The whole frame, as a server sends it: unmasked, with the code alone.
    pub fn frame(self) -> [u8; 4] {
        let code: u16 = match self {
            Self::GoingAway => 1001,
            Self::SessionOver => 4401,
        };
        let [high, low] = code.to_be_bytes();
        [FIN | CLOSE, 2, high, low]
    }
}

const FIN: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const CLOSE: u8 = 0x08;
const MASKED: u8 = 0x80;

/// Follows one direction of a WebSocket by its frame headers.
#[derive(Clone, Debug, Default)]
pub struct FrameFollower {
    /// The header that is being read, and how much of it has come: two bytes, a length of up to
    /// eight more and a masking key of four.
    header: [u8; 14],
    header_bytes: usize,
    /// What is left of the payload.
    payload_bytes: u64,
    closed: bool,
}

impl FrameFollower {
    /// Takes the next bytes, however they were cut.
    pub fn follow(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.payload_bytes > 0 {
                let left = usize::try_from(self.payload_bytes).unwrap_or(usize::MAX);
                let passed = left.min(bytes.len());
                self.payload_bytes -= passed as u64;
                bytes = bytes.get(passed..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.header.get_mut(self.header_bytes) {
                *place = *first;
            }
            self.header_bytes += 1;
            bytes = rest;
            if self.header_bytes >= 2 && self.header_bytes == self.header_length() {
                self.begin_payload();
            }
        }
    }

    /// Whether a frame may be sent now: none is under way, and none was to be the last.
    pub fn may_close(&self) -> bool {
        self.header_bytes == 0 && self.payload_bytes == 0 && !self.closed
    }

    /// How long the header is, once two bytes of it are there.
    fn header_length(&self) -> usize {
        let [_, second, ..] = self.header;
        let length = match second & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let key = if second & MASKED == 0 { 0 } else { 4 };
        2 + length + key
    }

    fn begin_payload(&mut self) {
        let [first, second, a, b, c, d, e, f, g, h, ..] = self.header;
        self.payload_bytes = match second & !MASKED {
            126 => u64::from(u16::from_be_bytes([a, b])),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            short => u64::from(short),
        };
        self.closed |= first & OPCODE == CLOSE;
        self.header_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame of this opcode and payload.
    fn frame(opcode: u8, payload: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { MASKED } else { 0 };
        let mut bytes = vec![FIN | opcode];
        match payload {
            0..=125 => bytes.push(mask | payload as u8),
            126..=65_535 => {
                bytes.push(mask | 126);
                bytes.extend((payload as u16).to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend((payload as u64).to_be_bytes());
            }
        }
        if masked {
            bytes.extend([1, 2, 3, 4]);
        }
        // Payloads look like headers of close frames.
        bytes.extend([0x88, 0x02].iter().cycle().take(payload));
        bytes
    }

    #[test]
    fn a_close_frame_holds_its_code() {
        assert_eq!(CloseCode::SessionOver.frame(), [0x88, 2, 0x11, 0x31]);
        assert_eq!(CloseCode::GoingAway.frame(), [0x88, 2, 0x03, 0xe9]);
    }

    #[test]
    fn after_a_close_frame_there_is_no_second_one() {
        let mut follower = FrameFollower::default();
        follower.follow(&frame(1, 5, false));
        assert!(follower.may_close());
        follower.follow(&frame(CLOSE, 2, false));
        follower.follow(&frame(1, 5, false));
        assert!(!follower.may_close());
    }

    #[test]
    fn a_length_that_no_frame_can_have_is_no_border_and_no_panic() {
        let mut follower = FrameFollower::default();
        follower.follow(&[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255]);
        follower.follow(&[0; 4096]);
        assert!(!follower.may_close());
    }

    proptest! {
        #[test]
        fn a_frame_may_come_exactly_between_two_others(
            frames in prop::collection::vec((0_u8..=2, 0_usize..70_000, any::<bool>()), 1..5),
            cuts in prop::collection::vec(1_usize..5_000, 1..20),
        ) {
            let mut bytes = Vec::new();
            let mut borders = vec![0];
            for (opcode, payload, masked) in frames {
                bytes.extend(frame(opcode, payload, masked));
                borders.push(bytes.len());
            }
            let mut follower = FrameFollower::default();
            let mut cuts = cuts.iter().cycle();
            let mut passed = 0;
            while passed < bytes.len() {
                prop_assert_eq!(follower.may_close(), borders.contains(&passed));
                let next = (passed + cuts.next().unwrap()).min(bytes.len());
                follower.follow(&bytes[passed..next]);
                passed = next;
            }
            prop_assert!(follower.may_close());
        }
    }
}
