//! Readers of URLs, socket addresses and networks.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use tokenbridge_bridge::target::{EncodedSlash, canonical_path};
use url::{Host, Url};

use super::place::{Complaint, Read};
use crate::public_url::PublicUrl;
use crate::service::{Scheme, Upstream};

/// `public_url`: scheme and authority alone.
pub(crate) fn public_url(value: &str) -> Read<PublicUrl> {
    let fix = "write scheme and host alone, such as https://app.example.com";
    let (url, scheme) = web_url(value, fix)?;
    if url.path() != "/" || url.query().is_some() {
        return Err(Complaint::new("has a path or a query", fix));
    }
    Ok(PublicUrl {
        secure: scheme == Scheme::Https,
        host: url.host_str().unwrap_or_default().to_owned(),
        port: url.port_or_known_default().unwrap_or_else(|| scheme.port()),
    })
}

/// A service's `base_url`: scheme, authority and perhaps a path.
pub(crate) fn base_url(value: &str) -> Read<Upstream> {
    let fix = "write scheme, host and perhaps a path, such as http://analytics:8100";
    let (url, scheme) = web_url(value, fix)?;
    if url.query().is_some() {
        return Err(Complaint::new("has a query", fix));
    }
    let base_path = url.path().trim_end_matches('/');
    if !base_path.is_empty() && canonical_path(base_path.as_bytes(), EncodedSlash::Refuse).is_err()
    {
        return Err(Complaint::new(
            "has an ambiguous path",
            "write it without `//`, `;` and encoded separators",
        ));
    }
    let host = match url.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(Host::Ipv4(_) | Host::Domain(_)) | None => {
            url.host_str().unwrap_or_default().to_owned()
        }
    };
    Ok(Upstream {
        scheme,
        host,
        port: url.port_or_known_default().unwrap_or_else(|| scheme.port()),
        base_path: base_path.to_owned(),
    })
}

/// An issuer identifier (OpenID Connect Discovery § 3: no query, no fragment).
pub(crate) fn issuer(value: &str) -> Read<Url> {
    let fix = "copy `issuer` from the provider's /.well-known/openid-configuration";
    let (url, _) = web_url(value, fix)?;
    match url.query() {
        None => Ok(url),
        Some(_) => Err(Complaint::new("has a query", fix)),
    }
}

/// An origin exactly as a browser sends it (RFC 6454 § 6.2).
pub(crate) fn origin(value: &str) -> Read<String> {
    let fix = "write scheme, host and port of each origin, such as https://app.example.com";
    if value.contains('*') {
        return Err(Complaint::new(
            "is no exact origin, and credentials are always allowed",
            fix,
        ));
    }
    let (url, _) = web_url(value, fix)?;
    let origin = url.origin().ascii_serialization();
    match origin == value {
        true => Ok(origin),
        false => Err(Complaint::new(
            "is not written as browsers send it",
            format!("write {origin}"),
        )),
    }
}

/// An http or https URL without user information and fragment.
fn web_url(value: &str, fix: &str) -> Read<(Url, Scheme)> {
    let url =
        Url::parse(value).map_err(|error| Complaint::new(format!("is no URL ({error})"), fix))?;
    let scheme = match url.scheme() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err(Complaint::new("is no http or https URL", fix)),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Complaint::new("holds a user name or password", fix));
    }
    if url.fragment().is_some() {
        return Err(Complaint::new("has a fragment", fix));
    }
    Ok((url, scheme))
}

/// An IP address with a port.
pub(crate) fn socket(value: &str) -> Read<SocketAddr> {
    let fix = "write an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080";
    value
        .parse()
        .map_err(|_| Complaint::new("is no address to listen on", fix))
}

/// A network in CIDR form, or one address.
pub(crate) fn network(value: &str) -> Read<IpNet> {
    let address = || value.parse::<IpAddr>().map(IpNet::from);
    let network = value.parse::<IpNet>().or_else(|_| address());
    network
        .map_err(|_| Complaint::new("is no network", "write 10.0.0.0/8, fd00::/8 or one address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_scheme_host_and_port() {
        for (text, origin, secure) in [
            ("http://localhost:8080", "http://localhost:8080", false),
            ("http://localhost:8080/", "http://localhost:8080", false),
            ("http://app.localhost", "http://app.localhost", false),
            ("http://127.0.0.2:1", "http://127.0.0.2:1", false),
            ("http://[::1]:8080", "http://[::1]:8080", false),
            (
                "https://App.Example.com:443",
                "https://app.example.com",
                true,
            ),
            (
                "https://app.example.com:8443",
                "https://app.example.com:8443",
                true,
            ),
        ] {
            let public = public_url(text).unwrap();
            assert_eq!(
                (public.origin().as_str(), public.secure),
                (origin, secure),
                "{text}"
            );
        }
        for text in [
            "http://app.example.com",
            "http://localhost.example.com",
            "http://0.0.0.0:8080",
        ] {
            let public = public_url(text).unwrap();
            assert!(!public.secure && !public.is_loopback(), "{text}");
        }
        for text in [
            "localhost:8080",
            "ftp://localhost",
            "https://a.example/app",
            "https://a.example?x",
            "https://a.example#x",
            "https://user@a.example",
            "https://",
            "",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_base_url_may_have_a_path() {
        for (text, origin, base_path) in [
            ("http://analytics:8100", "http://analytics:8100", ""),
            (
                "http://analytics_service:8100/",
                "http://analytics_service:8100",
                "",
            ),
            ("https://api.example/v1/", "https://api.example", "/v1"),
            ("http://[fd00::1]:80", "http://[fd00::1]", ""),
        ] {
            let upstream = base_url(text).unwrap();
            assert_eq!(
                (upstream.origin().as_str(), &*upstream.base_path),
                (origin, base_path),
                "{text}"
            );
        }
        for text in [
            "http://a?x",
            "http://a#x",
            "http://u:p@a",
            "http://a/b//c",
            "http://a/b;c",
            "unix:/a",
            "a",
        ] {
            assert!(base_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        assert_eq!(
            origin("https://app.example"),
            Ok("https://app.example".into())
        );
        for text in [
            "*",
            "https://*.example",
            "null",
            "https://app.example/",
            "https://App.example",
            "https://a:443",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_and_networks_are_read() {
        assert!(socket("127.0.0.1:8080").is_ok() && socket("[::]:8080").is_ok());
        assert!(
            ["localhost:8080", ":8080", "127.0.0.1", "8080"]
                .iter()
                .all(|text| socket(text).is_err())
        );
        assert_eq!(network("10.0.0.1").unwrap().prefix_len(), 32);
        assert!(
            network("fd00::/8").is_ok()
                && network("10.0.0.0/33").is_err()
                && network("all").is_err()
        );
    }
}
