//! `services.<name>`: where a service is and how its token is obtained.

use std::time::Duration;

use tokenbridge_bridge::service::{AudienceCheck, Mint, Strategy, TokenFormat};

use crate::public_url::is_loopback_host;
use crate::reading::place::At;
use crate::reading::section::{Item, Section};
use crate::reading::{address, file, scalar};
use crate::service::{ClientCertificate, Scheme, Upstream, UpstreamTimeouts, UpstreamTls};
use crate::settings::auth::STRATEGIES;
use crate::settings::target::{self, SetTarget};

/// A declared service, before its audience and the provider's preset are known.
pub(crate) struct ServiceDraft<'r> {
    pub(crate) name: &'r str,
    pub(crate) at: At<'r>,
    /// Absent when `base_url` is missing or wrong.
    pub(crate) upstream: Option<Upstream>,
    pub(crate) http2: bool,
    pub(crate) tls: UpstreamTls,
    pub(crate) timeouts: UpstreamTimeouts,
    /// An issuer other than that of the login.
    pub(crate) issuer: Option<(String, At<'r>)>,
    /// `None`: `auto`.
    pub(crate) strategy: Option<Strategy>,
    pub(crate) target_value: Option<SetTarget<'r>>,
    pub(crate) audience_check: AudienceCheck,
    pub(crate) format: TokenFormat,
    pub(crate) mint: Mint,
}

const AUDIENCE_CHECKS: [(&str, AudienceCheck); 3] = [
    ("single", AudienceCheck::Single),
    ("contains", AudienceCheck::Contains),
    ("exact", AudienceCheck::Exact),
];

/// Reads every service. One that is wrong is still declared: routes to it are no further problem.
pub(crate) fn read_all<'r>(services: &Section<'r>) -> Vec<ServiceDraft<'r>> {
    let mut drafts = Vec::new();
    for (name, item) in services.free_entries("name") {
        if let Err(complaint) = scalar::name(name) {
            item.at.complain(&format!("`{name}`"), complaint);
        }
        drafts.extend(read(name, item));
    }
    drafts
}

fn read<'r>(name: &'r str, item: Item<'r>) -> Option<ServiceDraft<'r>> {
    let service = item.section()?;
    let upstream = service
        .require(
            "base_url",
            "add where the service is, such as `base_url: http://analytics:8100`",
        )
        .and_then(|item| item.value(address::base_url));
    let issuer = service.get("issuer");
    Some(ServiceDraft {
        name,
        at: service.at.clone(),
        issuer: issuer.and_then(|item| Some((item.value(scalar::name)?, item.at))),
        http2: service.value_or("http2", scalar::boolean, false),
        tls: read_tls(&service, upstream.as_ref()),
        timeouts: read_timeouts(&service),
        strategy: service
            .value("token", scalar::choice(&STRATEGIES))
            .flatten(),
        target_value: service.get("target_value").and_then(target::read),
        audience_check: service.value_or(
            "audience_check",
            scalar::choice(&AUDIENCE_CHECKS),
            AudienceCheck::default(),
        ),
        format: read_format(&service),
        mint: service.value_or(
            "mint",
            scalar::choice(&[("login", Mint::Login), ("first_use", Mint::FirstUse)]),
            Mint::default(),
        ),
        upstream,
    })
}

fn read_format(service: &Section<'_>) -> TokenFormat {
    let format = service.value_or(
        "token_format",
        scalar::choice(&[("jwt", TokenFormat::Jwt), ("opaque", TokenFormat::Opaque)]),
        TokenFormat::default(),
    );
    let means_it = service.value_or(
        "dangerously_accept_unintrospected_tokens",
        scalar::boolean,
        false,
    );
    let Some(item) = service.get("introspect") else {
        return format;
    };
    if item.value(scalar::boolean) != Some(false) {
        return format;
    }
    if format == TokenFormat::Jwt {
        item.at.warn(
            "has no effect: the token is a JWT",
            "write token_format: opaque, or remove the key",
        );
        return format;
    }
    let problem =
        "is false: nobody tells for whom a token is, so one that is for another service passes too";
    let fix = "let the provider introspect, or give JWTs";
    match means_it {
        true => item.at.warn(
            problem,
            format!("{fix}, and remove dangerously_accept_unintrospected_tokens"),
        ),
        false => item.at.error(
            problem,
            format!(
                "{fix}; if it can do neither, dangerously_accept_unintrospected_tokens: true lets it pass"
            ),
        ),
    }
    TokenFormat::Unintrospected
}

fn read_timeouts(service: &Section<'_>) -> UpstreamTimeouts {
    let seconds =
        |key, default| service.value_or(key, scalar::duration, Duration::from_secs(default));
    UpstreamTimeouts {
        connect: seconds("connect_timeout", 5),
        read: seconds("timeout", 30),
        write: seconds("write_timeout", 30),
        idle: seconds("idle_timeout", 60),
        total: seconds("total_timeout", 300),
    }
}

fn read_tls(service: &Section<'_>, upstream: Option<&Upstream>) -> UpstreamTls {
    let verify_item = service.get("tls_verify");
    let verify = verify_item
        .as_ref()
        .and_then(|item| item.value(scalar::boolean))
        .unwrap_or(true);
    let dangerous = service.value_or("dangerously_skip_tls_verify", scalar::boolean, false);
    let ca_item = service.get("ca_file");
    let certificate = service.get("client_cert_path");
    let key = service.get("client_key_path");
    let plain = upstream.is_some_and(|upstream| upstream.scheme == Scheme::Http);
    for item in [&verify_item, &ca_item, &certificate, &key]
        .into_iter()
        .flatten()
        .filter(|_| plain)
    {
        item.at.warn(
            "has no effect: base_url is plain http",
            "write an https base_url, or remove the key",
        );
    }
    if let (Some(item), Some(upstream)) = (verify_item, upstream.filter(|_| !verify && !plain)) {
        judge_unverified(&item, upstream, dangerous);
    }
    UpstreamTls {
        verify,
        ca_file: ca_item.and_then(|item| file::certificates(&item)),
        client_certificate: read_client_certificate(service, certificate, key),
    }
}

fn judge_unverified(item: &Item<'_>, upstream: &Upstream, dangerous: bool) {
    let problem =
        "is false off this machine: anybody on the way can read and change everything, tokens too";
    let fix = "name the service's own authority in ca_file";
    match (is_loopback_host(&upstream.host), dangerous) {
        (true, _) => {}
        (false, true) => item.at.warn(
            problem,
            format!("{fix} and remove dangerously_skip_tls_verify"),
        ),
        (false, false) => {
            item.at.error(
                problem,
                format!("{fix}; for a trial, dangerously_skip_tls_verify: true lets it pass"),
            );
        }
    }
}

fn read_client_certificate(
    service: &Section<'_>,
    certificate: Option<Item<'_>>,
    key: Option<Item<'_>>,
) -> Option<ClientCertificate> {
    if certificate.is_some() != key.is_some() {
        service.at.error(
            "has one of client_cert_path and client_key_path alone",
            "write both: a certificate is of no use without its key",
        );
    }
    let chain = certificate.and_then(|item| Some((file::certificates(&item)?, item)));
    let key = key.and_then(|item| Some((file::private_key(&item)?, item)));
    let ((chain, chain_item), (key, key_item)) = chain.zip(key)?;
    let (certificate_file, key_file) = file::pair((&chain_item, chain), (&key_item, key))?;
    Some(ClientCertificate {
        certificate_file,
        key_file,
    })
}
