//! Issuers beside the login's that are no OpenID providers (RFC 8414).

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::rejection::Rejection;
use tokenbridge_bridge::service::{IssuerName, Strategy, TargetParameter};
use tokenbridge_config::issuer::{ClientAuthentication, OtherIssuer};
use tokenbridge_config::preset::Preset;
use tokenbridge_devkit::provider::Mode;
use tokenbridge_devkit::{DevelopmentProvider, IdpConfiguration, ProviderOptions};
use url::Url;

use crate::gateway::{CRUD, Gateway, Options, plan};

/// A server whose metadata are found in one way alone.
async fn minter(mode: Mode) -> DevelopmentProvider {
    let mut idp = IdpConfiguration::demo().unwrap();
    idp.development.modes = vec![mode, Mode::OtherIssuer];
    DevelopmentProvider::start(ProviderOptions::new(idp))
        .await
        .unwrap()
}

/// The gateway's own token for one service comes from there.
async fn gateway(identifier: &str) -> Gateway {
    let mut plan = plan("crud", Strategy::ClientCredentials, CRUD, &[]);
    plan.issuer = Some(IssuerName::new("minter"));
    plan.target_parameter = TargetParameter::Audience;
    Gateway::with(Options {
        plans: vec![plan],
        issuers: vec![OtherIssuer {
            name: IssuerName::new("minter"),
            identifier: identifier.to_owned(),
            url: Url::parse(identifier).unwrap(),
            client_id: "bff-server".into(),
            client_authentication: ClientAuthentication::SecretBasic(Secret::new(
                "dev-secret-change-me",
            )),
            preset: Preset::Generic,
        }],
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn metadata_are_found_in_front_of_an_issuers_path_and_behind_it() {
    for mode in [Mode::OauthMetadata, Mode::OauthMetadataBehind] {
        let minter = minter(mode).await;
        let gateway = gateway(&format!("{}/other-issuer", minter.issuer())).await;
        let session = gateway.login().await;
        gateway.obtain(&session, "crud").await.unwrap();
        assert_eq!(minter.counters().client_credentials, 1, "{mode:?}");
    }
}

#[tokio::test]
async fn metadata_of_another_issuer_are_not_taken_from_there_either() {
    let minter = minter(Mode::OauthMetadata).await;
    let gateway = gateway(&format!("{}/", minter.issuer())).await;
    let session = gateway.login().await;
    let refusal = gateway.obtain(&session, "crud").await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::IdpUnavailable);
    assert_eq!(minter.counters().client_credentials, 0);
}

#[tokio::test]
async fn the_logins_provider_needs_openid_discovery() {
    let mut idp = IdpConfiguration::demo().unwrap();
    idp.development.modes = vec![Mode::OauthMetadata];
    let gateway = Gateway::with(Options {
        idp,
        ..Options::default()
    })
    .await;
    let refusal = gateway.begin().await.unwrap_err();
    assert_eq!(refusal.rejection, Rejection::IdpUnavailable);
}
