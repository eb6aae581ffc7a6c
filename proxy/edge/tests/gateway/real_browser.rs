//! The demo in a real Chromium: a user's journey, and what pages of other origins try meanwhile.
//! `make test` brings the browser and runs these.

use std::time::Duration;

use tokenbridge_devkit::app::DemoApp;
use tokio::process::Command;

use crate::support::live_upstream::lead_crud_to;
use crate::support::{ANALYTICS, CRUD, ITEMS, Installation, free_port};

/// Far more than a story takes.
const BOUND: Duration = Duration::from_secs(180);

async fn tell(story: &str) -> Installation {
    tell_at(story, None).await
}

/// Tells a story that plays the crud service itself, on this port.
async fn tell_at(story: &str, upstream_port: Option<u16>) -> Installation {
    let folder =
        std::env::var_os("REAL_BROWSER").expect("run these by proxy/devkit/scripts/browser.sh");
    let app = DemoApp::start(DemoApp::any_port()).await.unwrap();
    let installation = Installation::start_with(|folder| {
        folder.replace("routes.yaml", "http://localhost:8102", &app.url());
        if let Some(port) = upstream_port {
            lead_crud_to(folder, &format!("http://127.0.0.1:{port}"));
        }
    })
    .await;
    let process = Command::new("node")
        .arg(std::path::Path::new(&folder).join(story))
        .env("GATEWAY", installation.folder.public_url())
        .env("ANALYTICS", ANALYTICS)
        .env("CRUD", CRUD)
        .env(
            "UPSTREAM_PORT",
            upstream_port.unwrap_or_default().to_string(),
        )
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(BOUND, process).await;
    let output = output.expect("the story ends").unwrap();
    let (told, problem) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    eprint!("{told}");
    assert!(
        output.status.success(),
        "{told}{problem}\n{}",
        installation.gateway.log()
    );
    installation
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real browser: make test"]
async fn a_user_logs_in_reads_writes_and_logs_out_in_one_tab_and_the_other_says_so() {
    let installation = tell("journey.mjs").await;
    assert_eq!(installation.provider.counters().reuse_detections, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real browser: make test"]
async fn a_page_of_another_origin_cannot_read_write_open_a_socket_or_log_the_user_out() {
    let installation = tell("attack.mjs").await;
    let seen = installation.crud.requests();
    let paths: Vec<_> = seen
        .iter()
        .map(|request| format!("{} {}", request.method, request.target))
        .collect();
    assert_eq!(
        paths,
        [format!("POST {ITEMS}")],
        "our own page's write alone reached the upstream"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real browser: make test"]
async fn a_socket_of_one_tab_is_closed_with_4401_when_another_tab_logs_out() {
    tell_at("socket.mjs", Some(free_port())).await;
}
