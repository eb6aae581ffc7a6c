//! The `Cookie` fields of a request, one per line of the input.

use tokenbridge_bridge::cookie::{Lookup, is_ours, lookup, pairs, set_cookie_name, without_ours};
use tokenbridge_bridge::session::SessionId;

const NAME: &str = "__Host-bff_session";

/// What is found and what is passed on agree: none of ours ever reaches an upstream.
pub(crate) fn check(data: &[u8]) {
    let fields = || data.split(|byte| *byte == b'\n');
    let ours = pairs(fields()).filter(|(name, _)| *name == NAME.as_bytes());
    match (lookup(fields(), NAME), ours.count()) {
        (Lookup::None, 0) | (Lookup::Several, 2..) => {}
        (Lookup::One(value), 1) => {
            if let Some(id) = SessionId::parse(value) {
                assert_eq!(id.expose().as_bytes(), value, "two texts for one id");
            }
        }
        (found, count) => panic!("{found:?} of {count}"),
    }
    if let Some(kept) = without_ours(fields(), NAME) {
        for (name, _) in pairs([&*kept]) {
            assert!(
                !is_ours(name, NAME),
                "{:?}",
                name.escape_ascii().to_string()
            );
        }
        assert!(!kept.is_empty());
        assert_eq!(without_ours([&*kept], NAME), Some(kept), "taken out twice");
    }
    let name = set_cookie_name(data);
    assert!(!name.contains(&b'=') && !name.contains(&b';'));
}
