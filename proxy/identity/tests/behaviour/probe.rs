//! Probes: one token of each service, nothing left behind, and nobody but the asker learns of it.
//!
//! | module | owns |
//! |---|---|
//! | [`findings`] | what a report says of each service |
//! | [`replicas`] | probes where several replicas take part |
//! | [`tickets`] | who may begin one, and how it ends without a login |

mod findings;
mod replicas;
mod tickets;

use tokenbridge_identity::probe::{Begun, Probed, Report};
use tokenbridge_identity::{Callback, Finished, Identity, Redirect};

use crate::gateway::Gateway;

pub(super) async fn redirect(gateway: &Gateway, begun: &Begun) -> Redirect {
    let cookies = gateway.cookie_header();
    let redirect = gateway
        .identity
        .begin_probe_login(begun.ticket.expose(), &[cookies.as_bytes()])
        .await
        .unwrap();
    gateway.keep_cookies(&redirect.set_cookies);
    redirect
}

/// Logs in for a probe, whose callback lands at one replica and whose report another one reads.
pub(super) async fn probe_at(gateway: &Gateway, landing: &Identity) -> Report {
    let begun = gateway.identity.begin_probe().unwrap();
    let mut redirect = redirect(gateway, &begun).await;
    loop {
        let query = gateway.visit(&redirect.location).await;
        let header = gateway.cookie_header();
        let cookies = [header.as_bytes()];
        let finished = landing.finish_login(Callback {
            query: &query,
            cookies: &cookies,
            current_session: None,
        });
        match finished.await.unwrap() {
            Finished::Probing { set_cookies } => {
                gateway.keep_cookies(&set_cookies);
                break;
            }
            Finished::Again(again) | Finished::Onward(again) => {
                gateway.keep_cookies(&again.set_cookies);
                redirect = again;
            }
            Finished::LoggedIn(_) => panic!("a probe gives no session"),
        }
    }
    report(gateway, &begun).await
}

pub(super) async fn report(gateway: &Gateway, begun: &Begun) -> Report {
    let id = begun.id.expose();
    let there = async || gateway.identity.probe_report(id).await.unwrap().is_some();
    gateway.until("the probe ends", there).await;
    gateway.identity.probe_report(id).await.unwrap().unwrap()
}

pub(super) async fn probe(gateway: &Gateway) -> Report {
    probe_at(gateway, &gateway.identity).await
}

pub(super) fn of<'a>(report: &'a Report, service: &str) -> &'a Probed {
    let mut services = report.services.iter();
    services
        .find(|probed| probed.service == service)
        .unwrap_or_else(|| panic!("{service}: {report:?}"))
}

pub(super) async fn nothing_is_left_of(gateway: &Gateway, sessions: u64) {
    assert_eq!(gateway.store.active_sessions().await.unwrap(), sessions);
    let revoked = async || gateway.provider.counters().revocations > 0;
    gateway.until("the refresh token is revoked", revoked).await;
    assert_eq!(gateway.cookie_names().len(), 0, "no flow is left either");
    assert_eq!(
        gateway.counts.of("created"),
        usize::try_from(sessions).unwrap()
    );
}
