//! Templates of a target's value: `{audience}`, `{service}` and `{scopes}`.

use crate::reading::place::{At, Complaint, Read};
use crate::reading::section::Item;

/// A template and where it stands.
#[derive(Clone)]
pub(crate) struct SetTarget<'r> {
    pub(crate) template: String,
    pub(crate) at: At<'r>,
}

/// What a template is filled with.
#[derive(Clone, Copy)]
pub(crate) struct TargetFacts<'f> {
    pub(crate) audience: &'f str,
    pub(crate) service: &'f str,
    pub(crate) scopes: &'f str,
}

/// Reads a `target_value`.
pub(crate) fn read(item: Item<'_>) -> Option<SetTarget<'_>> {
    let template = item.value(checked)?;
    Some(SetTarget {
        template,
        at: item.at,
    })
}

fn checked(value: &str) -> Read<String> {
    let known = value
        .replace("{audience}", "")
        .replace("{service}", "")
        .replace("{scopes}", "");
    match known.contains(['{', '}']) || value.trim().is_empty() {
        true => Err(Complaint::new(
            "is no target value",
            "write a value with the placeholders {audience}, {service} and {scopes}, such as {audience}/.default",
        )),
        false => Ok(value.to_owned()),
    }
}

/// Fills a template. What is put in is not looked into again.
pub(crate) fn fill(template: &str, facts: TargetFacts<'_>) -> String {
    let mut text = String::with_capacity(template.len() + facts.audience.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(match name {
            "audience" => facts.audience,
            "service" => facts.service,
            _ => facts.scopes,
        });
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_once() {
        let facts = TargetFacts {
            audience: "{service}",
            service: "crud",
            scopes: "a b",
        };
        assert_eq!(
            fill("x-{audience}-{service}-{scopes}", facts),
            "x-{service}-crud-a b"
        );
        assert_eq!(fill("plain", facts), "plain");
    }

    #[test]
    fn other_placeholders_are_refused() {
        assert!(checked("{audience}/.default").is_ok());
        assert!(
            ["{aud}", "{audience", "audience}", "", " "]
                .iter()
                .all(|text| checked(text).is_err())
        );
    }
}
