//! Secrets are in no debug print, no report and no JSON.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::Path;

use tokenbridge_config::issuer::ClientAuthentication;
use tokenbridge_config::load;

const ROUTES: &str = "services:
  analytics:
    base_url: http://localhost:8100
routes:
  - {id: a, path: /a/*, target_service: analytics, upstream_path: '/{path}'}
";

fn folder(settings: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("routes.yaml"), ROUTES).unwrap();
    std::fs::write(folder.path().join("settings.yaml"), settings).unwrap();
    folder
}

fn environment(name: &str) -> Option<String> {
    (name == "CANARY").then(|| "hunter2".to_owned())
}

/// Everything that loading could print.
fn printed(folder: &Path) -> String {
    match load(folder, &environment) {
        Ok(loaded) => {
            let json = serde_json::to_string(&loaded.report).unwrap();
            format!("{loaded:?}{loaded:#?}{}{json}", loaded.report)
        }
        Err(report) => format!(
            "{report:?}{report}{}",
            serde_json::to_string(&report).unwrap()
        ),
    }
}

#[test]
fn a_good_configuration_keeps_its_secrets_to_itself() {
    let folder = folder(
        "public_url: http://localhost:8080
auth: {issuer: http://localhost:8081, client_id: a, client_secret: '${CANARY}'}
service_audiences: {analytics: https://analytics.example}
session:
  store: redis
  redis_url: redis://user:hunter2@127.0.0.1
  encryption_keys: ['k1:aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnQ=']
",
    );
    let loaded = load(folder.path(), &environment).unwrap();
    let authentication = &loaded.configuration.frontend.issuer.client_authentication;
    let ClientAuthentication::SecretBasic(secret) = authentication else {
        panic!()
    };
    assert_eq!(secret.expose(), "hunter2");
    let printed = printed(folder.path());
    assert!(
        !printed.contains("hunter2") && !printed.contains("aHVudGVy"),
        "{printed}"
    );
}

#[test]
fn a_wrong_configuration_keeps_its_secrets_to_itself() {
    let folder = folder(
        "public_url: ${CANARY}
listen: ${CANARY}
auth:
  issuer: ${CANARY}
  client_id: a
  client_secret: hunter2
  client_key_file: ${CANARY}
  preset: ${CANARY}
  session_ttl: ${CANARY}
service_audiences: {analytics: https://analytics.example}
session:
  store: redis
  redis_url: https://user:hunter2@127.0.0.1
  encryption_keys: ['hunter2', 'k1:hunter2', 'hunter2:']
cors: {allowed_origins: ['https://user:hunter2@localhost', '${CANARY}']}
",
    );
    let report = load(folder.path(), &environment).unwrap_err();
    assert!(report.problems().len() >= 11, "{report}");
    let printed = printed(folder.path());
    assert!(!printed.contains("hunter2"), "{printed}");
}
