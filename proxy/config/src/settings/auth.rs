//! `auth`: the provider, the client there, and how long sessions and tokens last.

use std::time::Duration;

use tokenbridge_bridge::service::{Strategy, TargetParameter};
use tokenbridge_bridge::session::IdleTimeout;

use super::client;
use super::target::{self, SetTarget};
use crate::configuration::SessionLifetimes;
use crate::issuer::{IssuerSettings, RefreshRetry, SubjectToken};
use crate::preset::Preset;
use crate::public_url::is_loopback_host;
use crate::reading::place::{Complaint, Read};
use crate::reading::section::{Item, Section};
use crate::reading::{address, scalar};

/// What `auth` says.
#[derive(Default)]
pub(crate) struct Auth<'r> {
    /// Absent when something of it is missing or wrong.
    pub(crate) issuer: Option<IssuerSettings>,
    pub(crate) lifetimes: Option<SessionLifetimes>,
    pub(crate) tokens: TokenDefaults<'r>,
}

/// What holds for every service that says nothing else.
#[derive(Default)]
pub(crate) struct TokenDefaults<'r> {
    pub(crate) strategy: Option<Strategy>,
    pub(crate) target_parameter: Option<TargetParameter>,
    pub(crate) target_value: Option<SetTarget<'r>>,
}

/// The names of the strategies; `auto` leaves it to the preset.
pub(crate) const STRATEGIES: [(&str, Option<Strategy>); 6] = [
    ("auto", None),
    ("login", Some(Strategy::Login)),
    ("refresh", Some(Strategy::Refresh)),
    ("exchange", Some(Strategy::Exchange)),
    ("authorize", Some(Strategy::Authorize)),
    ("client_credentials", Some(Strategy::ClientCredentials)),
];

pub(crate) const TARGET_PARAMETERS: [(&str, TargetParameter); 5] = [
    ("resource", TargetParameter::Resource),
    ("audience", TargetParameter::Audience),
    ("scope", TargetParameter::Scope),
    ("aud", TargetParameter::Aud),
    ("none", TargetParameter::None),
];

const SUBJECT_TOKENS: [(&str, SubjectToken); 2] = [
    ("access_token", SubjectToken::AccessToken),
    ("id_token", SubjectToken::IdToken),
];

/// Parameters of the authorization request that the gateway itself sends.
const OWN_PARAMETERS: [&str; 11] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

/// Reads `auth`.
pub(crate) fn read<'r>(root: &Section<'r>) -> Auth<'r> {
    let required = root.require(
        "auth",
        "add `auth:` with issuer, client_id and client_secret below it",
    );
    let Some(auth) = required.and_then(Item::section) else {
        return Auth::default();
    };
    Auth {
        issuer: read_issuer(&auth),
        lifetimes: Some(read_lifetimes(&auth)),
        tokens: TokenDefaults {
            strategy: auth
                .value("strategy", scalar::choice(&STRATEGIES))
                .flatten(),
            target_parameter: auth.value("target_parameter", scalar::choice(&TARGET_PARAMETERS)),
            target_value: auth.get("target_value").and_then(target::read),
        },
    }
}

fn read_issuer(auth: &Section<'_>) -> Option<IssuerSettings> {
    let preset = read_preset(auth);
    let scopes = read_scopes(auth);
    let authorization_parameters = read_parameters(auth, preset);
    let refresh_retry = auth.value_or("refresh_retry", refresh_retry, preset.refresh_retry());
    let subject_token = auth.value_or(
        "subject_token",
        scalar::choice(&SUBJECT_TOKENS),
        preset.subject_token(),
    );
    let address = read_address(auth);
    let client_id = auth
        .require(
            "client_id",
            "add the id under which the provider knows the gateway",
        )
        .and_then(|item| item.value(scalar::text));
    let client_authentication = client::read(auth);
    let (identifier, url) = address?;
    Some(IssuerSettings {
        identifier,
        url,
        client_id: client_id?,
        client_authentication: client_authentication?,
        scopes,
        authorization_parameters,
        preset,
        refresh_retry,
        subject_token,
    })
}

/// Reads `issuer` of a section: as it is written, and parsed.
pub(crate) fn read_address(auth: &Section<'_>) -> Option<(String, url::Url)> {
    let insecure = auth.get("dangerously_allow_http_issuer");
    let allowed = insecure
        .as_ref()
        .and_then(|item| item.value(scalar::boolean))
        .unwrap_or(false);
    let item = auth.require(
        "issuer",
        "add the provider's issuer URL, such as https://login.example.com",
    )?;
    let (identifier, url) = item.value(|value| Ok((value.to_owned(), address::issuer(value)?)))?;
    let plain = url.scheme() == "http" && !url.host_str().is_some_and(is_loopback_host);
    if plain && allowed {
        item.at.warn(
            "is plain http: codes, tokens and the client's secret can be read on the way",
            "use https and remove dangerously_allow_http_issuer",
        );
    } else if plain {
        item.at.complain(
            &format!("`{}`", item.written()),
            Complaint::new(
                "is plain http off this machine",
                "use https; for a trial, dangerously_allow_http_issuer: true lets it pass",
            ),
        );
    }
    Some((identifier, url))
}

/// Reads `preset` of a section.
pub(crate) fn read_preset(section: &Section<'_>) -> Preset {
    let known = Preset::ALL.map(|preset| (preset.as_str(), preset));
    section.value_or("preset", scalar::choice(&known), Preset::Generic)
}

fn read_scopes(auth: &Section<'_>) -> Vec<String> {
    let Some(item) = auth.get("scopes") else {
        return ["openid", "profile", "email", "offline_access"]
            .map(str::to_owned)
            .into();
    };
    let at = item.at.clone();
    let read: Vec<Vec<String>> = item
        .one_or_list()
        .iter()
        .filter_map(|item| item.value(scalar::scopes))
        .collect();
    let scopes: Vec<String> = read.into_iter().flatten().collect();
    if !scopes.iter().any(|scope| scope == "openid") {
        at.error(
            "does not hold openid",
            "add openid: without it the provider tells nobody who the user is",
        );
    }
    scopes
}

fn read_parameters(auth: &Section<'_>, preset: Preset) -> Vec<(String, String)> {
    let Some(parameters) = auth.section("authorization_parameters") else {
        return Vec::new();
    };
    let mut read = Vec::new();
    for (name, item) in parameters.free_entries("parameter") {
        let own =
            OWN_PARAMETERS.contains(&name) || (name == "resource" && preset.resources_at_login());
        if own {
            item.at.error("is sent by the gateway itself", "remove it");
        } else if let Some(value) = item.value(scalar::text) {
            read.push((name.to_owned(), value));
        }
    }
    read
}

fn refresh_retry(value: &str) -> Read<RefreshRetry> {
    match value {
        "never" => Ok(RefreshRetry::Never),
        "safe" => Ok(RefreshRetry::Safe),
        _ => scalar::duration(value)
            .map(RefreshRetry::Within)
            .map_err(|_| {
                Complaint::new(
                    "is neither never, safe nor a duration",
                    "write never, safe or the provider's grace, such as 30s",
                )
            }),
    }
}

fn read_lifetimes(auth: &Section<'_>) -> SessionLifetimes {
    let ttl = auth.value_or(
        "session_ttl",
        scalar::duration,
        Duration::from_secs(12 * 3_600),
    );
    let idle = auth.value_or(
        "session_idle_timeout",
        idle_timeout,
        Duration::from_secs(30 * 60),
    );
    let threshold = auth.get("token_refresh_threshold");
    let token_refresh_threshold = threshold
        .as_ref()
        .and_then(|item| item.value(scalar::duration_or_zero))
        .unwrap_or(Duration::from_secs(60));
    if let Some(item) = threshold.filter(|_| token_refresh_threshold > ttl / 2) {
        item.at.warn(
            format!("`{}` is longer than half of session_ttl", item.written()),
            "make it shorter than half a token's life: a token is renewed at half its life at the earliest",
        );
    }
    SessionLifetimes {
        ttl,
        idle: IdleTimeout(idle),
        token_refresh_threshold,
    }
}

fn idle_timeout(value: &str) -> Read<Duration> {
    let idle = scalar::duration(value)?;
    match idle >= Duration::from_secs(120) {
        true => Ok(idle),
        false => Err(Complaint::new(
            "is less than 2m",
            "write 2m or more: a session's last use is written once a minute",
        )),
    }
}
