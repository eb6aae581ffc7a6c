//! The refresh token of an answer of which nothing else can be used: one that breaks off, or that is
//! too large to be taken apart.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};

/// The last `refresh_token` of a JSON object that is a whole string, whatever comes behind it.
pub(super) fn refresh_token(body: &[u8]) -> Option<String> {
    let mut found = None;
    let mut reader = serde_json::Deserializer::from_slice(body);
    // What is wrong further on is why somebody asks here.
    let _ = reader.deserialize_map(Keeping(&mut found));
    found
}

/// Keeps the member while it reads the others, so that an end without notice leaves it there.
struct Keeping<'k>(&'k mut Option<String>);

impl<'de> Visitor<'de> for Keeping<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a token response")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            match &*name {
                "refresh_token" => {
                    let value = members.next_value::<Cow<'de, str>>();
                    *self.0 = value.as_ref().ok().map(|text| text.clone().into_owned());
                    value.map_err(|_| A::Error::custom("refresh_token is no whole string"))?;
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_that_is_whole_is_kept_wherever_the_answer_breaks_off() {
        let whole = r#"{"access_token":"a","refresh_token":"r\"1","id_token":"i"}"#;
        let complete = whole.find(r#","id_token"#).unwrap();
        for cut in 0..=whole.len() {
            let kept = refresh_token(&whole.as_bytes()[..cut]);
            match cut < complete {
                true => assert_eq!(kept, None, "{cut}"),
                false => assert_eq!(kept.as_deref(), Some("r\"1"), "{cut}"),
            }
        }
    }

    #[test]
    fn what_is_no_string_of_the_object_itself_is_no_refresh_token() {
        for body in [
            "",
            "<html>",
            "[]",
            r#""refresh_token""#,
            r#"{"refresh_token":7}"#,
            r#"{"refresh_token":null}"#,
            r#"{"refresh_token":{"refresh_token":"r"}}"#,
            r#"{"more":{"refresh_token":"r"}}"#,
            r#"[{"refresh_token":"r"}]"#,
        ] {
            assert_eq!(refresh_token(body.as_bytes()), None, "{body}");
        }
    }
}
