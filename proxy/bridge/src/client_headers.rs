//! Which header names a client may never send to an upstream, in any spelling.
//!
//! Gateways behind us fold `-`, `_` and `.` together (CGI, WSGI, PHP), so names are compared with
//! all three folded and without case.

/// Names refused in every spelling, by the letter with which they begin; a last `*` stands for any
/// rest.
const REFUSED: [(u8, &[&str]); 8] = [
    (b'a', &["authorization"]),
    (b'f', &["forwarded"]),
    (b'm', &["max-forwards"]),
    (b'o', &["oidc*"]),
    // CGI makes HTTP_PROXY of `Proxy`, which clients of HTTP take for their proxy ("httpoxy").
    (b'p', &["proxy-authorization", "proxy"]),
    (b'r', &["remote-user"]),
    (b't', &["traceparent", "tracestate"]),
    (
        b'x',
        &[
            "x-forwarded*",
            "x-real-ip",
            "x-user*",
            "x-original-user",
            "x-original-url",
            "x-rewrite-url",
            "x-session-id",
            "x-auth*",
            "x-authenticated*",
            "x-remote-user",
            "x-client-cert*",
            "x-ssl*",
            "x-request-id",
        ],
    ),
];

/// Names that are read, made or dropped where they are spelled with `-`, and refused where they are
/// spelled otherwise: who folds the spellings would take them for ours.
const REFUSED_IF_MISSPELLED: [&str; 10] = [
    "content-length",
    "transfer-encoding",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "http2-settings",
    "last-event-id",
    "sec-fetch*",
    "sec-websocket*",
    "access-control*",
];

/// Whether one of the built-in names covers `name`.
pub fn is_refused(name: &str) -> bool {
    let first = name.as_bytes().first().copied().unwrap_or_default();
    let first = first.to_ascii_lowercase();
    let listed = REFUSED.iter().find(|(letter, _)| *letter == first);
    let listed = listed.is_some_and(|(_, listed)| listed.iter().any(|known| covers(known, name)));
    listed || is_misspelled(name)
}

fn is_misspelled(name: &str) -> bool {
    // In one pass without a branch for each byte: nearly no name holds either.
    let spelled_otherwise = |found: bool, byte: u8| found | (byte == b'_') | (byte == b'.');
    name.bytes().fold(false, spelled_otherwise)
        && REFUSED_IF_MISSPELLED
            .iter()
            .any(|refused| covers(refused, name))
}

/// Whether `pattern` covers `name` with case and `-`, `_`, `.` folded. A last `*` covers the name
/// itself and any longer name of which it is the first whole part.
pub fn covers(pattern: &str, name: impl AsRef<[u8]>) -> bool {
    let (stem, open) = match pattern.strip_suffix('*') {
        Some(stem) => (stem, true),
        None => (pattern, false),
    };
    let Some((start, rest)) = name.as_ref().split_at_checked(stem.len()) else {
        return false;
    };
    let same = stem
        .bytes()
        .zip(start)
        .all(|(left, right)| fold(left) == fold(*right));
    same && (rest.is_empty() || (open && rest.first().is_some_and(|byte| fold(*byte) == b'-')))
}

fn fold(byte: u8) -> u8 {
    match byte {
        b'_' | b'.' => b'-',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_identity_header_is_refused() {
        for name in [
            "Authorization",
            "AUTHORIZATION",
            "x-forwarded-for",
            "X_Forwarded_User",
            "X.Forwarded.Prefix",
            "x-forwarded",
            "X-Authenticated-User",
            "X.Authenticated_User",
            "x-auth-request-email",
            "X-User-Id",
            "x_user",
            "OIDC_CLAIM_sub",
            "oidc-access-token",
            "Remote-User",
            "remote_user",
            "X-SSL-Client-Verify",
            "X-Client-Cert",
            "Forwarded",
            "X_Request_ID",
            "X-Real_IP",
            "Proxy",
            "PROXY",
        ] {
            assert!(is_refused(name), "{name}");
        }
    }

    #[test]
    fn every_built_in_name_covers_itself_in_capitals() {
        for (letter, names) in REFUSED {
            for name in names {
                assert_eq!(name.as_bytes().first(), Some(&letter), "{name}");
                let name = name.trim_end_matches('*').to_ascii_uppercase();
                assert!(is_refused(&name), "{name}");
            }
        }
    }

    #[test]
    fn a_name_that_is_ours_to_read_is_refused_in_other_spellings() {
        for name in [
            "content_length",
            "Transfer.Encoding",
            "proxy_connection",
            "keep.alive",
            "sec_fetch_site",
            "sec-fetch_mode",
            "sec_websocket_key",
        ] {
            assert!(is_refused(name), "{name}");
            assert!(!is_refused(&name.replace(['_', '.'], "-")), "{name}");
        }
    }

    #[test]
    fn other_headers_pass() {
        for name in [
            "accept",
            "x-forwardedness",
            "x-username",
            "x-author",
            "content-type",
            "x-csrf-token",
            "proxy-status",
            "authorizations",
        ] {
            assert!(!is_refused(name), "{name}");
        }
    }
}
