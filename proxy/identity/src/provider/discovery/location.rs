//! Where an issuer's metadata are.

use url::Url;

use super::{Metadata, authorization_server};

/// One place, and what kind of document is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) url: Url,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// OpenID Connect Discovery § 4.
    Openid,
    /// RFC 8414 § 3.
    AuthorizationServer,
}

impl Location {
    /// Reads the document that is there.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(&self, body: &[u8], issuer: &str) -> Result<Metadata, String> {
        match self.kind {
            Kind::Openid => super::read(body, issuer),
            Kind::AuthorizationServer => authorization_server::read(body, issuer),
        }
    }
}

/// Where to look, in this order. `login`: the issuer is that of the login, so it must be an OpenID
/// provider. Another one may be an authorization server that knows nothing of OpenID Connect: its
/// metadata are where RFC 8414 § 3.1 puts them, in front of the issuer's path, or behind it, where
/// servers put them that took OpenID's rule.
pub(crate) fn locations(issuer: &Url, login: bool) -> Option<Vec<Location>> {
    let base = issuer.as_str().trim_end_matches('/');
    let at = |text: String, kind| {
        Some(Location {
            url: Url::parse(&text).ok()?,
            kind,
        })
    };
    let openid = at(
        format!("{base}/.well-known/openid-configuration"),
        Kind::Openid,
    )?;
    if login {
        return Some(vec![openid]);
    }
    let path = issuer.path().trim_end_matches('/');
    let origin = base.strip_suffix(path)?;
    let name = ".well-known/oauth-authorization-server";
    let kind = Kind::AuthorizationServer;
    let mut places = vec![openid, at(format!("{origin}/{name}{path}"), kind)?];
    if !path.is_empty() {
        places.push(at(format!("{base}/{name}"), kind)?);
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(issuer: &str, login: bool) -> Vec<String> {
        let places = locations(&Url::parse(issuer).unwrap(), login).unwrap();
        places.into_iter().map(|place| place.url.into()).collect()
    }

    #[test]
    fn the_logins_metadata_lie_beneath_the_issuer() {
        for (issuer, expected) in [
            (
                "https://idp.example",
                "https://idp.example/.well-known/openid-configuration",
            ),
            (
                "https://idp.example/",
                "https://idp.example/.well-known/openid-configuration",
            ),
            (
                "https://idp.example/a/b",
                "https://idp.example/a/b/.well-known/openid-configuration",
            ),
        ] {
            assert_eq!(found(issuer, true), [expected]);
        }
    }

    #[test]
    fn another_issuers_metadata_may_be_where_rfc_8414_puts_them() {
        assert_eq!(
            found("https://as.example/", false),
            [
                "https://as.example/.well-known/openid-configuration",
                "https://as.example/.well-known/oauth-authorization-server",
            ]
        );
        for issuer in ["https://as.example/a/b", "https://as.example/a/b/"] {
            assert_eq!(
                found(issuer, false),
                [
                    "https://as.example/a/b/.well-known/openid-configuration",
                    "https://as.example/.well-known/oauth-authorization-server/a/b",
                    "https://as.example/a/b/.well-known/oauth-authorization-server",
                ]
            );
        }
    }
}
