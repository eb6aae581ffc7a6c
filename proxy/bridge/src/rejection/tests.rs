use super::*;
use std::collections::HashSet;

#[test]
fn every_refusal_has_a_row_of_its_own() {
    let codes: HashSet<_> = Rejection::ALL
        .iter()
        .map(|rejection| rejection.code())
        .collect();
    assert_eq!(codes.len(), Rejection::ALL.len());
    for rejection in Rejection::ALL {
        let row = rejection.row();
        assert!((400..600).contains(&row.status), "{rejection:?}");
        assert!(
            row.code
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_'),
            "{rejection:?}"
        );
        assert!(
            !row.title.is_empty() && !row.proxy_error.is_empty(),
            "{rejection:?}"
        );
        assert_eq!(
            row.status == 503,
            row.retry_after.is_some(),
            "{rejection:?}"
        );
    }
}
