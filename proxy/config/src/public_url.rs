//! The address that browsers see. `Host` is checked against it, and the cookie follows from it.

use std::net::IpAddr;

/// Scheme and authority that browsers see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// Whether the scheme is https.
    pub secure: bool,
    /// The host in lower case; an IPv6 address in brackets.
    pub host: String,
    /// The port, also where the URL leaves it out.
    pub port: u16,
}

impl PublicUrl {
    /// The origin as a browser sends it (RFC 6454 § 6.2): without the scheme's own port.
    pub fn origin(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// Host and port as a browser's `Host` header has them: without the scheme's own port.
    pub fn authority(&self) -> String {
        let own = if self.secure { 443 } else { 80 };
        match self.port == own {
            true => self.host.clone(),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// Whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(&self.host)
    }
}

/// Whether a URL's host names this machine (RFC 6761 § 6.3; W3C Secure Contexts § 3.1).
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .trim_end_matches('.');
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}
