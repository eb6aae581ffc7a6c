//! A service whose token another authorization server makes (`services.<name>.issuer`).

use serde_json::Value;
use tokenbridge_devkit::provider::{AnswerBody, Endpoint, Fault, FaultRule, JwtTampering, Mode};
use tokenbridge_devkit::{BackendOptions, DevelopmentProvider, IdpConfiguration, ProviderOptions};

use crate::support::{
    ANALYTICS, CRUD, ConfigurationFolder, ITEMS, Installation, WORKFLOWS, demo_backends,
    status_and_code, tls,
};

/// The crud backend's token comes from another issuer.
fn crud_from(folder: &ConfigurationFolder, issuer: &str, more: &str) {
    folder.replace(
        "routes.yaml",
        "  crud_service:\n",
        "  crud_service:\n    issuer: minter\n",
    );
    folder.add_settings(&format!(
        "issuers:\n  minter:\n    issuer: {issuer}\n{more}"
    ));
}

/// A server that mints for the tokens of a login elsewhere, with a client of its own there.
async fn minter(trusts: &str) -> DevelopmentProvider {
    let mut idp = IdpConfiguration::demo().unwrap();
    idp.development.trusted_issuers = vec![trusts.to_owned()];
    let mut client = idp.clients.remove("bff-server").unwrap();
    client.client_secret = serde_json::from_value("its-own-secret".into()).ok();
    idp.clients.insert("gateway-there".into(), client);
    DevelopmentProvider::start(ProviderOptions::new(idp))
        .await
        .unwrap()
}

const CLIENT: &str = "    client_id: gateway-there\n    client_secret: its-own-secret";

/// Login at one provider, crud's token from another one.
async fn two_providers(more: &str) -> (Installation, DevelopmentProvider) {
    tls();
    let options = ProviderOptions::demo().unwrap();
    let provider = DevelopmentProvider::start(options).await.unwrap();
    let minter = minter(provider.issuer()).await;
    let [analytics, _] = demo_backends(provider.issuer());
    let backends = [analytics, BackendOptions::crud(minter.issuer())];
    let source = crate::support::repository("conf");
    let change = |folder: &mut ConfigurationFolder| {
        crud_from(folder, minter.issuer(), CLIENT);
        if !more.is_empty() {
            folder.replace("routes.yaml", "    issuer: minter\n", more);
        }
    };
    let installation =
        Installation::without_provider(&source, provider.issuer(), backends, change).await;
    (installation.with_provider(provider), minter)
}

async fn assert_served(installation: &Installation, user: &str) {
    let browser = installation.logged_in(user).await;
    for (path, audience) in [(WORKFLOWS, ANALYTICS), (ITEMS, CRUD)] {
        let page = installation.get(&browser, path).await;
        assert_eq!(
            page.status,
            200,
            "{path}: {}\n{}",
            page.text(),
            installation.gateway.log()
        );
        let answer: Value = page.json().unwrap();
        assert_eq!(answer["aud"], *audience, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_at_one_provider_is_exchanged_for_a_token_of_another() {
    let (installation, minter) = two_providers("").await;
    assert_served(&installation, "alice").await;
    assert_served(&installation, "bob").await;
    assert_eq!(minter.counters().exchanges, 2);
    assert_eq!(installation.provider.counters().exchanges, 0);
    let seen = minter.token_requests();
    assert!(
        seen.iter()
            .all(|request| request.client_id.as_deref() == Some("gateway-there"))
    );
    let health = reqwest::get(installation.folder.admin_url("/health"))
        .await
        .unwrap();
    let health: Value = serde_json::from_str(&health.text().await.unwrap()).unwrap();
    assert_eq!(health["issuers"]["minter"]["status"], "up", "{health}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_own_token_may_come_from_another_issuer() {
    let (installation, minter) =
        two_providers("    issuer: minter\n    token: client_credentials\n").await;
    assert_served(&installation, "alice").await;
    assert_eq!(minter.counters().client_credentials, 1);
    assert_eq!(installation.provider.counters().client_credentials, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_at_the_other_issuer_costs_its_services_and_no_session() {
    let (installation, minter) = two_providers("").await;
    for (fault, expected) in [
        (
            Fault::Answer {
                endpoint: Endpoint::Token,
                status: 400,
                retry_after: None,
                body: AnswerBody::Error("invalid_grant".into()),
            },
            (401, "NO_TOKEN_AVAILABLE"),
        ),
        (
            Fault::AccessToken {
                tampering: JwtTampering::OtherIssuer,
            },
            (502, "TOKEN_RESPONSE_INVALID"),
        ),
    ] {
        minter.set_fault(FaultRule::always(fault));
        let browser = installation.logged_in("alice").await;
        let page = installation.get(&browser, ITEMS).await;
        assert_eq!(status_and_code(&page), (expected.0, expected.1.into()));
        assert_eq!(installation.get(&browser, WORKFLOWS).await.status, 200);
        minter.reset_faults();
    }
    minter.go_away().await;
    let browser = installation.logged_in("bob").await;
    let page = installation.get(&browser, ITEMS).await;
    assert_eq!(status_and_code(&page), (503, "IDP_UNAVAILABLE".into()));
    assert_eq!(installation.get(&browser, WORKFLOWS).await.status, 200);
    minter.come_back().await.unwrap();
    for _ in 0..1_500 {
        if installation.get(&browser, ITEMS).await.status == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it does not heal:\n{}", installation.gateway.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_provider_may_issue_under_another_name_for_the_same_client() {
    tls();
    let mut idp = IdpConfiguration::demo().unwrap();
    idp.development.modes = vec![Mode::OtherIssuer];
    let provider = DevelopmentProvider::start(ProviderOptions::new(idp))
        .await
        .unwrap();
    let other = format!("{}/other-issuer", provider.issuer());
    let backends = [
        BackendOptions::analytics(&other),
        BackendOptions::crud(&other),
    ];
    let source = crate::support::repository("conf");
    let change = |folder: &mut ConfigurationFolder| {
        crud_from(folder, &other, "");
        let analytics = "  analytics_service:\n    base_url";
        let elsewhere = "  analytics_service:\n    issuer: minter\n    base_url";
        folder.replace("routes.yaml", analytics, elsewhere);
    };
    let installation =
        Installation::without_provider(&source, provider.issuer(), backends, change).await;
    assert_served(&installation.with_provider(provider), "alice").await;
}
