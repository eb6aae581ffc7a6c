//! A request target as it stands in the request line.

use tokenbridge_bridge::target::{EncodedSlash, RequestTarget};

/// What is not refused has one reading, for us and for any upstream.
pub(crate) fn check(data: &[u8]) {
    for mode in [EncodedSlash::Refuse, EncodedSlash::Keep] {
        let Ok(target) = RequestTarget::parse(data, mode) else {
            continue;
        };
        let path = target.path();
        assert!(path.starts_with('/') && path.is_ascii(), "{path:?}");
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\\;?#".contains(&byte);
        assert!(path.bytes().all(plain), "{path:?}");
        assert!(!path.contains("//"), "{path:?}");
        for segment in path.split('/').skip(1) {
            let read = decoded(segment);
            assert!(read != b"." && read != b"..", "{path:?}");
            assert!(!read.iter().any(|byte| b"\0\\".contains(byte)), "{path:?}");
            let kept = matches!(mode, EncodedSlash::Keep);
            assert!(kept || !read.contains(&b'/'), "{path:?}");
        }
        let again = RequestTarget::parse(target.as_str().as_bytes(), mode);
        assert_eq!(again.as_ref(), Ok(&target), "the canonical form is stable");
        assert!(!format!("{target:?}").contains('?'), "a query is shown");
    }
}

/// What an upstream that decodes once makes of it.
fn decoded(segment: &str) -> Vec<u8> {
    let mut read = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| *first == b'%');
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                read.push(byte);
                rest = &tail[2..];
            }
            None => {
                read.push(*first);
                rest = tail;
            }
        }
    }
    read
}
