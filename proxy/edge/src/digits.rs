//! Numbers as text on the request path, without what `Display` does beside the digits.

use std::fmt::{self, Write};

/// A number in decimal digits, at least so many of them.
pub(crate) fn write_digits(line: &mut impl Write, number: u64, least: usize) -> fmt::Result {
    let mut digits = [b'0'; LONGEST_NUMBER];
    let mut rest = number;
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        if rest == 0 && used >= least {
            break;
        }
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
    }
    let digits = digits.get(LONGEST_NUMBER - used..).unwrap_or_default();
    line.write_str(std::str::from_utf8(digits).unwrap_or_default())
}

/// Digits of the greatest number.
const LONGEST_NUMBER: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_as_many_digits_as_it_needs_or_as_are_asked_for() {
        for (number, least, expected) in [
            (0, 1, "0"),
            (0, 2, "00"),
            (7, 2, "07"),
            (1_234, 2, "1234"),
            (u64::MAX, 6, "18446744073709551615"),
        ] {
            let mut text = String::new();
            write_digits(&mut text, number, least).unwrap();
            assert_eq!(text, expected);
        }
    }
}
