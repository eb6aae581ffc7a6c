//! Probes where several replicas take part.

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_devkit::provider::{AnswerBody, Endpoint, Fault, FaultRule, GrantType};

use super::{nothing_is_left_of, probe, probe_at};
use crate::gateway::{Gateway, Options};

#[tokio::test]
async fn a_probe_that_succeeds_lifts_a_suspension_in_every_replica() {
    let gateway = Gateway::start().await;
    let other = crate::gateway::identity(
        gateway.provider.issuer(),
        Options::default(),
        &gateway.store,
        &gateway.clock,
        &gateway.counts,
    );
    let session = gateway.login().await;
    gateway.advance(Duration::from_secs(300));
    let fault = Fault::Answer {
        endpoint: Endpoint::Token,
        status: 400,
        retry_after: None,
        body: AnswerBody::Error("invalid_target".into()),
    };
    let rule = FaultRule::always(fault).on_grant_type(GrantType::RefreshToken);
    gateway.provider.set_fault(rule);
    let crud = tokenbridge_bridge::service::ServiceName::new("crud");
    for replica in [&gateway.identity, &other] {
        let refused = replica
            .obtain_token(&session.key(), &crud)
            .await
            .unwrap_err();
        assert_eq!(refused.rejection, Rejection::NoTokenAvailable);
    }
    gateway.provider.reset_faults();
    let suspended = gateway.obtain(&session, "crud").await.unwrap_err();
    assert_eq!(
        suspended.rejection,
        Rejection::NoTokenAvailable,
        "it is not even asked for"
    );
    let renewing = tokio::spawn({
        let other = Arc::clone(&other);
        async move { other.keep_renewing().await }
    });
    let report = probe(&gateway).await;
    assert!(!report.is_wrong(), "{report:?}");
    // A session that met the refusal asks again when its own pause is over.
    gateway.advance(Duration::from_secs(61));
    gateway.obtain(&session, "crud").await.unwrap();
    // The other replica hears of it by itself, also when it had looked a moment before.
    gateway
        .until("the other replica lifts it too", async || {
            other.obtain_token(&session.key(), &crud).await.is_ok()
        })
        .await;
    renewing.abort();
}

#[tokio::test]
async fn a_callback_that_lands_at_another_replica_is_finished_there() {
    let gateway = Gateway::start().await;
    let other = crate::gateway::identity(
        gateway.provider.issuer(),
        Options::default(),
        &gateway.store,
        &gateway.clock,
        &gateway.counts,
    );
    let report = probe_at(&gateway, &other).await;
    assert!(!report.is_wrong(), "{report:?}");
    nothing_is_left_of(&gateway, 0).await;
}
