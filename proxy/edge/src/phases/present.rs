//! Which fields an answer has that are looked at, found in one pass over its names: nearly every
//! answer has none of them, and each question costs a search.

use http::HeaderMap;

/// Fields of an answer's head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) cache_control: bool,
    pub(crate) clear_site_data: bool,
    pub(crate) connection: bool,
    /// One of `cors::ANSWER_FIELDS`.
    pub(crate) cors: bool,
    /// One of `hop::HOP_BY_HOP`.
    pub(crate) hop_by_hop: bool,
    pub(crate) set_cookie: bool,
    pub(crate) upgrade: bool,
}

impl Present {
    /// What these fields have.
    pub(crate) fn among(fields: &HeaderMap) -> Self {
        let mut present = Self::default();
        for name in fields.keys() {
            match name.as_str() {
                "cache-control" => present.cache_control = true,
                "clear-site-data" => present.clear_site_data = true,
                "connection" => present.connection = true,
                "access-control-allow-credentials"
                | "access-control-allow-headers"
                | "access-control-allow-methods"
                | "access-control-allow-origin"
                | "access-control-allow-private-network"
                | "access-control-expose-headers"
                | "access-control-max-age" => present.cors = true,
                "te"
                | "trailer"
                | "proxy-authenticate"
                | "proxy-authorization"
                | "keep-alive"
                | "proxy-connection" => present.hop_by_hop = true,
                "set-cookie" => present.set_cookie = true,
                "upgrade" => present.upgrade = true,
                _ => {}
            }
        }
        present
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue, header};

    use super::*;
    use crate::cors::ANSWER_FIELDS;
    use crate::phases::browser_state::CLEAR_SITE_DATA;
    use crate::phases::hop::HOP_BY_HOP;

    fn among(name: &HeaderName) -> Present {
        let mut fields = HeaderMap::new();
        fields.insert(header::SERVER, HeaderValue::from_static("a"));
        fields.insert(name, HeaderValue::from_static("a"));
        Present::among(&fields)
    }

    #[test]
    fn every_field_that_is_looked_at_is_found() {
        for name in &ANSWER_FIELDS {
            assert!(among(name).cors, "{name}");
        }
        for name in &HOP_BY_HOP {
            assert!(among(name).hop_by_hop, "{name}");
        }
        assert!(among(&header::CACHE_CONTROL).cache_control);
        assert!(among(&CLEAR_SITE_DATA).clear_site_data);
        assert!(among(&header::CONNECTION).connection);
        assert!(among(&header::SET_COOKIE).set_cookie);
        assert!(among(&header::UPGRADE).upgrade);
        assert_eq!(among(&header::CONTENT_TYPE), Present::default());
    }
}
