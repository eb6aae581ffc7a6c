//! Where a login may return to, as it stands in a query.

use tokenbridge_bridge::return_to::{MAX_LENGTH, ReturnTo};
use url::Url;

/// A browser that follows it stays where it is.
pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let kept = ReturnTo::parse(&text);
    let path = kept.as_str();
    assert!(
        path.starts_with('/') && path.len() <= MAX_LENGTH,
        "{path:?}"
    );
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\\<>\"".contains(&byte);
    assert!(path.bytes().all(plain), "{path:?}");
    for base in [
        "https://app.example/deep/page?x=y",
        "http://localhost:8080/",
    ] {
        let base = Url::parse(base).expect("a base");
        let target = base.join(path).expect("a browser can read it");
        assert_eq!(target.origin(), base.origin(), "{path:?}");
        assert!(!target.path().starts_with("/auth/"), "{path:?} loops");
    }
    assert_eq!(ReturnTo::parse(path), kept, "it is stable");
}
