//! The command: it asks the running gateway for a probe, lets somebody log in, and waits.

use std::io::BufRead;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode, redirect};
use serde_json::Value;
use tokenbridge_bridge::Secret;
use tokenbridge_config::Configuration;
use tokenbridge_identity::probe::Report;

use super::browser;
pub(crate) use super::table::print;

/// How long somebody may take to log in: as long as the ticket works.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often is looked whether the probe has ended.
const LOOK: Duration = Duration::from_millis(300);
/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The variable with the password of `--user`.
const PASSWORD: &str = "TOKENBRIDGE_PROBE_PASSWORD";

/// What the admin listener answered.
struct Begun {
    id: String,
    login_url: String,
}

/// Probes through the gateway that runs with this configuration.
///
/// # Errors
/// Why there is no report.
pub(crate) fn run(configuration: &Configuration, user: Option<&str>) -> Result<Report, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(probe(configuration, user))
}

async fn probe(configuration: &Configuration, user: Option<&str>) -> Result<Report, String> {
    let client = client(configuration)?;
    let admin = format!("http://{}/probe", reachable(configuration.admin));
    let begun = begin(&client, &admin).await?;
    match user {
        Some(user) => {
            let place = browser::Place {
                gateway: configuration.frontend.public_url.origin(),
                provider: configuration.frontend.issuer.url.origin(),
            };
            let password = password(user)?;
            browser::log_in(&client, &place, &begun.login_url, (user, &password)).await?;
        }
        None => eprintln!(
            "Open this address in a browser, in a private window, and log in. It works once, for ten minutes:\n\n  {}\n",
            begun.login_url
        ),
    }
    wait(&client, &format!("{admin}/{}", begun.id)).await
}

/// A provider on this machine needs no certificate authorities.
fn client(configuration: &Configuration) -> Result<Client, String> {
    let builder = || {
        Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
    };
    let plain = configuration.frontend.issuer.url.scheme() == "http";
    let built = match builder().build() {
        Err(_) if plain => builder().tls_certs_only([]).build(),
        built => built,
    };
    built.map_err(|error| format!("the HTTP client cannot be set up: {error}"))
}

async fn begin(client: &Client, admin: &str) -> Result<Begun, String> {
    let sent = client.post(admin).send().await;
    let answer = sent.map_err(|_| {
        format!("nothing answers at {admin}: start the gateway with this configuration first")
    })?;
    if answer.status() != StatusCode::CREATED {
        return Err(format!("{admin} answered {}", answer.status()));
    }
    let document: Value = answer.json().await.map_err(|error| error.to_string())?;
    let text = |name: &str| {
        document
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    text("id")
        .zip(text("login_url"))
        .map(|(id, login_url)| Begun { id, login_url })
        .ok_or_else(|| format!("{admin} gave an answer that is no probe's"))
}

async fn wait(client: &Client, address: &str) -> Result<Report, String> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        // A gateway that cannot reach its store for a moment has not ended the probe.
        if let Ok(answer) = client.get(address).send().await
            && answer.status() == StatusCode::OK
        {
            return answer.json().await.map_err(|error| error.to_string());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err("nobody logged in within ten minutes".into())
}

/// From the environment, else a line of the standard input: never an argument, which other users
/// of the machine can see.
fn password(user: &str) -> Result<Secret, String> {
    if let Ok(password) = std::env::var(PASSWORD) {
        return Ok(Secret::new(password));
    }
    eprintln!("Password of {user} ({PASSWORD} sets it, too):");
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    match read {
        Ok(1..) => Ok(Secret::new(line.trim_end_matches(['\r', '\n']))),
        Ok(0) | Err(_) => Err(format!(
            "there is no password: set {PASSWORD}, or write it to the standard input"
        )),
    }
}

/// Where a listener can be reached from this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}
