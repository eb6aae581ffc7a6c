//! Two replicas on one store, one of them stopped and started again under load.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokenbridge_devkit::BrowserSession;
use tokenbridge_devkit::browser::BrowserRequest;

use super::provider::{RealProvider, TOKEN_LIFE};
use super::walk::{self, CALLERS, LIVES, assert_served};
use crate::support::{ConfigurationFolder, GatewayProcess, ITEMS, Installation, WORKFLOWS};

/// Two users call both services at both replicas for several token lives. A stop may close a
/// connection; every answer is the service's, and the provider never sees a refresh token twice.
pub(crate) async fn under_load<P: RealProvider>(
    installation: &Installation<P>,
    mut folder: ConfigurationFolder,
) {
    let mut replica = GatewayProcess::start(&mut folder).await;
    let alice = walk::log_in(installation, "alice").await;
    let bob = walk::log_in(installation, "bob").await;
    let before = installation.provider.counts().await;
    let end = Instant::now() + Duration::from_secs(LIVES * TOKEN_LIFE);
    let gateways = [
        installation.folder.public_url().to_owned(),
        folder.public_url().to_owned(),
    ];
    let callers = [&alice, &bob].into_iter().flat_map(|browser| {
        let gateways = &gateways;
        (0..CALLERS).map(move |caller| {
            let path = [WORKFLOWS, ITEMS][caller % 2];
            let gateway = &gateways[caller / 2 % 2];
            call_until(installation, browser, (gateway, path), end)
        })
    });
    let restart = async {
        tokio::time::sleep(Duration::from_secs(TOKEN_LIFE * 3 / 2)).await;
        replica.stop().await;
        replica = GatewayProcess::start_again(&mut folder).await;
    };
    let (calls, ()) = tokio::join!(join_all(callers), restart);
    let (served, cut): (Vec<u64>, Vec<u64>) = calls.into_iter().unzip();
    let (served, cut) = (served.iter().sum::<u64>(), cut.iter().sum::<u64>());
    eprintln!("{served} calls were served, {cut} met the replica that was away");
    assert!(cut > 0, "the replica was away for a while");
    walk::refresh_tokens_were_used_once(installation, before).await;
}

/// How many calls were served, and how many found nobody.
async fn call_until<P: RealProvider>(
    installation: &Installation<P>,
    browser: &BrowserSession,
    (gateway, path): (&str, &str),
    end: Instant,
) -> (u64, u64) {
    let (mut served, mut cut) = (0, 0);
    while Instant::now() < end {
        let request = BrowserRequest::get(format!("{gateway}{path}"));
        match browser.fetch(request).await {
            Ok(page) => {
                assert_served(installation, path, &page);
                served += 1;
            }
            Err(_) if gateway != installation.folder.public_url() => cut += 1,
            Err(error) => panic!("{path}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    (served, cut)
}
