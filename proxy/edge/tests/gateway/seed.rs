//! The seed's example: analytics left out of each of the four places in turn, then put back.

use serde_json::Value;
use tokenbridge_devkit::{IdpConfiguration, ProviderOptions};

use crate::command_line::tokenbridge;
use crate::support::{
    ANALYTICS, ConfigurationFolder, ITEMS, Installation, WORKFLOWS, status_and_code,
};

/// One of the four places, with what `check --idp` says when it is missing.
struct Gap {
    file: &'static str,
    line: &'static str,
    said: &'static str,
}

const GAPS: [Gap; 3] = [
    Gap {
        file: "settings.yaml",
        line: "  analytics_service: https://analytics.example",
        said: "service_audiences",
    },
    Gap {
        file: "idp/settings.yaml",
        line: "          - https://analytics.example",
        said: "scope_mappings",
    },
    Gap {
        file: "idp/clients.yaml",
        line: "    - https://analytics.example",
        said: "allowed_audiences",
    },
];

/// The provider as its files in the folder say.
fn provider(folder: &ConfigurationFolder) -> ProviderOptions {
    ProviderOptions::new(IdpConfiguration::load(&folder.path().join("idp")).unwrap())
}

async fn installation(gap: Option<&Gap>) -> Installation {
    let template = ConfigurationFolder::demo(
        "http://localhost:8081",
        "http://localhost:8100",
        "http://localhost:8101",
    );
    if let Some(gap) = gap {
        template.without_lines(gap.file, gap.line);
    }
    let options = provider(&template);
    Installation::start_at(options, |folder| {
        if let Some(gap) = gap {
            folder.without_lines(gap.file, gap.line);
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_left_out_of_any_place_is_no_token_and_check_names_the_place() {
    for gap in &GAPS {
        let installation = installation(Some(gap)).await;
        let browser = installation.logged_in("alice").await;
        let page = installation.get(&browser, WORKFLOWS).await;
        assert_eq!(
            status_and_code(&page),
            (401, "NO_TOKEN_AVAILABLE".into()),
            "{}",
            gap.file
        );
        assert_eq!(
            installation.get(&browser, ITEMS).await.status,
            200,
            "{}: the other service is served",
            gap.file
        );
        assert_eq!(
            installation.analytics.counters().requests,
            0,
            "{}",
            gap.file
        );
        installation
            .gateway
            .logs("NO_TOKEN_AVAILABLE service=analytics_service")
            .await;
        let log = installation.gateway.log();
        let line = log
            .lines()
            .find(|line| line.contains("NO_TOKEN_AVAILABLE service=analytics_service"))
            .unwrap();
        assert!(line.contains("reason=") && line.contains("hint="), "{line}");
        let (status, output) = check(&installation.folder);
        assert_eq!(status, Some(1), "{}: {output}", gap.file);
        let problem = output.lines().find(|line| line.contains(gap.said));
        assert!(
            problem.is_some_and(|line| line.contains("analytics")),
            "{}: {output}",
            gap.file
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_service_that_is_not_declared_is_named_and_nothing_starts() {
    let folder = ConfigurationFolder::demo(
        "http://localhost:8081",
        "http://localhost:8100",
        "http://localhost:8101",
    );
    folder.replace(
        "routes.yaml",
        "target_service: \"analytics_service\"",
        "target_service: \"analitycs_service\"",
    );
    let (status, output) = check(&folder);
    assert_eq!(status, Some(1));
    assert!(
        output.contains("target_service") && output.contains("analitycs_service"),
        "{output}"
    );
    let run = tokenbridge(&["run", "--config", folder.path().to_str().unwrap()]);
    assert_eq!(run.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn once_all_four_places_agree_a_new_login_after_a_restart_serves() {
    let mut installation = installation(Some(&GAPS[0])).await;
    let browser = installation.logged_in("alice").await;
    assert_eq!(installation.get(&browser, WORKFLOWS).await.status, 401);
    installation.folder.replace(
        "settings.yaml",
        "service_audiences:\n",
        "service_audiences:\n  analytics_service: https://analytics.example\n",
    );
    let (status, output) = check(&installation.folder);
    assert_eq!(status, Some(0), "{output}");
    installation.restart().await;
    installation.log_in(&browser, "alice").await;
    let page = installation.get(&browser, WORKFLOWS).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let answer: Value = page.json().unwrap();
    assert_eq!(answer["aud"], ANALYTICS);
    installation
        .gateway
        .logs("token_found=True service=analytics_service")
        .await;
    let session: Value = installation
        .get(&browser, "/auth/session")
        .await
        .json()
        .unwrap();
    assert_eq!(session["services_count"], 2, "{session}");
    installation
        .gateway
        .logs("Session status check successful services_count=2")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_an_audience_does_not_keep_the_gateway_from_starting() {
    let installation = installation(Some(&GAPS[0])).await;
    let warned = installation.gateway.log();
    assert!(
        warned.contains("WARN") && warned.contains("analytics_service"),
        "{warned}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_audience_in_all_places_that_agree_is_found_and_rejected_by_the_upstream() {
    const WRONG: &str = "https://analitycs.example";
    let template = ConfigurationFolder::demo(
        "http://localhost:8081",
        "http://localhost:8100",
        "http://localhost:8101",
    );
    let misspell = |folder: &ConfigurationFolder| {
        for file in ["settings.yaml", "idp/settings.yaml", "idp/clients.yaml"] {
            folder.replace(file, ANALYTICS, WRONG);
        }
    };
    misspell(&template);
    let options = provider(&template);
    let installation = Installation::start_at(options, |folder| misspell(folder)).await;
    let browser = installation.logged_in("alice").await;
    assert_eq!(installation.get(&browser, WORKFLOWS).await.status, 401);
    installation
        .gateway
        .logs("token_found=True service=analytics_service")
        .await;
    installation
        .gateway
        .logs(&format!(
            "UPSTREAM_REJECTED_TOKEN service=analytics_service audience={WRONG}"
        ))
        .await;
}

fn check(folder: &ConfigurationFolder) -> (Option<i32>, String) {
    let config = folder.path().to_str().unwrap();
    let idp = folder.path().join("idp");
    let output = tokenbridge(&["check", "--config", config, "--idp", idp.to_str().unwrap()]);
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}
