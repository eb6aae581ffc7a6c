//! A login without a browser, at a provider whose pages are plain HTML forms.

use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response};
use tokenbridge_bridge::Secret;
use url::{Origin, Url};

use super::form::{self, Form};

/// Pages and redirects in all.
const STEPS: usize = 40;
/// The longest page that is looked at, in bytes.
const LONGEST_PAGE: usize = 1024 * 1024;

/// Where the login begins and ends, and the only place that is told the password.
pub(super) struct Place {
    pub(super) gateway: String,
    pub(super) provider: Origin,
}

/// One page or redirect to ask for.
enum Step {
    Get(Url),
    Post(Url, Vec<(String, String)>),
}

#[derive(Default)]
struct Cookies(Vec<(String, String, String)>);

/// Opens an address, fills in the provider's form once and agrees to what else it asks, until the
/// gateway has answered.
///
/// # Errors
/// Why the login did not come about.
pub(super) async fn log_in(
    client: &Client,
    place: &Place,
    address: &str,
    (user, password): (&str, &Secret),
) -> Result<(), String> {
    let mut cookies = Cookies::default();
    let mut step = Step::Get(parse(address)?);
    let mut filled_in = false;
    for _ in 0..STEPS {
        let (url, answer) = send(client, step, &mut cookies).await?;
        if let Some(location) = location(&url, &answer) {
            step = Step::Get(location);
            continue;
        }
        if url.origin().ascii_serialization() == place.gateway {
            return match answer.status().is_success() {
                true => Ok(()),
                false => Err(format!("the gateway answered {}", answer.status())),
            };
        }
        let form = form::first(&text(answer).await?).ok_or_else(|| by_hand(&url))?;
        if form.asks_for_a_password() && filled_in {
            return Err("the provider does not take this user and password".into());
        }
        filled_in |= form.asks_for_a_password();
        let action = url.join(&form.action).map_err(|_| by_hand(&url))?;
        if url.origin() != place.provider || action.origin() != place.provider {
            return Err(by_hand(&url));
        }
        step = submit(form, action, (user, password));
    }
    Err("the login goes round in circles".into())
}

fn submit(form: Form, mut action: Url, (user, password): (&str, &Secret)) -> Step {
    let fields = form.filled_in(user, password.expose());
    match form.post {
        true => Step::Post(action, fields),
        false => {
            action.query_pairs_mut().clear().extend_pairs(fields);
            Step::Get(action)
        }
    }
}

async fn send(
    client: &Client,
    step: Step,
    cookies: &mut Cookies,
) -> Result<(Url, Response), String> {
    let (url, request) = match step {
        Step::Get(url) => (url.clone(), client.get(url)),
        Step::Post(url, fields) => (url.clone(), client.post(url).form(&fields)),
    };
    let host = url.host_str().unwrap_or_default().to_owned();
    let mut request = request
        .header(ACCEPT, "text/html")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
        .header("sec-fetch-site", "none");
    if let Some(header) = cookies.header(&host) {
        request = request.header(COOKIE, header);
    }
    let failed = |_| format!("{} does not answer", url.origin().ascii_serialization());
    let answer = request.send().await.map_err(failed)?;
    for value in answer.headers().get_all(SET_COOKIE) {
        cookies.take(&host, value.to_str().unwrap_or_default());
    }
    Ok((url, answer))
}

fn location(url: &Url, answer: &Response) -> Option<Url> {
    let location = answer.headers().get(LOCATION)?.to_str().ok()?;
    url.join(location)
        .ok()
        .filter(|_| answer.status().is_redirection())
}

async fn text(mut answer: Response) -> Result<String, String> {
    let mut page = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        page.extend_from_slice(&chunk);
        if page.len() > LONGEST_PAGE {
            return Err("a page of the provider is longer than a login's".into());
        }
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn parse(address: &str) -> Result<Url, String> {
    Url::parse(address).map_err(|_| format!("{address} is no URL"))
}

fn by_hand(url: &Url) -> String {
    let origin = url.origin().ascii_serialization();
    format!(
        "the page at {origin} cannot be filled in by a command: leave --user out and use a browser"
    )
}

impl Cookies {
    fn header(&self, host: &str) -> Option<String> {
        let own = self.0.iter().filter(|(of, _, _)| of == host);
        let pairs: Vec<String> = own
            .map(|(_, name, value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn take(&mut self, host: &str, set_cookie: &str) {
        let mut parts = set_cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        self.0.retain(|(of, known, _)| of != host || known != name);
        let deleted = parts.any(|attribute| attribute.eq_ignore_ascii_case("max-age=0"));
        if !deleted && !value.is_empty() {
            self.0.push((host.into(), name.into(), value.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_go_back_to_their_host_until_they_are_deleted() {
        let mut cookies = Cookies::default();
        for (host, set) in [
            ("a", "one=1; Path=/; HttpOnly"),
            ("a", "two=2"),
            ("b", "three=3"),
            ("a", "one=4"),
            ("a", "two=; Max-Age=0"),
            ("a", "nonsense"),
        ] {
            cookies.take(host, set);
        }
        assert_eq!(cookies.header("a").as_deref(), Some("one=4"));
        assert_eq!(cookies.header("b").as_deref(), Some("three=3"));
        assert_eq!(cookies.header("c"), None);
    }
}
