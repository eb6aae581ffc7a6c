//! Where load may go. A load test is an attack on whoever did not ask for it.

use http::Uri;

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
    match remote || (is_here(host) && scheme == "http") {
        true => Ok(format!("{scheme}://{authority}")),
        false => Err(format!(
            "{target} is not on this machine; set {ALLOW_REMOTE}=1 if you may load it"
        )
        .into()),
    }
}

/// Checks that a login leads to a provider on this machine, unless `remote` is allowed: each session
/// is a login, which loads the provider as well. `location` is where the gateway sends browsers.
///
/// # Errors
/// It leads elsewhere.
pub fn check_provider(location: &str, remote: bool) -> Outcome<()> {
    let uri: Uri = location.parse().map_err(|_| "a login leads to no URL")?;
    // Without a host it stays where it is.
    match remote || uri.host().is_none_or(is_here) {
        true => Ok(()),
        false => Err(format!(
            "logins lead to {}, which is not on this machine; set {ALLOW_REMOTE}=1 if you may load it",
            uri.host().unwrap_or_default()
        )
        .into()),
    }
}

fn is_here(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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
        ];
        let elsewhere = [
            "http://example.com",
            "http://localhost.example.com:8080",
            "http://127.0.0.1.example.com",
            "https://localhost",
            "http://10.0.0.1",
        ];
        stays_here(check, &here, &elsewhere);
    }

    #[test]
    fn a_provider_elsewhere_is_loaded_only_where_that_is_allowed() {
        let here = [
            "http://localhost:8081/authorize?x=http://example.com",
            "https://[::1]/",
            "/login",
        ];
        let elsewhere = [
            "https://id.example.com/authorize",
            "http://localhost.example.com/",
            "http://localhost@example.com/",
        ];
        stays_here(check_provider, &here, &elsewhere);
    }

    #[test]
    fn what_could_lead_elsewhere_than_it_seems_is_refused_always() {
        for target in [
            "http://localhost@example.com",
            "http://localhost:8080@example.com/",
            "localhost:8080",
            "http://localhost/?x",
            "http://localhost:8080/path",
        ] {
            assert!(check(target, true).is_err(), "{target}");
        }
    }
}
