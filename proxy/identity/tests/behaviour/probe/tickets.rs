//! Who may begin a probe, and how it ends without a login.

use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;

use super::{redirect, report};
use crate::gateway::Gateway;

#[tokio::test]
async fn a_ticket_works_once_and_cannot_be_made_up() {
    let gateway = Gateway::start().await;
    let begun = gateway.identity.begin_probe().unwrap();
    let begin = async |ticket: &str| {
        let begun = gateway.identity.begin_probe_login(ticket, &[]).await;
        begun.map_err(|refusal| refusal.rejection)
    };
    assert!(begin(begun.ticket.expose()).await.is_ok());
    assert_eq!(
        begin(begun.ticket.expose()).await.unwrap_err(),
        Rejection::LoginReplayed
    );
    for made_up in ["", "x", begun.id.expose()] {
        assert_eq!(begin(made_up).await.unwrap_err(), Rejection::LoginUnknown);
    }
    let late = gateway.identity.begin_probe().unwrap();
    gateway.advance(Duration::from_secs(601));
    assert_eq!(
        begin(late.ticket.expose()).await.unwrap_err(),
        Rejection::LoginExpired
    );
    assert_eq!(
        gateway
            .identity
            .probe_report(begun.id.expose())
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_login_that_fails_ends_the_probe() {
    let gateway = Gateway::start().await;
    let begun = gateway.identity.begin_probe().unwrap();
    let sent = redirect(&gateway, &begun).await;
    let url = url::Url::parse(&sent.location).unwrap();
    let state = url
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1;
    let issuer = gateway.provider.issuer();
    let query = format!("error=access_denied&state={state}&iss={issuer}");
    let failure = gateway.finish(&query).await.unwrap_err();
    assert_eq!(failure.refusal.rejection, Rejection::LoginRefused);
    let report = report(&gateway, &begun).await;
    assert!(report.is_wrong());
    assert!(report.problem.unwrap().contains("access_denied"));
}
