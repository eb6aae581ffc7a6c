//! Tokens as they are stored. A signed one is base64url between dots (RFC 7515 § 7.1), and so are
//! most others: what that stands for is a quarter shorter.
//!
//! First the token's length, then each piece between two dots: twice its length, plus one where
//! its bytes follow decoded, and then those. A piece that would not be the same again is left as it
//! is: a token is told to its service to the letter.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokenbridge_bridge::{Secret, SecretBytes};

use super::{Reader, Writer};

pub(super) fn write(writer: &mut Writer, token: &str) {
    writer.number(token.len() as u64);
    token
        .split('.')
        .for_each(|piece| write_piece(writer, piece));
}

fn write_piece(writer: &mut Writer, piece: &str) {
    let length = piece.len() as u64;
    let before = writer.0.len();
    writer.number(length << 1 | 1);
    // The engine decodes into more room than it needs.
    writer.make_room(piece.len().saturating_add(3));
    // It takes nothing that it would not write in the same way.
    if URL_SAFE_NO_PAD.decode_vec(piece, &mut writer.0).is_err() {
        writer.0.truncate(before);
        writer.number(length << 1);
        writer.raw(piece.as_bytes());
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Secret> {
    let length = usize::try_from(reader.number()?).ok()?;
    // No form is shorter than half of its token.
    if length / 2 > reader.0.len() {
        return None;
    }
    // In one piece of memory: one that grows leaves parts of a token behind.
    let mut token = SecretBytes::zeros(length);
    let mut room = read_piece(reader, token.expose_mut())?;
    while let Some((dot, behind)) = room.split_first_mut() {
        *dot = b'.';
        room = read_piece(reader, behind)?;
    }
    token.into_text()
}

/// Reads a piece into the beginning of `room`; what is left of it.
fn read_piece<'t>(reader: &mut Reader<'_>, room: &'t mut [u8]) -> Option<&'t mut [u8]> {
    let head = reader.number()?;
    let length = usize::try_from(head >> 1).ok()?;
    let (piece, rest) = room.split_at_mut_checked(length)?;
    if head & 1 == 0 {
        piece.copy_from_slice(reader.raw(length)?);
    } else {
        let decoded = reader.raw(length.checked_mul(3)? / 4)?;
        let written = URL_SAFE_NO_PAD.encode_slice(decoded, piece).ok()?;
        if written != length {
            return None;
        }
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(token: &str) -> Writer {
        let mut writer = Writer::new();
        writer.token(&Secret::new(token));
        writer
    }

    fn read_back(bytes: &[u8]) -> Option<String> {
        let mut reader = Reader::new(bytes).unwrap();
        let token = reader.token()?;
        reader.0.is_empty().then(|| token.expose().to_owned())
    }

    #[test]
    fn every_token_is_the_same_again_to_the_letter() {
        let long = "eyJhbGciOiJSUzI1NiJ9".repeat(1_000);
        for token in [
            "",
            ".",
            "..",
            ".a.",
            "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl",
            "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVydGV4dA.dGFn",
            "opaque with spaces, commas + / and =",
            "YWJj+/==",
            "abc~def.eyJ9",
            "Žofie.🦊",
            &long,
            &format!("{long}.{long}~"),
        ] {
            assert_eq!(read_back(stored(token).bytes()).as_deref(), Some(token));
        }
    }

    #[test]
    fn what_base64url_would_write_differently_is_kept_as_it_is() {
        // Of the last letter's six bits only some say anything; and one letter alone says nothing.
        for letter in URL_SAFE_NO_PAD
            .encode((0..=47).collect::<Vec<u8>>())
            .chars()
        {
            for front in ["", "A", "AA", "AAA", "AAAA"] {
                let token = format!("{front}{letter}");
                assert_eq!(read_back(stored(&token).bytes()), Some(token));
            }
        }
    }

    #[test]
    fn a_signed_token_is_stored_in_little_more_than_three_quarters() {
        let piece = URL_SAFE_NO_PAD.encode([7; 300]);
        let token = [piece.as_str(); 3].join(".");
        assert_eq!(token.len(), 1_202);
        assert_eq!(stored(&token).bytes().len(), 1 + 2 + 3 * (2 + 300));
    }

    #[test]
    fn a_token_that_breaks_off_or_does_not_add_up_is_not_read() {
        let whole = stored("abcd.efgh~.ijkl");
        for end in 1..whole.bytes().len() {
            assert_eq!(read_back(&whole.bytes()[..end]), None, "{end}");
        }
        let mut length = whole.bytes().to_vec();
        for wrong in [0, 1, 14, 16, 200] {
            length[1] = wrong;
            assert_eq!(read_back(&length), None, "{wrong}");
        }
        let huge = [
            2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0,
        ];
        assert_eq!(read_back(&huge), None);
    }
}
