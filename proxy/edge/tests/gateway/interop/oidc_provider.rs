//! The npm package `oidc-provider`: resource indicators (RFC 8707), rotation at every refresh, and
//! a reuse detection without any grace.

use tokio::process::Command;

use super::provider::{CLIENT_SECRET, Counts, RealProvider, TOKEN_LIFE, folder_of, free_port};
use super::{provider, walk};
use crate::support::{Installation, LoggedProcess, repository};

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

async fn start() -> Installation<OidcProvider> {
    let port = free_port();
    let issuer = format!("http://localhost:{port}");
    let files = repository("proxy/devkit/interop/oidc-provider/conf");
    let installation = Installation::without_provider(&files, &issuer, |folder| {
        folder.set_variable("CLIENT_SECRET", CLIENT_SECRET);
    })
    .await;
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real provider: make interop PROVIDERS=oidc-provider"]
async fn by_refresh_with_resource() {
    let installation = start().await;
    walk::from_login_to_logout(&installation, "refresh").await;
}
