//! `tokenbridge check --probe`, through the running gateway.

use std::time::Duration;

use serde_json::Value;
use tokenbridge_devkit::provider::Mode;
use tokenbridge_devkit::{BrowserSession, IdpConfiguration, ProviderOptions};
use tokio::process::Command;

use crate::support::{
    ANALYTICS, CRUD, ConfigurationFolder, GatewayProcess, ITEMS, Installation, LoggedProcess,
    RedisServer, code, repository,
};

struct Ended {
    status: Option<i32>,
    output: String,
}

pub(crate) fn command(folder: &ConfigurationFolder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenbridge"));
    command
        .args(["check", "--probe", "--config"])
        .arg(folder.path())
        .args(arguments)
        .envs(folder.environment().iter().cloned());
    command
}

/// Runs the command for a user of the development provider.
async fn probe(folder: &ConfigurationFolder, password: &str, arguments: &[&str]) -> Ended {
    let mut command = command(folder, &["--user", "alice"]);
    command
        .args(arguments)
        .env("TOKENBRIDGE_PROBE_PASSWORD", password)
        .kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(60), command.output());
    let output = output.await.expect("it ends").unwrap();
    Ended {
        status: output.status.code(),
        output: format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

async fn sessions(folder: &ConfigurationFolder) -> String {
    let metrics = reqwest::get(folder.admin_url("/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let created = metrics
        .lines()
        .find(|line| line.starts_with("bff_sessions_created_total"));
    created.unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_configuration_gets_one_right_token_for_each_service() {
    let installation = Installation::start().await;
    let ended = probe(&installation.folder, "wonderland", &[]).await;
    assert_eq!(
        ended.status,
        Some(0),
        "{}\n{}",
        ended.output,
        installation.gateway.log()
    );
    for (service, audience) in [("analytics_service", ANALYTICS), ("crud_service", CRUD)] {
        let mut lines = ended.output.lines();
        let line = lines.find(|line| line.starts_with(service));
        let line = line.unwrap_or_else(|| panic!("{}", ended.output));
        for cell in ["refresh", &format!("resource={audience}"), "rotated"] {
            assert!(line.contains(cell), "{cell}: {line}");
        }
        // From when the answer was here: a machine under load takes its time over that.
        let mut words = line.split_whitespace();
        let life = words.find_map(|word| word.strip_suffix('s')?.parse::<u64>().ok());
        let near = life.is_some_and(|life| (270..=300).contains(&life));
        assert!(near, "{line}");
        assert!(line.ends_with("ok"), "{line}");
    }
    let counters = || installation.provider.counters();
    assert_eq!(counters().refreshes, 2);
    for _ in 0..1_500 {
        if counters().revocations == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(counters().revocations, 1, "the refresh token is revoked");
    assert_eq!(
        sessions(&installation.folder).await,
        "bff_sessions_created_total 0"
    );
    assert_eq!(
        installation.provider.secrets_in(&ended.output),
        Vec::<&str>::new()
    );
    assert_eq!(
        installation
            .provider
            .secrets_in(&installation.gateway.log()),
        Vec::<&str>::new()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_explained_and_fails_the_command() {
    let installation = Installation::start().await;
    installation.provider.set_modes([Mode::IgnoreTarget]);
    let ended = probe(&installation.folder, "wonderland", &["--json"]).await;
    assert_eq!(ended.status, Some(1), "{}", ended.output);
    let document: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(document["problems"], serde_json::json!([]));
    for service in document["probe"]["services"].as_array().unwrap() {
        assert_eq!(service["verdict"], "wrong", "{service}");
        assert_eq!(service["audiences"], serde_json::json!([ANALYTICS, CRUD]));
        assert!(
            service["hint"].as_str().unwrap().contains("all APIs"),
            "{service}"
        );
    }
    let refused = probe(&installation.folder, "wrong", &[]).await;
    assert_eq!(refused.status, Some(1));
    assert!(
        refused.output.contains("does not take this user"),
        "{}",
        refused.output
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_gateway_the_command_says_so() {
    let mut installation = Installation::start().await;
    installation.gateway.stop().await;
    let ended = probe(&installation.folder, "wonderland", &[]).await;
    assert_eq!(ended.status, Some(1));
    assert!(
        ended.output.contains("start the gateway"),
        "{}",
        ended.output
    );
}

/// The address that the command prints.
pub(crate) async fn printed_address(process: &LoggedProcess) -> String {
    let find = |log: &str| {
        let mut words = log.split_whitespace();
        words
            .find(|word| word.contains("probe="))
            .map(str::to_owned)
    };
    assert!(
        process.eventually(|log| find(log).is_some()).await,
        "{}",
        process.log()
    );
    find(&process.log()).unwrap()
}

/// Where nobody listens: tcpmux.
const NOBODY: &str = "http://127.0.0.1:1";

#[tokio::test(flavor = "multi_thread")]
async fn the_address_gives_nobody_a_session_and_works_once() {
    let installation = Installation::start_with(|folder| {
        // A demo that runs beside the tests would answer.
        folder.replace("routes.yaml", "http://localhost:8102", NOBODY);
    })
    .await;
    let process = LoggedProcess::spawn(&mut command(&installation.folder, &[]));
    let address = printed_address(&process).await;
    let browser = BrowserSession::new().unwrap();
    let form = browser.navigate(&address).await.unwrap();
    let home = installation.folder.public_url();
    let page = browser
        .pass_forms(form, home, ("alice", "wonderland"))
        .await
        .unwrap();
    assert!(page.text().contains("not logged in"), "{}", page.text());
    let cookies = browser.cookies(home);
    let ours = |(name, _): &(String, String)| name.starts_with("bff_session");
    assert!(!cookies.iter().any(ours), "{cookies:?}");
    assert_eq!(installation.get(&browser, ITEMS).await.status, 401);
    assert!(
        process.eventually(|log| log.contains("crud_service")).await,
        "{}",
        process.log()
    );
    let again = BrowserSession::new().unwrap();
    assert_eq!(again.navigate(&address).await.unwrap().status, 400);
    let forged = format!("{home}/auth/login?probe=AAAA");
    assert_eq!(again.navigate(&forged).await.unwrap().status, 400);
    // On the public listener it is the application's path like any other.
    let page = installation.get(&again, "/probe").await;
    assert_eq!(code(&page), "UPSTREAM_UNAVAILABLE");
    // A page in a browser on the same machine reaches the admin listener, and gets nothing.
    let client = reqwest::Client::new();
    let asked = client
        .post(installation.folder.admin_url("/probe"))
        .header("origin", "http://evil.example");
    assert_eq!(asked.send().await.unwrap().status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_a_probe_that_one_of_them_was_asked_for() {
    let redis = RedisServer::start();
    let options = ProviderOptions::demo().unwrap();
    let installation =
        Installation::start_at(options, |folder| folder.use_redis(&redis.url())).await;
    // It has another port, and the first one's public address: what a load balancer makes of both.
    let mut replica = ConfigurationFolder::demo(
        installation.provider.issuer(),
        &installation.analytics.url(),
        &installation.crud.url(),
    );
    replica.use_redis(&redis.url());
    let own = format!("public_url: {}", replica.public_url());
    let shared = format!("public_url: {}", installation.folder.public_url());
    replica.replace("settings.yaml", &own, &shared);
    let _gateway = GatewayProcess::start(&mut replica).await;
    let ended = probe(&replica, "wonderland", &[]).await;
    assert_eq!(ended.status, Some(0), "{}", ended.output);
    assert!(installation.gateway.log().contains("a probe has ended"));
    assert_eq!(
        sessions(&installation.folder).await,
        "bff_sessions_created_total 0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn services_with_authorizations_of_their_own_are_probed_on_the_way() {
    let example = repository("conf/examples/hydra-like");
    let idp = IdpConfiguration::load(&example.join("idp")).unwrap();
    let options = ProviderOptions::new(idp);
    let installation = Installation::start_from(&example, options, |_| {}).await;
    let ended = probe(&installation.folder, "wonderland", &[]).await;
    assert_eq!(
        ended.status,
        Some(0),
        "{}\n{}",
        ended.output,
        installation.gateway.log()
    );
    let mut lines = ended.output.lines();
    let line = lines.find(|line| line.starts_with("crud_service"));
    assert!(line.is_some_and(|line| line.contains("authorize") && line.ends_with("ok")));
}
