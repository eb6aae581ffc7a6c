//! The way to the provider.

use std::sync::Arc;

use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::return_to::ReturnTo;
use tokenbridge_bridge::service::TokenPlan;

use crate::login::Redirect;
use crate::login::authorization;
use crate::login::flow::Flow;
use crate::provider::discovery::Metadata;
use crate::relying_party::{RelyingParty, no_randomness};

impl RelyingParty {
    /// The provider's metadata.
    ///
    /// # Errors
    /// The provider does not answer, or not in a way that can be used.
    pub(crate) async fn metadata(&self) -> Result<Arc<Metadata>, Refusal> {
        let metadata = self.provider.metadata().await;
        metadata.map_err(|why| Refusal::new(Rejection::IdpUnavailable, why))
    }

    /// A redirect to the provider, with the cookie of a new login. `resources`: whether the
    /// services' resources are named, for a provider that wants to know them from the start.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn redirect(
        &self,
        metadata: &Metadata,
        return_to: ReturnTo,
        resources: bool,
        cookies: &[&[u8]],
    ) -> Result<Redirect, Refusal> {
        let named = if resources {
            self.resources()
        } else {
            Vec::new()
        };
        let flow = Flow::begin(return_to, self.now(), !named.is_empty());
        let flow = flow.ok_or_else(no_randomness)?;
        self.redirect_for(metadata, &flow, &named, cookies)
    }

    /// A redirect to the provider for a flow that was begun, with its cookie.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn redirect_for(
        &self,
        metadata: &Metadata,
        flow: &Flow,
        named: &[&str],
        cookies: &[&[u8]],
    ) -> Result<Redirect, Refusal> {
        let set_cookies = self.flow_cookies().set(flow, cookies);
        Ok(Redirect {
            location: authorization::url(
                metadata.authorization()?,
                &self.settings.issuer,
                &self.redirect_uri(),
                flow,
                named,
            ),
            set_cookies: set_cookies.ok_or_else(no_randomness)?,
        })
    }

    /// The resources that a login names: each once, without those of suspended services.
    pub(crate) fn resources(&self) -> Vec<&str> {
        once_each(self.resource_plans().map(|(_, resource)| resource))
    }

    /// Those of suspended services too.
    pub(crate) fn all_resources(&self) -> Vec<&str> {
        let preset = self.settings.issuer.preset;
        let plans = self.settings.plans.iter();
        once_each(plans.filter_map(|plan| authorization::resource(preset, plan)))
    }

    fn resource_plans(&self) -> impl Iterator<Item = (&TokenPlan, &str)> {
        let now = self.clock.monotonic();
        let suspensions = self.minting.suspensions();
        self.settings
            .plans
            .iter()
            .filter(move |plan| suspensions.get(&plan.service, now).is_none())
            .filter_map(|plan| {
                authorization::resource(self.settings.issuer.preset, plan)
                    .map(|resource| (plan, resource))
            })
    }

    /// What the code exchange names: the resource of a service that the provider has given a token
    /// for before, so that the first token already serves.
    pub(crate) fn resource_of_exchange(&self, flow: &Flow) -> Option<(&TokenPlan, &str)> {
        let suspensions = self.minting.suspensions();
        self.resource_plans()
            .find(|(plan, _)| flow.resources && suspensions.was_minted(&plan.service))
    }

    /// The audiences that a login named, for a warning.
    pub(crate) fn resources_in_words(&self) -> String {
        self.resources().join(", ")
    }
}

fn once_each<'a>(resources: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut named = Vec::new();
    for resource in resources {
        if !named.contains(&resource) {
            named.push(resource);
        }
    }
    named
}
