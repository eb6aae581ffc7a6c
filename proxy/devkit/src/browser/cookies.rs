//! Cookies as a browser keeps them (RFC 6265bis): by host and path, for every port.

use std::time::{Duration, Instant};

use url::{Host, Url};

struct Cookie {
    name: String,
    value: String,
    domain: String,
    host_only: bool,
    path: String,
    secure: bool,
    expires_at: Option<Instant>,
}

impl Cookie {
    fn goes_to(&self, url: &Url, now: Instant) -> bool {
        let host = url.host_str().unwrap_or_default();
        let subdomain = host
            .strip_suffix(&self.domain)
            .is_some_and(|rest| rest.ends_with('.'));
        let path = url.path();
        let below = path.strip_prefix(&self.path).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/')
        });
        (host == self.domain || !self.host_only && subdomain)
            && below
            && (!self.secure || is_trustworthy(url))
            && self.expires_at.is_none_or(|end| end > now)
    }
}

/// Browsers send Secure cookies over https, and to the own machine.
fn is_trustworthy(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || loopback
}

/// The cookies of one browser.
#[derive(Default)]
pub(super) struct CookieJar(Vec<Cookie>);

impl CookieJar {
    /// The `Cookie` header for an address, longer paths first.
    pub(super) fn header(&self, url: &Url) -> Option<String> {
        let now = Instant::now();
        let mut sent: Vec<&Cookie> = self
            .0
            .iter()
            .filter(|cookie| cookie.goes_to(url, now))
            .collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> = sent
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    pub(super) fn value(&self, url: &Url, name: &str) -> Option<String> {
        let now = Instant::now();
        let mut sent = self.0.iter().filter(|cookie| cookie.goes_to(url, now));
        sent.find(|cookie| cookie.name == name)
            .map(|cookie| cookie.value.clone())
    }

    /// Keeps, replaces or deletes a cookie.
    pub(super) fn store(&mut self, url: &Url, set_cookie: &str) {
        let Some(cookie) = read(url, set_cookie).filter(keeps_prefix_rules) else {
            return;
        };
        self.0.retain(|known| {
            (&known.name, &known.domain, &known.path)
                != (&cookie.name, &cookie.domain, &cookie.path)
        });
        if cookie.expires_at.is_none_or(|end| end > Instant::now()) {
            self.0.push(cookie);
        }
    }
}

fn keeps_prefix_rules(cookie: &Cookie) -> bool {
    let host_prefix = cookie.name.starts_with("__Host-");
    let secure_prefix = host_prefix || cookie.name.starts_with("__Secure-");
    (!secure_prefix || cookie.secure) && (!host_prefix || cookie.host_only && cookie.path == "/")
}

fn read(url: &Url, set_cookie: &str) -> Option<Cookie> {
    let mut parts = set_cookie.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let mut cookie = Cookie {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        domain: url.host_str()?.to_owned(),
        host_only: true,
        path: default_path(url),
        secure: false,
        expires_at: None,
    };
    for part in parts {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        match attribute.to_ascii_lowercase().as_str() {
            "path" if value.starts_with('/') => cookie.path = value.to_owned(),
            "domain" if !value.is_empty() => {
                cookie.domain = value.trim_start_matches('.').to_ascii_lowercase();
                cookie.host_only = false;
            }
            "secure" => cookie.secure = true,
            "max-age" => {
                let seconds = value.parse::<i64>().ok()?;
                let seconds = u64::try_from(seconds).unwrap_or_default();
                cookie.expires_at = Instant::now().checked_add(Duration::from_secs(seconds));
            }
            _ => {}
        }
    }
    let own = url.host_str()?;
    let covers = own == cookie.domain || own.ends_with(&format!(".{}", cookie.domain));
    covers.then_some(cookie)
}

/// RFC 6265 § 5.1.4: the address's path up to its last slash.
fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn cookies_know_no_ports_and_secure_ones_reach_the_own_machine() {
        let mut jar = CookieJar::default();
        jar.store(&url("http://localhost:8081/"), "a=1; Secure; Path=/");
        assert_eq!(jar.header(&url("http://localhost:8080/x")).unwrap(), "a=1");
        assert_eq!(jar.header(&url("http://other.example/")), None);
    }

    #[test]
    fn a_cookie_stays_below_its_path_and_goes_with_max_age_zero() {
        let mut jar = CookieJar::default();
        jar.store(&url("http://localhost/auth/login"), "flow=1; Path=/auth");
        assert!(jar.header(&url("http://localhost/auth/callback")).is_some());
        assert!(jar.header(&url("http://localhost/authority")).is_none());
        jar.store(
            &url("http://localhost/auth/callback"),
            "flow=; Path=/auth; Max-Age=0",
        );
        assert!(jar.header(&url("http://localhost/auth/callback")).is_none());
    }

    #[test]
    fn a_host_prefixed_cookie_that_breaks_the_rules_is_not_kept() {
        let mut jar = CookieJar::default();
        for broken in [
            "__Host-a=1; Path=/",
            "__Host-a=1; Secure; Path=/x",
            "__Host-a=1; Secure; Path=/; Domain=localhost",
        ] {
            jar.store(&url("http://localhost/x"), broken);
        }
        assert_eq!(jar.header(&url("http://localhost/x")), None);
        jar.store(&url("http://localhost/x"), "__Host-a=1; Secure; Path=/");
        assert_eq!(
            jar.value(&url("http://localhost/"), "__Host-a").unwrap(),
            "1"
        );
    }
}
