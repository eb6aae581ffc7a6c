//! The first form of a page, as far as a login needs it.

/// A form and what it would send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) post: bool,
    pub(super) action: String,
    fields: Vec<Field>,
}

#[derive(Debug, PartialEq, Eq)]
struct Field {
    kind: String,
    name: String,
    value: String,
}

/// Reads the first form of a page.
pub(super) fn first(html: &str) -> Option<Form> {
    let mut form = None;
    for tag in Tags(html) {
        match (tag.name.as_str(), &mut form) {
            ("form", None) => {
                let method = tag.attribute("method").unwrap_or_default();
                form = Some(Form {
                    post: method.eq_ignore_ascii_case("post"),
                    action: tag.attribute("action").unwrap_or_default(),
                    fields: Vec::new(),
                });
            }
            ("input" | "button", Some(form)) => form.fields.extend(field(&tag)),
            ("/form", Some(_)) => break,
            _ => {}
        }
    }
    form
}

fn field(tag: &Tag) -> Option<Field> {
    let default = if tag.name == "button" {
        "submit"
    } else {
        "text"
    };
    Some(Field {
        kind: tag
            .attribute("type")
            .unwrap_or_else(|| default.into())
            .to_ascii_lowercase(),
        name: tag.attribute("name")?,
        value: tag.attribute("value").unwrap_or_default(),
    })
}

impl Form {
    /// Whether it is a login's.
    pub(super) fn asks_for_a_password(&self) -> bool {
        self.fields.iter().any(|field| field.kind == "password")
    }

    /// What is sent: the user's name in the first text field and the password where a password
    /// is asked for, all else as the page has it. Of the buttons the first one is pressed, and
    /// boxes stay as they are.
    pub(super) fn filled_in(&self, user: &str, password: &str) -> Vec<(String, String)> {
        let is_login = self.asks_for_a_password();
        let (mut named, mut pressed) = (false, false);
        let mut sent = Vec::new();
        for field in &self.fields {
            let value = match field.kind.as_str() {
                "password" => password,
                "text" | "email" if is_login && !named => {
                    named = true;
                    user
                }
                "submit" if pressed => continue,
                "submit" => {
                    pressed = true;
                    &field.value
                }
                "checkbox" | "radio" | "button" | "reset" | "image" | "file" => continue,
                _ => &field.value,
            };
            sent.push((field.name.clone(), value.to_owned()));
        }
        sent
    }
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<String> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| unescaped(value))
    }
}

/// The tags of a page, one after the other.
struct Tags<'a>(&'a str);

impl Iterator for Tags<'_> {
    type Item = Tag;

    fn next(&mut self) -> Option<Tag> {
        let (_, after) = self.0.split_once('<')?;
        let mut rest = after;
        let name = word(&mut rest).to_ascii_lowercase();
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            if rest.is_empty() || rest.starts_with('>') {
                break;
            }
            let name = word(&mut rest).to_ascii_lowercase();
            let value = value(&mut rest);
            if name.is_empty() && value.is_empty() {
                // Nothing that an attribute begins with.
                let mut characters = rest.chars();
                characters.next();
                rest = characters.as_str();
            }
            attributes.push((name, value));
        }
        self.0 = rest;
        Some(Tag { name, attributes })
    }
}

/// Up to what ends a tag's or an attribute's name; a `/` may only begin one.
fn word<'a>(rest: &mut &'a str) -> &'a str {
    let ends = |c: char| c.is_whitespace() || matches!(c, '>' | '=');
    let end = rest.find(ends).unwrap_or(rest.len());
    let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    *rest = after;
    word.trim_end_matches('/')
}

fn value<'a>(rest: &mut &'a str) -> String {
    let Some(after) = rest.trim_start().strip_prefix('=') else {
        return String::new();
    };
    let after = after.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = after.strip_prefix(quote) {
            let (value, after) = quoted.split_once(quote).unwrap_or((quoted, ""));
            *rest = after;
            return value.to_owned();
        }
    }
    let end = after.find(|c: char| c.is_whitespace() || c == '>');
    let (value, after): (&'a str, &'a str) = after
        .split_at_checked(end.unwrap_or(after.len()))
        .unwrap_or((after, ""));
    *rest = after;
    value.to_owned()
}

fn unescaped(value: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#x2F;", "/"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(value.to_owned(), |text, (escaped, plain)| {
        text.replace(escaped, plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_form_is_filled_in_and_the_rest_of_it_kept() {
        let page = r#"<p>x<img src=y/><form method=POST action='/login?a=1&amp;b=2'>
            <input type="hidden" name="request" value="r&quot;1"><input name="username" value="">
            <INPUT TYPE=password NAME=password><input type=checkbox name=stay value=yes>
            <button name=do value=in>Sign in</button><button name=do value=out>No</button></form>
            <form><input name=other></form>"#;
        let form = first(page).unwrap();
        assert!(form.post && form.asks_for_a_password());
        assert_eq!(form.action, "/login?a=1&b=2");
        let sent = form.filled_in("alice", "w&d");
        let sent: Vec<(&str, &str)> = sent.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            sent,
            [
                ("request", "r\"1"),
                ("username", "alice"),
                ("password", "w&d"),
                ("do", "in")
            ]
        );
    }

    #[test]
    fn a_consent_form_is_sent_as_it_is() {
        let form =
            first("<form method=post><input name=note value=n><button name=d value=yes>").unwrap();
        assert!(!form.asks_for_a_password());
        let sent = form.filled_in("alice", "secret");
        assert_eq!(
            sent,
            [("note".into(), "n".into()), ("d".into(), "yes".into())]
        );
    }

    #[test]
    fn broken_html_ends_the_reading() {
        for page in [
            "",
            "<",
            "<form",
            "<form a==b =c>",
            "<form action='x",
            "<<<>>>",
            "<form><input name",
            "<form ===>",
            "<form \"'>",
        ] {
            let _ = first(page);
        }
        assert_eq!(first("<p>nothing</p>"), None);
    }
}
