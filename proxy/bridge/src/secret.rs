//! Values that never show themselves in a log, an error or a debug print.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A string that is wiped when dropped and that `Debug` does not show.
#[derive(Clone, Default)]
pub struct Secret(String);

/// Bytes that are wiped when dropped and that `Debug` does not show.
#[derive(Default)]
pub struct SecretBytes(Vec<u8>);

impl Secret {
    /// Takes the string over.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself; every caller is a place where a secret leaves its wrapper.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut std::mem::take(&mut self.0).into_bytes());
    }
}

impl SecretBytes {
    /// So many zeros, to be written over.
    pub fn zeros(length: usize) -> Self {
        Self(vec![0; length])
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes themselves, to be written over. There cannot become more of them.
    pub fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// The same memory as text; `None` where it is no UTF-8.
    pub fn into_text(mut self) -> Option<Secret> {
        match String::from_utf8(std::mem::take(&mut self.0)) {
            Ok(text) => Some(Secret(text)),
            Err(error) => {
                wipe(&mut error.into_bytes());
                None
            }
        }
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

/// Wipes what a vector holds and what it has room for, each at once: a vector's own `zeroize` takes
/// byte by byte, which for a token is three thousand instructions.
fn wipe(bytes: &mut Vec<u8>) {
    bytes.as_mut_slice().zeroize();
    bytes.spare_capacity_mut().zeroize();
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "[secret]");
        assert_eq!(format!("{:?}", SecretBytes::zeros(3)), "[secret]");
    }

    #[test]
    fn nothing_is_left_of_bytes_that_were_wiped() {
        let mut bytes = vec![7; 48];
        wipe(&mut bytes);
        assert_eq!(bytes, [0; 48]);
    }

    #[test]
    fn secret_bytes_become_text_where_they_are_utf8() {
        let text = |written: &[u8]| {
            let mut bytes = SecretBytes::zeros(written.len());
            bytes.expose_mut().copy_from_slice(written);
            bytes.into_text()
        };
        assert_eq!(text("Žofie".as_bytes()), Some(Secret::new("Žofie")));
        assert_eq!(text(b""), Some(Secret::default()));
        assert_eq!(text(&[b'a', 0xff]), None);
    }

    #[test]
    fn secrets_compare_by_value() {
        assert_eq!(Secret::new("a"), Secret::new("a"));
        assert_ne!(Secret::new("a"), Secret::new("ab"));
    }
}
