//! Two replicas on one Redis, with tokens of three seconds: one is killed again and again, or the
//! provider is away, and nobody is logged out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use tokenbridge_devkit::browser::{BrowserRequest, Page};
use tokenbridge_devkit::configuration::{Lifetime, User};
use tokenbridge_devkit::{BrowserSession, ProviderOptions};

use crate::support::{
    ANALYTICS, CRUD, ConfigurationFolder, GatewayProcess, ITEMS, Installation, RedisServer,
    WORKFLOWS, repository, status_and_code,
};

const SESSIONS: usize = 200;
const CLIENTS: usize = 32;
const KILLS: u32 = 3;
/// How long the clients call.
const CALLING: Duration = Duration::from_secs(60);
/// How long the provider is away.
const AWAY: Duration = Duration::from_secs(60);
const SERVICES: [(&str, &str); 2] = [(WORKFLOWS, ANALYTICS), (ITEMS, CRUD)];

/// The second replica.
struct Replica {
    process: GatewayProcess,
    folder: ConfigurationFolder,
}

/// Both replicas as the clients see them, and all sessions.
struct Fleet {
    installation: Installation,
    gateways: [String; 2],
    browsers: Vec<BrowserSession>,
    _redis: RedisServer,
}

/// What the clients were told.
#[derive(Default)]
struct Told {
    served: AtomicU64,
    /// 503: the token was not there in time.
    waited: AtomicU64,
    /// Nobody was there, and the other replica was asked.
    passed_on: AtomicU64,
}

fn options(life: u64, grace: u64) -> ProviderOptions {
    let mut options = ProviderOptions::demo().unwrap();
    let configuration = &mut options.configuration;
    configuration.token.access_token_lifetime = Some(Lifetime::from_seconds(life));
    configuration.token.refresh_token_grace = Some(Lifetime::from_seconds(grace));
    let template: User = configuration.users.get("alice").unwrap().clone();
    for number in 0..SESSIONS {
        let name = format!("user-{number}");
        configuration.users.insert(name, template.clone());
    }
    options
}

impl Fleet {
    async fn start(options: ProviderOptions) -> (Self, Replica) {
        let redis = RedisServer::start();
        let change = |folder: &mut ConfigurationFolder| {
            folder.use_redis(&redis.url());
            // The provider answers a second use for a while, as those with a grace do.
            folder.replace(
                "settings.yaml",
                "  preset: generic\n",
                "  preset: generic\n  refresh_retry: 30s\n",
            );
            folder.replace("settings.yaml", "LOG_LEVEL:-debug", "LOG_LEVEL:-info");
        };
        let installation = Installation::start_at(options, change).await;
        let mut folder = ConfigurationFolder::copy_of(
            &repository("conf"),
            installation.provider.issuer(),
            &installation.analytics.url(),
            &installation.crud.url(),
        );
        change(&mut folder);
        let process = GatewayProcess::start(&mut folder).await;
        let gateways = [
            installation.folder.public_url().to_owned(),
            folder.public_url().to_owned(),
        ];
        let logins = (0..SESSIONS).map(|number| log_in(&gateways[number % 2], number));
        let browsers = stream::iter(logins).buffered(CLIENTS).collect().await;
        let fleet = Self {
            installation,
            gateways,
            browsers,
            _redis: redis,
        };
        (fleet, Replica { process, folder })
    }

    /// Each client calls for its own sessions, both services at both replicas in turn.
    async fn calls(&self, told: &Told, end: Instant) {
        let clients = (0..CLIENTS).map(|client| async move {
            for turn in 0.. {
                for number in (client..SESSIONS).step_by(CLIENTS) {
                    if Instant::now() >= end {
                        return;
                    }
                    let service = SERVICES[(turn + number) % 2];
                    self.call(number, service, (turn / 2 + number) % 2, told)
                        .await;
                }
            }
        });
        join_all(clients).await;
    }

    /// One call, at the other replica when this one is not there, as a load balancer does it.
    async fn call(&self, number: usize, service: (&str, &str), gateway: usize, told: &Told) {
        for gateway in [gateway, 1 - gateway] {
            let url = format!("{}{}", self.gateways[gateway], service.0);
            match self.browsers[number].fetch(BrowserRequest::get(url)).await {
                Ok(page) => return judge(&page, number, service.1, told),
                Err(_) => told.passed_on.fetch_add(1, Ordering::Relaxed),
            };
        }
        panic!("neither replica answered");
    }

    /// In the end every session gets what it had, at both replicas.
    async fn everybody_is_served(&self) {
        for number in 0..SESSIONS {
            for (service, gateway) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                self.is_served(number, SERVICES[service], gateway).await;
            }
        }
    }

    async fn is_served(&self, number: usize, service: (&str, &str), gateway: usize) {
        let end = Instant::now() + Duration::from_secs(30);
        let told = Told::default();
        while told.served.load(Ordering::Relaxed) == 0 {
            assert!(Instant::now() < end, "user-{number} has no token any more");
            self.call(number, service, gateway, &told).await;
            if told.waited.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn log_in(gateway: &str, number: usize) -> BrowserSession {
    let browser = BrowserSession::new().unwrap();
    let user = format!("user-{number}");
    browser.login(gateway, &user, "wonderland").await.unwrap();
    browser
}

/// A token of this user for this service, or a wait; anything else is a loss.
fn judge(page: &Page, number: usize, audience: &str, told: &Told) {
    if page.status == 503 {
        assert!(page.header("retry-after").is_some() && page.header("set-cookie").is_none());
        told.waited.fetch_add(1, Ordering::Relaxed);
        return;
    }
    assert_eq!(page.status, 200, "{:?}", status_and_code(page));
    let answer: Value = page.json().unwrap();
    assert_eq!(
        (&answer["sub"], &answer["aud"]),
        (&format!("user-{number}").into(), &audience.into())
    );
    told.served.fetch_add(1, Ordering::Relaxed);
}

impl Told {
    fn say(&self) -> [u64; 3] {
        [&self.served, &self.waited, &self.passed_on].map(|count| count.load(Ordering::Relaxed))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute of load: make soak"]
async fn a_replica_that_is_killed_again_and_again_costs_nobody_the_session() {
    let (fleet, mut replica) = Fleet::start(options(3, 60)).await;
    let told = Told::default();
    let end = Instant::now() + CALLING;
    let before = fleet.installation.provider.counters();
    let kills = async {
        for _ in 0..KILLS {
            tokio::time::sleep(CALLING / (KILLS + 1)).await;
            replica.process.kill().await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            replica.process = GatewayProcess::start_again(&mut replica.folder).await;
        }
    };
    tokio::join!(fleet.calls(&told, end), kills);
    fleet.everybody_is_served().await;
    let after = fleet.installation.provider.counters();
    let [served, waited, passed_on] = told.say();
    println!(
        "{served} calls of {SESSIONS} sessions served, none lost, in {CALLING:?} with {KILLS} \
         kills; {waited} were told to wait, {passed_on} went to the other replica; {} refreshes, \
         {} refresh tokens sent again within the provider's grace, {} outside it",
        after.refreshes - before.refreshes,
        after.replays_within_grace - before.replays_within_grace,
        after.reuse_detections,
    );
    assert_eq!(after.reuse_detections, 0);
    assert!(passed_on > 0, "the replica was away");
    assert!(
        after.refreshes - before.refreshes > SESSIONS as u64,
        "tokens were renewed"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute of load: make soak"]
async fn a_provider_that_is_away_for_a_minute_costs_no_request() {
    // Half of a token's life is over while the provider is away, and no token ends.
    let (fleet, _replica) = Fleet::start(options(120, 0)).await;
    fleet.everybody_is_served().await;
    let told = Told::default();
    let before = fleet.installation.provider.counters();
    fleet.installation.provider.go_away().await;
    fleet.calls(&told, Instant::now() + AWAY).await;
    fleet.installation.provider.come_back().await.unwrap();
    let [served, waited, _] = told.say();
    println!(
        "{served} calls served while the provider was away for {AWAY:?}, {waited} told to wait"
    );
    assert_eq!(waited, 0, "live tokens serve");
    let renewed = || fleet.installation.provider.counters().refreshes - before.refreshes;
    let begin = Instant::now();
    while renewed() < 2 * SESSIONS as u64 {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "only {} renewals",
            renewed()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(fleet.installation.provider.counters().reuse_detections, 0);
    fleet.everybody_is_served().await;
}
