//! Which header names a client may never send to an upstream, in any spelling.
//!
//! Gateways behind us fold `-`, `_` and `.` together (CGI, WSGI, PHP), so names are compared with
//! all three folded and without case.

/// Names refused in every spelling; a last `*` stands for any rest.
const REFUSED: [&str; 22] = [
    "authorization",
    "proxy-authorization",
    // CGI makes HTTP_PROXY of it, which clients of HTTP take for their proxy ("httpoxy").
    "proxy",
    "forwarded",
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
    "remote-user",
    "x-client-cert*",
    "x-ssl*",
    "oidc*",
    "x-request-id",
    "traceparent",
    "tracestate",
    "max-forwards",
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

/// The letters with which the built-in names begin, a bit for each.
const FIRST_LETTERS: u32 = first_letters();

const fn first_letters() -> u32 {
    let mut letters = 0;
    let mut rest: &[&str] = &REFUSED;
    while let [name, others @ ..] = rest {
        if let [first, ..] = name.as_bytes() {
            letters |= letter(*first);
        }
        rest = others;
    }
    letters
}

const fn letter(byte: u8) -> u32 {
    match byte {
        b'a'..=b'z' => 1 << (byte - b'a'),
        b'A'..=b'Z' => 1 << (byte - b'A'),
        _ => 0,
    }
}

/// Whether one of the built-in names covers `name`.
pub fn is_refused(name: &str) -> bool {
    let first = name.as_bytes().first().copied().unwrap_or_default();
    let first = first.to_ascii_lowercase();
    let begins = |refused: &&&str| refused.as_bytes().first() == Some(&first);
    let listed = FIRST_LETTERS & letter(first) != 0
        && REFUSED
            .iter()
            .filter(begins)
            .any(|refused| covers(refused, name));
    listed || is_misspelled(name)
}

fn is_misspelled(name: &str) -> bool {
    name.bytes().any(|byte| matches!(byte, b'_' | b'.'))
        && REFUSED_IF_MISSPELLED
            .iter()
            .any(|refused| covers(refused, name))
}

/// Whether `pattern` covers `name` with case and `-`, `_`, `.` folded. A last `*` covers the name
/// itself and any longer name of which it is the first whole part.
pub fn covers(pattern: &str, name: &str) -> bool {
    let (stem, open) = match pattern.strip_suffix('*') {
        Some(stem) => (stem, true),
        None => (pattern, false),
    };
    let Some((start, rest)) = name.as_bytes().split_at_checked(stem.len()) else {
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
        for name in REFUSED {
            let name = name.trim_end_matches('*').to_ascii_uppercase();
            assert!(is_refused(&name), "{name}");
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
