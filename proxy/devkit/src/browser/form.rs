//! The form of a page: enough of HTML to fill in a login.

use http::Method;
use url::form_urlencoded;

/// A form with what it would send.
pub(super) struct Form {
    pub(super) method: Method,
    pub(super) action: String,
    inputs: Vec<Input>,
}

struct Input {
    name: String,
    kind: String,
    value: String,
}

/// A tag with its attributes, names in lower case.
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<&str> {
        let mut found = self.attributes.iter().filter(|(own, _)| own == name);
        found.next().map(|(_, value)| value.as_str())
    }
}

/// The first form of a page, with the inputs elsewhere that name it in their `form` attribute.
pub(super) fn first(html: &str) -> Option<Form> {
    let tags = tags(html);
    let start = tags.iter().position(|tag| tag.name == "form")?;
    let (before, form) = tags.split_at(start);
    let (opening, inside) = form.split_first()?;
    let end = inside.iter().position(|tag| tag.name == "/form");
    let (inside, after) = inside.split_at(end.unwrap_or(inside.len()));
    let id = opening.attribute("id");
    let elsewhere = before.iter().chain(after);
    let elsewhere = elsewhere.filter(|tag| id.is_some() && tag.attribute("form") == id);
    let inputs = inside
        .iter()
        .chain(elsewhere)
        .filter(|tag| tag.name == "input" || tag.name == "button")
        .filter_map(read_input);
    let post = opening
        .attribute("method")
        .is_some_and(|method| method.eq_ignore_ascii_case("post"));
    Some(Form {
        method: if post { Method::POST } else { Method::GET },
        action: opening.attribute("action").unwrap_or_default().to_owned(),
        inputs: inputs.collect(),
    })
}

fn read_input(tag: &Tag) -> Option<Input> {
    let default = if tag.name == "button" {
        "submit"
    } else {
        "text"
    };
    let kind = tag.attribute("type").unwrap_or(default);
    let unchecked = matches!(kind, "checkbox" | "radio") && tag.attribute("checked").is_none();
    (!unchecked).then_some(Input {
        name: tag.attribute("name")?.to_owned(),
        kind: kind.to_ascii_lowercase(),
        value: tag.attribute("value").unwrap_or_default().to_owned(),
    })
}

impl Form {
    /// The names of the fields for user name and password, if it is a login form.
    pub(super) fn login_fields(&self) -> Option<(&str, &str)> {
        let mut named = self.inputs.iter();
        let password = self.inputs.iter().find(|input| input.kind == "password")?;
        let user = named.find(|input| matches!(input.kind.as_str(), "text" | "email"))?;
        Some((&user.name, &password.name))
    }

    /// What is sent when the first button is pressed.
    pub(super) fn encode(&self, fields: &[(&str, &str)]) -> String {
        let mut pressed = false;
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        for input in &self.inputs {
            let filled_in = fields.iter().find(|(name, _)| *name == input.name);
            let is_button = matches!(input.kind.as_str(), "submit" | "image" | "button" | "reset");
            if is_button && (pressed || input.kind != "submit") {
                continue;
            }
            pressed |= is_button;
            let value = filled_in.map_or(input.value.as_str(), |(_, value)| value);
            encoded.append_pair(&input.name, value);
        }
        encoded.finish()
    }
}

fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, from)) = rest.split_once('<') {
        let end = tag_end(from);
        let (inside, after) = from.split_at_checked(end).unwrap_or((from, ""));
        tags.push(read_tag(inside));
        rest = after;
    }
    tags
}

/// The index of the `>` that is in no quotes.
fn tag_end(text: &str) -> usize {
    let mut quote = None;
    for (index, character) in text.char_indices() {
        match (quote, character) {
            (None, '>') => return index,
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    text.len()
}

fn read_tag(inside: &str) -> Tag {
    let inside = inside.trim().trim_end_matches('/');
    let (name, mut rest) = inside
        .split_once(char::is_whitespace)
        .unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let end = rest.find(|character: char| character == '=' || character.is_whitespace());
        let (attribute, after) = rest.split_at(end.unwrap_or(rest.len()));
        let (value, after) = match after.trim_start().strip_prefix('=') {
            Some(after) => read_value(after.trim_start()),
            None => ("", after),
        };
        attributes.push((attribute.to_ascii_lowercase(), unescape(value)));
        // A stray `=` must not hold up the loop.
        rest = after.trim_start_matches('=');
    }
    Tag {
        name: name.to_ascii_lowercase(),
        attributes,
    }
}

fn read_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    text.split_at(end)
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#x2F;", "/")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_form_is_filled_in_with_its_hidden_fields() {
        let html = r#"<p>x</p><form class=a action="/login?a=1&amp;b=2" method="post">
            <input type="hidden" name="request" value="abc"><input name=username required>
            <input type='password' name='password'><input type="checkbox" name="remember">
            <button type="submit" name="go" value="1">a > b</button></form><input name="later">"#;
        let form = first(html).unwrap();
        assert_eq!(form.method, Method::POST);
        assert_eq!(form.action, "/login?a=1&b=2");
        assert_eq!(form.login_fields(), Some(("username", "password")));
        let sent = form.encode(&[("username", "alice"), ("password", "a b")]);
        assert_eq!(sent, "request=abc&username=alice&password=a+b&go=1");
    }

    #[test]
    fn of_two_buttons_the_first_one_is_pressed() {
        let html = r#"<form><button name="decision" value="allow">A</button>
            <button name="decision" value="deny">D</button></form>"#;
        assert_eq!(first(html).unwrap().encode(&[]), "decision=allow");
    }

    #[test]
    fn a_button_outside_of_its_form_is_pressed() {
        let html = r#"<button form="b">x</button><form id="a" method="post" action="/end">
            <input type="hidden" name="xsrf" value="1"></form>
            <button form="a" name="logout" value="yes">Yes</button><button form="a">No</button>"#;
        assert_eq!(first(html).unwrap().encode(&[]), "xsrf=1&logout=yes");
    }

    #[test]
    fn broken_html_ends_the_reading_and_not_the_test() {
        for html in [
            "<",
            "<form",
            "<form a==b =c>",
            "<form action='x",
            "<<<>>>",
            "<form><input name",
        ] {
            let _ = first(html);
        }
        assert!(first("<p>nothing</p>").is_none());
    }
}
