//! The commands that need no running gateway.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::transport::Transport;
use crate::support::{ConfigurationFolder, GatewayProcess};

/// Runs the program to its end.
pub(crate) fn tokenbridge(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tokenbridge"))
        .args(arguments)
        .env_remove("STORE")
        .output()
        .unwrap()
}

fn folder() -> ConfigurationFolder {
    ConfigurationFolder::demo(
        "http://localhost:8081",
        "http://localhost:8100",
        "http://localhost:8101",
    )
}

fn explain(arguments: &[&str]) -> (Option<i32>, String) {
    let folder = folder();
    let mut all = vec!["explain", "--config", folder.path().to_str().unwrap()];
    all.extend(arguments);
    let output = tokenbridge(&all);
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[test]
fn explain_says_where_a_request_goes_and_with_which_token() {
    let (status, text) = explain(&["GET", "/api/v1/analytics/workflows?page=2"]);
    assert_eq!(status, Some(0), "{text}");
    for part in [
        "api-analytics",
        "analytics_service",
        "http://localhost:8100/api/v1/analytics/workflows?page=2",
        "session",
        "https://analytics.example",
        "refresh",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn explain_says_why_nothing_matches() {
    let (status, text) = explain(&["GET", "/api/v1/../admin"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("dot segment"), "{text}");
    let (status, text) = explain(&["TRACE", "/api/v1/crud/items"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("TRACE"), "{text}");
}

#[test]
fn the_demo_configuration_passes_the_check() {
    let folder = folder();
    let config = folder.path().to_str().unwrap();
    let idp = folder.path().join("idp");
    let output = tokenbridge(&["check", "--config", config, "--idp", idp.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let output = tokenbridge(&["check", "--config", config, "--json"]);
    let problems: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(problems.as_array().unwrap().is_empty(), "{problems}");
}

#[test]
fn problems_of_two_files_are_reported_at_once_with_file_and_line() {
    let folder = folder();
    folder.replace(
        "routes.yaml",
        "upstream_path: \"/api/v1/crud/{path}\"",
        "upstream_path: \"/api/v1/crud/{rest}\"",
    );
    folder.edit("settings.yaml", |text| format!("{text}\nsesion: {{}}\n"));
    let output = tokenbridge(&["check", "--config", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let has = |file: &str, word: &str| {
        text.lines()
            .any(|line| line.contains(file) && line.contains(word))
    };
    assert!(
        has("routes.yaml:", "{rest}") && has("settings.yaml:", "sesion"),
        "{text}"
    );
}

#[test]
fn the_version_is_printed() {
    let output = tokenbridge(&["--version"]);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        concat!("tokenbridge ", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_configuration_that_is_a_pipe_or_a_folder_is_an_error_and_not_waited_for() {
    for (make, said) in [
        ("mkfifo", "it is a pipe or a device, not a file"),
        ("mkdir", "it is a folder"),
    ] {
        let folder = folder();
        let settings = folder.path().join("settings.yaml");
        std::fs::remove_file(&settings).unwrap();
        let made = Command::new(make).arg(&settings).status().unwrap();
        assert!(made.success(), "{make}");
        let output = tokenbridge(&["check", "--config", folder.path().to_str().unwrap()]);
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(said), "{said} is not in:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_that_is_meant_is_told_at_every_start() {
    let mut transport = Transport::start_with(|folder| {
        folder.add_settings("trusted_proxies: [0.0.0.0/0]\ndangerously_trust_all_proxies: true");
    })
    .await;
    transport.gateway.logs("believes everybody").await;
    transport.gateway.stop().await;
    transport.gateway = GatewayProcess::start_again(&mut transport.folder).await;
    transport.gateway.logs("believes everybody").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_plain_http_on_purpose_is_told_and_does_not_keep_the_gateway_from_starting()
 {
    let transport = Transport::start_with(|folder| {
        folder.edit("settings.yaml", |text| {
            let with_issuer = |line: &str| match line.starts_with("  issuer:") {
                true => {
                    "  issuer: http://login.invalid\n  dangerously_allow_http_issuer: true\n".into()
                }
                false => format!("{line}\n"),
            };
            text.lines().map(with_issuer).collect()
        });
    })
    .await;
    transport.gateway.logs("auth.issuer: is plain http").await;
}
