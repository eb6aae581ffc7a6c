//! What the refusal of one service's target costs the others at providers that may spend the
//! refresh token by it: nothing that lasts, in the first session after a start too.

use std::time::Duration;

use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::SessionId;
use tokenbridge_config::preset::Preset;
use tokenbridge_devkit::provider::{AnswerBody, Endpoint, Fault, FaultRule, Mode};
use tokenbridge_identity::Finished;
use url::{Url, form_urlencoded};

use crate::gateway::{ANALYTICS, CRUD, Gateway, Options};
use crate::hops::{audience, provider_of};

const LIFE: Duration = Duration::from_secs(300);

/// A gateway at a provider that spends the refresh token where it refuses a target, and refuses
/// these.
async fn refusing(refused: &[&str], mut options: Options) -> Gateway {
    let client = options.idp.clients.get_mut("bff-server").unwrap();
    client
        .allowed_audiences
        .retain(|audience| !refused.contains(&audience.as_str()));
    let gateway = Gateway::with(options).await;
    gateway.provider.set_modes([Mode::RefusedTargetSpends]);
    gateway
}

async fn serves(gateway: &Gateway, session: &SessionId, service: &str, audience: &str) {
    gateway.obtain(session, service).await.unwrap();
    assert_eq!(gateway.audiences(session, service).await, [audience]);
}

fn never_sent_twice(gateway: &Gateway) {
    let seen = gateway.provider.counters();
    assert_eq!((seen.reuse_detections, seen.replays_within_grace), (0, 0));
}

#[tokio::test]
async fn the_first_login_after_a_start_leaves_the_other_service_its_tokens() {
    let services = [("analytics", ANALYTICS), ("crud", CRUD)];
    for preset in [
        // These name the resources in the authorization request.
        Preset::Generic,
        Preset::OidcProvider,
        // These do not; of Auth0 nobody knows whether a refusal spends the refresh token.
        Preset::Keycloak,
        Preset::Auth0,
    ] {
        for (refused, other) in [(0, 1), (1, 0)] {
            let options = Options {
                preset,
                ..Options::default()
            };
            let gateway = refusing(&[services[refused].1], options).await;
            let session = gateway.log_in().await.session;
            let reason = gateway.refusal(&session, services[refused].0).await;
            assert_eq!(reason.as_str(), "invalid_target", "{preset}");
            for _ in 0..3 {
                serves(&gateway, &session, services[other].0, services[other].1).await;
                gateway.advance(LIFE);
            }
            never_sent_twice(&gateway);
            // The next one asks for nothing that is refused.
            let before = gateway.counts.of("created");
            gateway.log_in().await;
            assert_eq!(gateway.counts.of("created"), before + 1, "{preset}");
        }
    }
}

#[tokio::test]
async fn where_the_login_names_resources_finding_out_costs_no_token() {
    let gateway = refusing(&[ANALYTICS], Options::default()).await;
    gateway.log_in().await;
    assert_eq!(gateway.counts.of("created"), 1);
    let seen = gateway.provider.counters();
    assert_eq!((seen.codes_redeemed, seen.refreshes), (1, 1));
    assert_eq!(seen.requests_of(Endpoint::Token), 2);
}

#[tokio::test]
async fn several_refused_services_are_told_from_those_that_are_not() {
    let names: Vec<String> = (0..5).map(audience).collect();
    let refused = [names[0].as_str(), names[3].as_str()];
    for preset in [Preset::Generic, Preset::Keycloak] {
        let plans = crate::hops::plans_of(5).into_iter().map(|plan| {
            let others = names.iter().map(String::as_str);
            let own = plan.target_value.clone().unwrap();
            let others: Vec<&str> = others.filter(|other| *other != own).collect();
            let name = plan.service.as_str();
            crate::gateway::plan(
                name,
                tokenbridge_bridge::service::Strategy::Refresh,
                &own,
                &others,
            )
        });
        let options = Options {
            idp: provider_of(5),
            plans: plans.collect(),
            preset,
            ..Options::default()
        };
        let gateway = refusing(&refused, options).await;
        let session = gateway.log_in().await.session;
        for (service, own) in names.iter().enumerate() {
            let name = format!("s{service}");
            match refused.contains(&own.as_str()) {
                true => {
                    let reason = gateway.refusal(&session, &name).await;
                    assert_eq!(reason.as_str(), "invalid_target", "{preset} {name}");
                }
                false => serves(&gateway, &session, &name, own).await,
            }
        }
        never_sent_twice(&gateway);
    }
}

#[tokio::test]
async fn a_provider_that_refuses_every_resource_at_login_suspends_nothing_by_it() {
    let gateway = Gateway::start().await;
    let mut redirect = gateway.begin().await.unwrap();
    let mut asked = Vec::new();
    let session = loop {
        let url = Url::parse(&redirect.location).unwrap();
        let of = |name: &str| -> Vec<String> {
            let pairs = url.query_pairs().filter(|(key, _)| key == name);
            pairs.map(|(_, value)| value.into_owned()).collect()
        };
        let named = of("resource");
        let query = match named.is_empty() {
            true => gateway.visit(&redirect.location).await,
            false => form_urlencoded::Serializer::new(String::new())
                .append_pair("error", "invalid_target")
                .append_pair("state", &of("state")[0])
                .append_pair("iss", gateway.provider.issuer())
                .finish(),
        };
        asked.push(named);
        match gateway.finish(&query).await.unwrap() {
            Finished::Again(next) => redirect = next,
            Finished::LoggedIn(login) => break login.session,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(asked, [&[ANALYTICS, CRUD][..], &[ANALYTICS], &[CRUD], &[]]);
    for (service, audience) in [("analytics", ANALYTICS), ("crud", CRUD)] {
        serves(&gateway, &session, service, audience).await;
    }
}

#[tokio::test]
async fn a_refresh_token_that_may_be_spent_is_not_sent_while_a_token_lives() {
    let gateway = Gateway::start().await;
    let session = gateway.login().await;
    gateway.provider.set_fault(
        FaultRule::always(Fault::Answer {
            endpoint: Endpoint::Token,
            status: 400,
            retry_after: None,
            body: AnswerBody::Error("invalid_target".into()),
        })
        .on_target(ANALYTICS),
    );
    gateway.advance(Duration::from_secs(250));
    let renew = |service: &str| {
        gateway
            .identity
            .renew(session.key(), ServiceName::new(service));
    };
    let asked = gateway.provider.counters().requests_of(Endpoint::Token);
    renew("analytics");
    gateway
        .until("the service is refused", async || {
            gateway.counts.of("refresh analytics invalid_target") == 1
        })
        .await;
    renew("crud");
    gateway
        .until("the renewal is refused", async || {
            gateway.counts.of("refresh crud unavailable") == 1
        })
        .await;
    let seen = gateway.provider.counters();
    assert_eq!(seen.requests_of(Endpoint::Token), asked + 1);
    assert_eq!(gateway.audiences(&session, "crud").await, [CRUD]);
    // Now there is nothing left to lose.
    gateway.advance(Duration::from_secs(60));
    serves(&gateway, &session, "crud", CRUD).await;
    let seen = gateway.provider.counters();
    assert_eq!(seen.requests_of(Endpoint::Token), asked + 2);
}
