//! The npm package `oidc-provider`: resource indicators (RFC 8707), rotation at every refresh, and
//! a reuse detection without any grace.

use std::path::PathBuf;

use tokio::process::Command;

use super::provider::{CLIENT_SECRET, Counts, RealProvider, TOKEN_LIFE, folder_of, free_port};
use super::{provider, rolling_restart, walk};
use crate::support::{
    ConfigurationFolder, Installation, LoggedProcess, RedisServer, demo_backends, repository,
};

struct OidcProvider {
    process: LoggedProcess,
    issuer: String,
}

impl RealProvider for OidcProvider {
    async fn counts(&self) -> Counts {
        let counters = reqwest::get(format!("{}/counters", self.issuer))
            .await
            .unwrap();
        let counters = counters.text().await.unwrap();
        let counters: serde_json::Value = serde_json::from_str(&counters).unwrap();
        let number = |name: &str| {
            counters[name]
                .as_u64()
                .unwrap_or_else(|| panic!("{name}: {counters}"))
        };
        Counts {
            refreshes: number("refreshes"),
            reused_refresh_tokens: number("reused_refresh_tokens"),
            revoked_grants: number("revoked_grants"),
        }
    }

    fn log(&self) -> String {
        self.process.log()
    }
}

fn files() -> PathBuf {
    repository("proxy/devkit/interop/oidc-provider/conf")
}

/// How the gateway proves who it is.
#[derive(Clone, Copy)]
enum Credential {
    Secret,
    Key,
}

impl Credential {
    fn write_to(self, folder: &mut ConfigurationFolder) {
        match self {
            Self::Secret => folder.set_variable("CLIENT_SECRET", CLIENT_SECRET),
            Self::Key => folder.replace(
                "settings.yaml",
                "client_secret: ${CLIENT_SECRET}",
                &format!(
                    "token_endpoint_auth_method: private_key_jwt\n  client_key_file: {}",
                    provider_folder().join("client-key.pem").display()
                ),
            ),
        }
    }

    fn tell(self, command: &mut Command) {
        match self {
            Self::Secret => command.env("CLIENT_SECRET", CLIENT_SECRET),
            Self::Key => command.env(
                "CLIENT_PUBLIC_KEY",
                provider_folder().join("client-public.pem"),
            ),
        };
    }
}

fn provider_folder() -> PathBuf {
    folder_of("INTEROP_OIDC_PROVIDER")
}

async fn start(
    credential: Credential,
    prepare: impl Fn(&mut ConfigurationFolder),
) -> Installation<OidcProvider> {
    let port = free_port();
    let issuer = format!("http://localhost:{port}");
    let installation =
        Installation::without_provider(&files(), &issuer, demo_backends(&issuer), |folder| {
            credential.write_to(folder);
            prepare(folder);
        })
        .await;
    let mut command = Command::new("node");
    command
        .arg(provider_folder().join("server.mjs"))
        .env("PORT", port.to_string())
        .env("PUBLIC_URL", installation.folder.public_url())
        .env("CLIENT_ID", "bff-server")
        .env("TOKEN_LIFE", TOKEN_LIFE.to_string());
    credential.tell(&mut command);
    let process = provider::start(&mut command, "listening").await;
    let installation = installation.with_provider(OidcProvider { process, issuer });
    provider::found_by(&installation).await;
    installation
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real provider: make interop PROVIDERS=oidc-provider"]
async fn by_refresh_with_resource() {
    let installation = start(Credential::Secret, |_| {}).await;
    walk::from_login_to_logout(&installation, "refresh").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real provider: make interop PROVIDERS=oidc-provider"]
async fn a_client_with_a_key_instead_of_a_secret() {
    let installation = start(Credential::Key, |_| {}).await;
    let browser = walk::log_in(&installation, "alice").await;
    walk::each_service_gets_its_own_token(&installation, &browser).await;
    walk::tokens_are_renewed_while_nobody_calls(&installation, &browser).await;
    walk::log_out(&installation, &browser).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real provider: make interop PROVIDERS=oidc-provider"]
async fn a_rolling_restart_of_replicas_uses_no_refresh_token_twice() {
    let redis = RedisServer::start();
    let installation = start(Credential::Secret, |folder| folder.use_redis(&redis.url())).await;
    let mut replica = ConfigurationFolder::copy_of(
        &files(),
        &installation.provider.issuer,
        &installation.analytics.url(),
        &installation.crud.url(),
    );
    Credential::Secret.write_to(&mut replica);
    replica.use_redis(&redis.url());
    rolling_restart::under_load(&installation, replica).await;
}
