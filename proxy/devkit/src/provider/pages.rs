//! The provider's pages: plain HTML without a script, each saying what it is.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::oauth_error::OAuthError;
use crate::scopes::Scopes;

const STYLE: &str = include_str!("pages.css");
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// The login form. `request` is base64url and needs no escaping.
pub(crate) fn login(request: &str, username: &str, problem: Option<&str>) -> Response {
    let problem = problem.map_or_else(String::new, |text| {
        format!("<p class=\"problem\" role=\"alert\">{}</p>", escape(text))
    });
    page(
        "Sign in",
        &format!(
            r#"<h1>Sign in</h1>
{problem}
<form method="post" action="/login">
<input type="hidden" name="request" value="{request}">
<label for="username">User name</label>
<input id="username" name="username" value="{}" autocomplete="username" autocapitalize="none" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">Sign in</button>
</form>"#,
            escape(username)
        ),
    )
}

/// The consent form.
pub(crate) fn consent(request: &str, subject: &str, client: &str, scopes: &Scopes) -> Response {
    let scopes: String = scopes
        .iter()
        .map(|scope| format!("<li>{}</li>", escape(scope)))
        .collect();
    page(
        "Allow access",
        &format!(
            r#"<h1>Allow access?</h1>
<p>{}, the application <strong>{}</strong> asks for:</p>
<ul>{scopes}</ul>
<form method="post" action="/consent">
<input type="hidden" name="request" value="{request}">
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny" class="second">Deny</button>
</form>"#,
            escape(subject),
            escape(client)
        ),
    )
}

/// An error that is shown to the person, as it cannot be sent to the client.
pub(crate) fn error(error: &OAuthError) -> Response {
    let mut response = page(
        "This did not work",
        &format!(
            "<h1>This did not work</h1>\n<p class=\"problem\" role=\"alert\">{}</p>\n<p><code>{}</code></p>",
            escape(&error.description),
            error.code.name()
        ),
    );
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

/// The end of a logout that leads nowhere else.
pub(crate) fn signed_out() -> Response {
    page(
        "Signed out",
        "<h1>Signed out</h1>\n<p>You are signed out at the development identity provider.</p>",
    )
}

/// The provider's front page.
pub(crate) fn front(issuer: &str) -> Response {
    let issuer = escape(issuer);
    page(
        "Development identity provider",
        &format!(
            r#"<h1>Development identity provider</h1>
<p>Issuer <code>{issuer}</code></p>
<ul>
<li><a href="/.well-known/openid-configuration">Discovery</a></li>
<li><a href="/jwks">Keys</a></li>
<li><a href="/devkit/counters">What the provider saw</a></li>
<li><a href="/devkit/token-requests">The last token requests</a></li>
<li><a href="/devkit/faults">Faults in place</a></li>
<li><a href="/devkit/modes">Modes that are on</a></li>
</ul>"#
        ),
    )
}

fn page(title: &str, body: &str) -> Response {
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · devkit</title>
<style>{STYLE}</style>
</head>
<body>
<p class="banner">For development only: passwords are known to everybody.</p>
<main>
{body}
</main>
</body>
</html>
"#
    );
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (headers, Html(html)).into_response()
}

/// Text as HTML, in content and in quoted attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
