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

async fn start(prepare: impl Fn(&mut ConfigurationFolder)) -> Installation<OidcProvider> {
    let port = free_port();
    let issuer = format!("http://localhost:{port}");
    let installation =
        Installation::without_provider(&files(), &issuer, demo_backends(&issuer), prepare).await;
    let mut command = Command::new("node");
    command
        .arg(folder_of("INTEROP_OIDC_PROVIDER").join("server.mjs"))
        .env("PORT", port.to_string())
        .env("PUBLIC_URL", installation.folder.public_url())
        .env("CLIENT_ID", "bff-server")
        .env("CLIENT_SECRET", CLIENT_SECRET)
        .env("TOKEN_LIFE", TOKEN_LIFE.to_string());
    let process = provider::start(&mut command, "listening").await;
    let installation = installation.with_provider(OidcProvider { process, issuer });
    provider::found_by(&installation).await;
    installation
}

fn secret(folder: &mut ConfigurationFolder) {
    folder.set_variable("CLIENT_SECRET", CLIENT_SECRET);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real provider: make interop PROVIDERS=oidc-provider"]
async fn by_refresh_with_resource() {
    let installation = start(secret).await;
    walk::from_login_to_logout(&installation, "refresh").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real provider: make interop PROVIDERS=oidc-provider"]
async fn a_rolling_restart_of_replicas_uses_no_refresh_token_twice() {
    let redis = RedisServer::start();
    let prepare = |folder: &mut ConfigurationFolder| {
        secret(folder);
        folder.use_redis(&redis.url());
    };
    let installation = start(prepare).await;
    let mut replica = ConfigurationFolder::copy_of(
        &files(),
        &installation.provider.issuer,
        &installation.analytics.url(),
        &installation.crud.url(),
    );
    prepare(&mut replica);
    rolling_restart::under_load(&installation, replica).await;
}
