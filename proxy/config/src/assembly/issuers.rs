//! Which authorization server makes which service's token.

use tokenbridge_bridge::service::{IssuerName, Strategy};

use crate::issuer::{IssuerSettings, OtherIssuer};
use crate::reading::suggestion;
use crate::routes::service::ServiceDraft;
use crate::settings::issuers::{Client, IssuerDraft};

/// Completes what `issuers` says with what it has of `auth`.
pub(super) fn complete(
    drafts: &[IssuerDraft<'_>],
    login: Option<&IssuerSettings>,
) -> Option<Vec<OtherIssuer>> {
    drafts.iter().map(|draft| issuer(draft, login)).collect()
}

fn issuer(draft: &IssuerDraft<'_>, login: Option<&IssuerSettings>) -> Option<OtherIssuer> {
    let (client_id, client_authentication) = match draft.client.clone() {
        Client::Own(id, authentication) => (id, authentication),
        Client::OfTheLogin => {
            let login = login?;
            (login.client_id.clone(), login.client_authentication.clone())
        }
        Client::Wrong => return None,
    };
    let (identifier, url) = draft.address.clone()?;
    Some(OtherIssuer {
        name: IssuerName::new(draft.name),
        identifier,
        url,
        client_id,
        client_authentication,
        preset: draft.preset,
    })
}

/// Checks that services and issuers know each other.
pub(super) fn check(drafts: &[IssuerDraft<'_>], services: &[ServiceDraft<'_>]) {
    let names = || drafts.iter().map(|draft| draft.name);
    for (name, at) in services
        .iter()
        .filter_map(|service| service.issuer.as_ref())
    {
        if !names().any(|known| known == name) {
            at.error(
                format!("`{name}` is no configured issuer"),
                format!(
                    "add it below `issuers` in settings.yaml, or remove it: without it the token comes from the issuer of `auth`; {}",
                    suggestion::sentence(name, names().collect::<Vec<_>>())
                ),
            );
        }
    }
    for draft in drafts {
        let used = |service: &ServiceDraft<'_>| {
            let named = service.issuer.as_ref();
            named.is_some_and(|(name, _)| name == draft.name)
        };
        if !services.iter().any(used) {
            draft.at.warn(
                "makes no service's token",
                format!(
                    "write `issuer: {}` at a service in routes.yaml, or remove it",
                    draft.name
                ),
            );
        }
    }
}

/// The strategy of a service whose token is made elsewhere: an exchange, where nothing is said.
pub(super) fn strategy(draft: &ServiceDraft<'_>) -> Option<Strategy> {
    let (name, at) = draft.issuer.as_ref()?;
    let strategy = draft.strategy.unwrap_or(Strategy::Exchange);
    match strategy {
        Strategy::Exchange | Strategy::ClientCredentials => {}
        Strategy::Login | Strategy::Refresh | Strategy::Authorize => at.error(
            format!(
                "`{name}` cannot be asked by `{}`: the login is at the issuer of `auth`",
                strategy.as_str()
            ),
            "write `token: exchange` or `token: client_credentials`",
        ),
    }
    Some(strategy)
}
