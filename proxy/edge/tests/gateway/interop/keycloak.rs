//! Keycloak: tokens by exchange (RFC 8693), by a refresh whose scope is narrowed, and by an
//! authorization for each service. Each refresh token may be used once.

use tokio::process::Command;

use super::provider::{CLIENT_SECRET, Counts, RealProvider, TOKEN_LIFE, folder_of, free_port};
use super::{provider, walk};
use crate::support::{Installation, LoggedProcess, demo_backends, repository};

struct Keycloak(LoggedProcess);

impl RealProvider for Keycloak {
    /// Keycloak's log has a line for each event.
    async fn counts(&self) -> Counts {
        let log = self.0.log();
        let events = |kind: &str| {
            let event = format!("type=\"{kind}\"");
            log.lines().filter(|line| line.contains(&event)).count() as u64
        };
        Counts {
            refreshes: events("REFRESH_TOKEN"),
            reused_refresh_tokens: events("REFRESH_TOKEN_ERROR"),
            revoked_grants: events("REVOKE_GRANT"),
        }
    }

    fn log(&self) -> String {
        self.0.log()
    }
}

async fn start(files: &str) -> Installation<Keycloak> {
    let port = free_port();
    let issuer = format!("http://localhost:{port}/realms/interop");
    let sources = repository("proxy/devkit/interop/keycloak");
    let installation = Installation::without_provider(
        &sources.join(files),
        &issuer,
        demo_backends(&issuer),
        |folder| {
            folder.set_variable("CLIENT_SECRET", CLIENT_SECRET);
        },
    )
    .await;
    let mut command = Command::new(folder_of("INTEROP_KEYCLOAK").join("bin/kc.sh"));
    command
        .args(["start-dev", "--import-realm", "--db=dev-mem"])
        .args(["--http-host=localhost", &format!("--http-port={port}")])
        .arg("--log-level=INFO,org.keycloak.events:debug")
        .env("JAVA", sources.join("java.sh"))
        .env("JAVA_OPTS_KC_HEAP", "-Xms64m -Xmx768m")
        .env("PUBLIC_URL", installation.folder.public_url())
        .env("CLIENT_SECRET", CLIENT_SECRET)
        .env("TOKEN_LIFE", TOKEN_LIFE.to_string());
    let process = provider::start(&mut command, "Listening on").await;
    let installation = installation.with_provider(Keycloak(process));
    provider::found_by(&installation).await;
    installation
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real provider: make interop PROVIDERS=keycloak"]
async fn by_exchange() {
    let installation = start("exchange").await;
    walk::from_login_to_logout(&installation, "exchange").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real provider: make interop PROVIDERS=keycloak"]
async fn by_refresh_with_scope() {
    let installation = start("refresh").await;
    walk::from_login_to_logout(&installation, "refresh").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real provider: make interop PROVIDERS=keycloak"]
async fn by_an_authorization_for_each_service() {
    let installation = start("authorize").await;
    walk::from_login_to_logout(&installation, "authorize").await;
}
