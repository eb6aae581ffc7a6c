//! The authorization response, read strictly (RFC 6749 § 4.1.2, RFC 9207).

use std::collections::HashMap;

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use url::form_urlencoded;

use crate::tokens::response::plain_code;

/// An authorization response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) state: Secret,
    pub(crate) issuer: Option<String>,
    pub(crate) outcome: Outcome,
}

/// What the provider says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It gave a code.
    Code(Secret),
    /// It refused; with its code, if that is a plain token.
    Error(Option<String>),
}

impl Response {
    /// Reads a callback's query.
    ///
    /// # Errors
    /// A parameter twice (RFC 6749 § 3.1), no `state`, or neither or both of `code` and `error`.
    pub(crate) fn read(query: &str) -> Result<Self, Refusal> {
        let mut parameters = HashMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if parameters.insert(name, value.into_owned()).is_some() {
                return Err(invalid("a parameter of the callback stands twice"));
            }
        }
        let mut take = |name| parameters.remove(name);
        let (state, code) = (take("state"), take("code"));
        let (error, issuer) = (take("error"), take("iss"));
        let outcome = match (code, error) {
            (Some(code), None) if !code.is_empty() => Outcome::Code(Secret::new(code)),
            (None, Some(error)) => Outcome::Error(plain_code(&error)),
            (Some(_), Some(_)) => return Err(invalid("the callback has both code and error")),
            (Some(_) | None, None) => {
                return Err(invalid("the callback has neither code nor error"));
            }
        };
        let state = state.filter(|state| !state.is_empty());
        Ok(Self {
            state: Secret::new(state.ok_or_else(|| invalid("the callback has no state"))?),
            issuer,
            outcome,
        })
    }

    /// Checks whose answer it is (RFC 9207 § 2.4), also where it is an error.
    ///
    /// # Errors
    /// It is another issuer's, or names none although the provider promised to.
    pub(crate) fn check_issuer(&self, issuer: &str, promised: bool) -> Result<(), Refusal> {
        match self.issuer.as_deref() {
            Some(named) if named == issuer => Ok(()),
            Some(_) => Err(Refusal::new(
                Rejection::IssuerMismatch,
                "iss of the callback is not the issuer",
            )),
            None if promised => Err(Refusal::new(
                Rejection::IssuerMismatch,
                "the callback has no iss, which the provider's metadata announces",
            )),
            None => Ok(()),
        }
    }
}

fn invalid(what: &str) -> Refusal {
    Refusal::new(Rejection::CallbackInvalid, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_read_strictly() {
        for query in [
            "",
            "state=s",
            "code=c",
            "state=&code=c",
            "state=s&code=",
            "code=c&state=s&state=t",
            "code=c&code=d&state=s",
            "code=c&error=e&state=s",
            "iss=a&iss=a&code=c&state=s",
            "state=s&state=s&error=e",
            "code=c&state=s&scope=a&scope=b",
        ] {
            let refusal = Response::read(query).unwrap_err();
            assert_eq!(refusal.rejection, Rejection::CallbackInvalid, "{query}");
        }
        let response = Response::read("session_state=x&code=a%2Bb&state=s&scope=a+b").unwrap();
        assert_eq!(response.outcome, Outcome::Code(Secret::new("a+b")));
        let refused = Response::read("error=access_denied&state=s&error_description=<b>").unwrap();
        assert_eq!(
            refused.outcome,
            Outcome::Error(Some("access_denied".into()))
        );
        let odd = Response::read("error=%0Aforged&state=s").unwrap();
        assert_eq!(odd.outcome, Outcome::Error(None));
    }

    #[test]
    fn an_answer_of_another_issuer_is_refused_also_when_it_is_an_error() {
        for (query, promised, good) in [
            ("code=c&state=s&iss=https%3A%2F%2Fidp", true, true),
            ("code=c&state=s&iss=https%3A%2F%2Fidp", false, true),
            ("code=c&state=s&iss=https%3A%2F%2Fidp%2F", false, false),
            ("error=e&state=s&iss=https%3A%2F%2Fevil", true, false),
            ("code=c&state=s", true, false),
            ("error=e&state=s", true, false),
            ("code=c&state=s", false, true),
        ] {
            let checked = Response::read(query)
                .unwrap()
                .check_issuer("https://idp", promised);
            assert_eq!(checked.is_ok(), good, "{query}");
        }
    }
}
