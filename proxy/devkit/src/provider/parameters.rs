//! The parameters of a request, before anything is believed of them.

use url::form_urlencoded;

use super::oauth_error::{ErrorCode, OAuthError};

/// Names and values in order of arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query or an `application/x-www-form-urlencoded` body.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The one value of a parameter; an empty one counts as absent (RFC 6749 § 3.1).
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, OAuthError> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(OAuthError::new(
                ErrorCode::InvalidRequest,
                format!("the parameter {name} is there more than once"),
            )),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    /// The one value of a parameter that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.one(name)?.ok_or_else(|| {
            OAuthError::new(
                ErrorCode::InvalidRequest,
                format!("the parameter {name} is missing"),
            )
        })
    }

    /// Every value of a parameter that may be repeated.
    pub(crate) fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// The targets that are named: `resource` (RFC 8707) and `audience`, each once.
    pub(crate) fn targets(&self) -> Vec<String> {
        let mut targets: Vec<String> = Vec::new();
        for value in self.values("resource").chain(self.values("audience")) {
            if !value.is_empty() && !targets.iter().any(|known| known == value) {
                targets.push(value.to_owned());
            }
        }
        targets
    }

    /// The names, as often as they are there.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_refused_and_an_empty_one_is_absent() {
        let parameters = Parameters::parse(b"scope=a&scope=b&state=&nonce=n");
        assert_eq!(
            parameters.one("scope").unwrap_err().code,
            ErrorCode::InvalidRequest
        );
        assert_eq!(parameters.one("state").unwrap(), None);
        assert_eq!(parameters.one("nonce").unwrap(), Some("n"));
    }

    #[test]
    fn resource_and_audience_name_targets_alike() {
        let parameters =
            Parameters::parse(b"resource=a&audience=b&resource=c&audience=a&resource=");
        assert_eq!(parameters.targets(), ["a", "c", "b"]);
    }
}
