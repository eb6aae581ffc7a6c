//! Every folder of conf/examples is complete: it passes `check`, and both services are served.

use std::path::PathBuf;

use tokenbridge_devkit::{IdpConfiguration, ProviderOptions};

use crate::command_line::tokenbridge;
use crate::support::{ITEMS, Installation, WORKFLOWS, repository};

fn examples() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(repository("conf/examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn every_example_passes_check_without_a_word() {
    for example in examples() {
        let idp = example.join("idp");
        let output = tokenbridge(&[
            "check",
            "--config",
            example.to_str().unwrap(),
            "--idp",
            idp.to_str().unwrap(),
        ]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(
            said.trim(),
            format!("{}: the configuration can be used", example.display())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_serves_both_services_to_a_user_who_logs_in() {
    for example in examples() {
        let idp = IdpConfiguration::load(&example.join("idp")).unwrap();
        let options = ProviderOptions::new(idp);
        let installation = Installation::start_from(&example, options, |_| {}).await;
        let browser = installation.logged_in("alice").await;
        for path in [WORKFLOWS, ITEMS] {
            let page = installation.get(&browser, path).await;
            assert_eq!(
                page.status,
                200,
                "{} {path}: {}\n{}",
                example.display(),
                page.text(),
                installation.gateway.log()
            );
        }
        assert_eq!(installation.provider.counters().reuse_detections, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_lived_tokens_show_their_renewals_in_the_log() {
    let example = repository("conf/examples/short-lived-tokens");
    let idp = IdpConfiguration::load(&example.join("idp")).unwrap();
    let options = ProviderOptions::new(idp);
    let installation = Installation::start_from(&example, options, |_| {}).await;
    installation.logged_in("alice").await;
    for service in ["analytics_service", "crud_service"] {
        installation
            .gateway
            .logs(&format!("token renewed service={service}"))
            .await;
    }
}
