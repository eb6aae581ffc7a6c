//! `Host` against the public URL: nothing is ever built from what a client sends.

use std::net::IpAddr;

use http::header;
use pingora::http::RequestHeader;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_config::public_url::PublicUrl;

/// Checks that the request is for us. Where the public URL is a loopback address (development),
/// any loopback name and port passes: replicas may listen anywhere there.
///
/// # Errors
/// No usable host, or another's.
pub(crate) fn check(public_url: &PublicUrl, request: &RequestHeader) -> Result<(), Refusal> {
    let invalid = |detail: &str| Refusal::new(Rejection::HostInvalid, detail);
    let mut fields = request.headers.get_all(header::HOST).iter();
    let host = match (fields.next(), fields.next()) {
        (Some(one), None) => one
            .to_str()
            .map_err(|_| invalid("Host holds bytes that no host name has"))?,
        (Some(_), Some(_)) => return Err(invalid("Host stands twice")),
        (None, _) => request
            .uri
            .authority()
            .map(http::uri::Authority::as_str)
            .ok_or_else(|| invalid("there is no Host"))?,
    };
    if is_exactly(public_url, host) {
        return Ok(());
    }
    let authority: http::uri::Authority =
        host.parse().map_err(|_| invalid("Host is no authority"))?;
    if host.contains('@') {
        return Err(invalid("Host holds user information"));
    }
    match is_served(public_url, &authority) {
        true => Ok(()),
        false => Err(Refusal::new(
            Rejection::HostUnknown,
            "Host is not the one of public_url",
        )),
    }
}

/// What nearly every request has: the public URL's own host and port, letter by letter.
fn is_exactly(public_url: &PublicUrl, host: &str) -> bool {
    let Some(rest) = host.strip_prefix(public_url.host.as_str()) else {
        return false;
    };
    let scheme_port = if public_url.secure { 443 } else { 80 };
    match rest.strip_prefix(':') {
        // A port is digits alone: a sign would pass for a number as well.
        Some(port) => {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse() == Ok(public_url.port)
        }
        None => rest.is_empty() && public_url.port == scheme_port,
    }
}

fn is_served(public_url: &PublicUrl, authority: &http::uri::Authority) -> bool {
    let host = authority.host().to_ascii_lowercase();
    if public_url.is_loopback() {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
        return address || bare == "localhost" || bare.ends_with(".localhost");
    }
    let scheme_port = if public_url.secure { 443 } else { 80 };
    host == public_url.host && authority.port_u16().unwrap_or(scheme_port) == public_url.port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(public_host: &str, secure: bool, port: u16, hosts: &[&str]) -> Option<u16> {
        let public_url = PublicUrl {
            secure,
            host: public_host.into(),
            port,
        };
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for host in hosts {
            request.append_header("host", *host).unwrap();
        }
        check(&public_url, &request)
            .err()
            .map(|refusal| refusal.rejection.status())
    }

    #[test]
    fn only_the_public_url_is_served() {
        for (hosts, expected) in [
            (&["app.example"][..], None),
            (&["APP.example:443"], None),
            (&["app.example:8443"], Some(421)),
            (&["evil.example"], Some(421)),
            (&["app.example.evil"], Some(421)),
            (&["localhost"], Some(421)),
            (&[], Some(400)),
            (&[""], Some(400)),
            (&["user@app.example"], Some(400)),
            (&["app.example", "app.example"], Some(400)),
            (&["app.example/x"], Some(400)),
        ] {
            assert_eq!(
                status("app.example", true, 443, hosts),
                expected,
                "{hosts:?}"
            );
        }
    }

    #[test]
    fn a_development_gateway_answers_to_any_loopback_name() {
        for (host, expected) in [
            ("localhost:8080", None),
            ("127.0.0.1:9999", None),
            ("[::1]:8080", None),
            ("a.localhost", None),
            ("evil.example:8080", Some(421)),
        ] {
            assert_eq!(
                status("localhost", false, 8080, &[host]),
                expected,
                "{host}"
            );
        }
    }
}
