//! The program itself: it starts, says what it is, and ends at a signal.

use std::process::Stdio;
use std::time::Duration;

use tokenbridge_devkit::BrowserSession;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conf/idp");
const PATIENCE: Duration = Duration::from_secs(30);

fn devkit(more: &[&str]) -> Child {
    let any_port = "127.0.0.1:0";
    let listen = [
        "--idp-listen",
        "--analytics-listen",
        "--crud-listen",
        "--app-listen",
    ];
    Command::new(env!("CARGO_BIN_EXE_devkit"))
        .args(["--config", CONFIGURATION])
        .args(listen.into_iter().flat_map(|flag| [flag, any_port]))
        .args(more)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// The standard error of a program that ends by itself, with its exit code.
async fn failure(more: &[&str]) -> (i32, String) {
    let output = devkit(more).wait_with_output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .unwrap()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[tokio::test]
async fn the_program_serves_says_what_it_is_and_ends_at_a_signal() {
    let mut program = devkit(&[]);
    let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
    let mut said = String::new();
    let mut issuer = None;
    let started = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            said.push_str(&line);
            let found = line
                .split("issuer=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            issuer = issuer.take().or(found.map(ToOwned::to_owned));
            if line.contains("http://localhost:8080/") {
                return;
            }
        }
        panic!("devkit ended: {said}");
    };
    tokio::time::timeout(PATIENCE, started).await.unwrap();
    assert!(said.contains("for development only"));
    let discovery = format!("{}/.well-known/openid-configuration", issuer.unwrap());
    let page = BrowserSession::new()
        .unwrap()
        .open(&discovery)
        .await
        .unwrap();
    assert_eq!(page.status, 200);

    let id = program.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().await;
    assert!(sent.unwrap().success());
    let ended = tokio::time::timeout(PATIENCE, program.wait()).await;
    assert!(ended.unwrap().unwrap().success());
}

#[tokio::test]
async fn the_program_refuses_other_addresses_and_broken_files() {
    let (code, said) = failure(&["--issuer", "localhost"]).await;
    assert_eq!(code, 1);
    assert!(
        said.contains("`localhost` is not usable as issuer"),
        "{said}"
    );
    let output = Command::new(env!("CARGO_BIN_EXE_devkit"))
        .args(["--config", CONFIGURATION, "--idp-listen", "0.0.0.0:0"])
        .output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("not a loopback address")
    );
    let output = Command::new(env!("CARGO_BIN_EXE_devkit"))
        .args(["--config", "/nowhere"])
        .output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .unwrap()
        .unwrap();
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("/nowhere/settings.yaml: ")
    );
}
