//! How long the gateway asks a provider nothing, and that clients are told the same.

use std::time::Duration;

use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_devkit::provider::{AnswerBody, Endpoint, Fault, FaultRule};

use crate::gateway::Gateway;

#[tokio::test]
async fn a_client_is_told_how_long_the_provider_is_left_alone() {
    for (wished, least, most) in [(3_600, 50, 60), (20, 10, 20)] {
        let gateway = Gateway::start().await;
        let session = gateway.login().await;
        gateway.advance(Duration::from_secs(300));
        gateway.provider.set_fault(FaultRule::always(Fault::Answer {
            endpoint: Endpoint::Token,
            status: 429,
            retry_after: Some(wished),
            body: AnswerBody::Empty,
        }));
        for _ in 0..2 {
            let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
            assert_eq!(refusal.rejection, Rejection::IdpUnavailable);
            let told = refusal.retry_after.unwrap();
            assert!(
                told > Duration::from_secs(least) && told <= Duration::from_secs(most),
                "{wished}: {told:?}"
            );
        }
    }
}
