//! The demo in a real Chromium: a user's journey, and what pages of other origins try meanwhile.
//! `make test` brings the browser and runs these.

use std::time::Duration;

use tokenbridge_devkit::app::DemoApp;
use tokio::process::Command;

use crate::support::live_upstream::lead_crud_to;
use crate::support::{
    ANALYTICS, CRUD, ConfigurationFolder, GatewayProcess, ITEMS, Installation, RedisServer,
    free_port,
};

/// Far more than a story takes.
const BOUND: Duration = Duration::from_secs(180);

/// The demo, with its page.
struct Stage {
    app: DemoApp,
    installation: Installation,
}

impl Stage {
    async fn set(change: impl FnOnce(&mut ConfigurationFolder)) -> Self {
        let app = DemoApp::start(DemoApp::any_port()).await.unwrap();
        let installation = Installation::start_with(|folder| {
            folder.replace("routes.yaml", "http://localhost:8102", &app.url());
            change(folder);
        })
        .await;
        Self { app, installation }
    }

    /// Plays a story, which is told this beside the demo's own names.
    async fn play(&self, story: &str, variable: (&str, String)) {
        let folder =
            std::env::var_os("REAL_BROWSER").expect("run these by proxy/devkit/scripts/browser.sh");
        let process = Command::new("node")
            .arg(std::path::Path::new(&folder).join(story))
            .env("GATEWAY", self.installation.folder.public_url())
            .env("ANALYTICS", ANALYTICS)
            .env("CRUD", CRUD)
            .env(variable.0, variable.1)
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
            self.installation.gateway.log()
        );
    }
}

async fn tell(story: &str) -> Installation {
    let stage = Stage::set(|_| {}).await;
    stage.play(story, ("STORY", story.to_owned())).await;
    stage.installation
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
    // The story plays the service.
    let port = free_port();
    let stage =
        Stage::set(|folder| lead_crud_to(folder, &format!("http://127.0.0.1:{port}"))).await;
    stage
        .play("socket.mjs", ("UPSTREAM_PORT", port.to_string()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a real browser: make test"]
async fn a_page_of_one_replica_is_told_of_a_logout_at_another() {
    let redis = RedisServer::start();
    let stage = Stage::set(|folder| folder.use_redis(&redis.url())).await;
    let mut folder = ConfigurationFolder::demo(
        stage.installation.provider.issuer(),
        &stage.installation.analytics.url(),
        &stage.installation.crud.url(),
    );
    folder.replace("routes.yaml", "http://localhost:8102", &stage.app.url());
    folder.use_redis(&redis.url());
    let _replica = GatewayProcess::start(&mut folder).await;
    let replica = folder.public_url().to_owned();
    stage.play("replicas.mjs", ("REPLICA", replica)).await;
}
