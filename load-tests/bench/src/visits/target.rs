//! Where load may go. A load test is an attack on whoever did not ask for it.

use http::Uri;
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::BrowserError;

use crate::Outcome;

/// The variable that allows another machine.
pub const ALLOW_REMOTE: &str = "ALLOW_REMOTE";

/// The origin of a target, which is on this machine unless `remote` is allowed.
///
/// # Errors
/// It is elsewhere, or no origin.
pub fn check(target: &str, remote: bool) -> Outcome<String> {
    let uri: Uri = target.parse().map_err(|_| format!("{target} is no URL"))?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err("the target holds user information: say where it leads".into());
    }
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err(format!("{target} has no scheme or host").into());
    };
    if uri.path() != "/" || uri.query().is_some() {
        return Err(format!("{target} has a path; an origin is wanted").into());
    }
    match remote || (is_here(host) && matches!(scheme, "http" | "https")) {
        true => Ok(format!("{scheme}://{authority}")),
        false => Err(format!(
            "{target} is not on this machine; set {ALLOW_REMOTE}=1 if you may load it"
        )
        .into()),
    }
}

/// Whether another machine is allowed.
pub fn remote() -> bool {
    std::env::var(ALLOW_REMOTE).is_ok_and(|value| value == "1")
}

/// A browser that stays on this machine unless `remote` is allowed, whatever redirects and forms say.
///
/// # Errors
/// It cannot be made.
pub fn browser(remote: bool) -> Outcome<BrowserSession> {
    Ok(match remote {
        true => BrowserSession::new()?,
        false => BrowserSession::bound_to(|url| is_here(url.host_str().unwrap_or_default()))?,
    })
}

/// Checks that logins lead to a provider on this machine, unless `remote` is allowed: each session
/// is a login, which loads the provider as well.
///
/// # Errors
/// They lead elsewhere, at once or by a later redirect.
pub async fn check_provider(target: &str, remote: bool) -> Outcome<()> {
    let login = format!("{target}/auth/login?return_to=/");
    match browser(remote)?.navigate(&login).await {
        Err(BrowserError::OutOfBounds(url)) => Err(format!(
            "logins lead to {}, which is not on this machine; set {ALLOW_REMOTE}=1 if you may load it",
            url.host_str().unwrap_or_default()
        )
        .into()),
        // Whoever logs in will be told what else is wrong.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn is_here(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn stays_here<T>(check: fn(&str, bool) -> Outcome<T>, here: &[&str], elsewhere: &[&str]) {
        for here in here {
            assert!(check(here, false).is_ok(), "{here}");
        }
        for elsewhere in elsewhere {
            let refused = check(elsewhere, false).err().unwrap().to_string();
            assert!(refused.contains("ALLOW_REMOTE=1"), "{elsewhere}: {refused}");
            assert!(check(elsewhere, true).is_ok(), "{elsewhere}");
        }
    }

    #[test]
    fn only_this_machine_is_loaded_unless_another_is_allowed() {
        let here = [
            "http://localhost:8080",
            "http://localhost:8080/",
            "http://127.0.0.1",
            "http://[::1]:80",
            "https://localhost:8443",
            "https://[::1]",
        ];
        let elsewhere = [
            "http://example.com",
            "http://localhost.example.com:8080",
            "http://127.0.0.1.example.com",
            "https://localhost.evil.example",
            "https://127.0.0.1.evil.example:8443",
            "http://10.0.0.1",
            "ftp://localhost",
        ];
        stays_here(check, &here, &elsewhere);
    }

    /// A gateway whose login leads to `leads`, behind so many redirects on this machine.
    fn gateway(redirects: usize, leads: &'static str) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let own = format!("{origin}/next");
        std::thread::spawn(move || {
            let locations = std::iter::repeat_n(own.as_str(), redirects);
            for location in locations.chain([leads]) {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = [0; 4096];
                assert!(stream.read(&mut asked).unwrap() > 0);
                let head = "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\n";
                let answer = format!("{head}Location: {location}\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        origin
    }

    #[tokio::test]
    async fn a_provider_elsewhere_is_loaded_only_where_that_is_allowed() {
        for leads in [
            "https://id.example.com/authorize",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost@evil.example/",
            "//evil.example/",
        ] {
            for redirects in [0, 2] {
                let refused = check_provider(&gateway(redirects, leads), false).await;
                let refused = refused.err().unwrap().to_string();
                assert!(refused.contains("ALLOW_REMOTE=1"), "{leads}: {refused}");
            }
        }
    }

    #[test]
    fn what_could_lead_elsewhere_than_it_seems_is_refused_always() {
        for target in [
            "http://localhost@example.com",
            "http://localhost@evil.example/",
            "http://localhost:8080@example.com/",
            "localhost:8080",
            "http://localhost/?x",
            "http://localhost:8080/path",
        ] {
            assert!(check(target, true).is_err(), "{target}");
        }
    }
}
