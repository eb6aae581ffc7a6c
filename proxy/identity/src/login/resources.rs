//! Which resource a provider refuses, where it refuses an authorization request that names several:
//! each is named alone, without redeeming a code, so that finding out costs no token. Only then are
//! services suspended: a refresh token would be the price of finding out at the token endpoint.

use tokenbridge_bridge::admission::refused as refused_token;
use tokenbridge_bridge::rejection::Refusal;
use tokenbridge_bridge::token::MintRefusalReason;

use crate::login::Finished;
use crate::login::authorization;
use crate::login::flow::{Flow, Search};
use crate::provider::discovery::Metadata;
use crate::relying_party::{RelyingParty, no_randomness};

/// With more resources than these nothing is found out: browsers stop after about twenty
/// redirects, and each question takes two.
const MOST: usize = 6;

impl RelyingParty {
    /// The provider took the resources that the authorization request named. `None`: the login goes
    /// on; otherwise another resource must be asked about first.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn resources_taken(
        &self,
        metadata: &Metadata,
        flow: &Flow,
    ) -> Result<Option<Finished>, Refusal> {
        let Some(search) = &flow.search else {
            return Ok(None);
        };
        if let Some(asked) = &search.asked
            && self.resources_without(&search.refused) != [asked]
        {
            return self.ask_next(metadata, flow, search.clone()).map(Some);
        }
        // What it takes shows that it does not refuse resources as such.
        self.suspend_refused(&search.refused);
        Ok(None)
    }

    /// The provider refused them: asks about each alone, and at last for all that it takes.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn resources_refused(
        &self,
        metadata: &Metadata,
        flow: Flow,
    ) -> Result<Finished, Refusal> {
        let search = match flow.search.clone() {
            None if flow.probe.is_none() && (2..=MOST).contains(&self.resources().len()) => {
                Search {
                    asked: None,
                    refused: Vec::new(),
                }
            }
            Some(Search {
                asked: Some(asked),
                mut refused,
            }) => {
                refused.push(asked.clone());
                Search {
                    asked: Some(asked),
                    refused,
                }
            }
            None | Some(Search { asked: None, .. }) => return self.again(metadata, flow),
        };
        self.ask_next(metadata, &flow, search)
    }

    fn ask_next(
        &self,
        metadata: &Metadata,
        flow: &Flow,
        Search { asked, refused }: Search,
    ) -> Result<Finished, Refusal> {
        let all = self.resources();
        let mut left = all.iter();
        if let Some(asked) = asked {
            left.find(|resource| **resource == asked);
        }
        let next = left.next();
        let named = match next {
            Some(next) => vec![*next],
            None => self.resources_without(&refused),
        };
        if named.is_empty() {
            return self.again(metadata, flow.clone());
        }
        let search = Search {
            asked: next.map(ToString::to_string),
            refused,
        };
        let begun = Flow::begin(flow.return_to.clone(), self.now(), true);
        let flow = Flow {
            search: Some(search),
            ..begun.ok_or_else(no_randomness)?
        };
        let redirect = self.redirect_for(metadata, &flow, &named, &[]);
        redirect.map(Finished::Again)
    }

    fn resources_without(&self, refused: &[String]) -> Vec<&str> {
        let mut resources = self.resources();
        resources.retain(|resource| !refused.iter().any(|refused| refused == resource));
        resources
    }

    fn suspend_refused(&self, refused: &[String]) {
        let preset = self.settings.issuer.preset;
        for plan in &self.settings.plans {
            let resource = authorization::resource(preset, plan);
            if resource.is_some_and(|resource| refused.iter().any(|refused| refused == resource)) {
                let detail = "the provider answered invalid_target to a login that named it";
                let refusal = refused_token(plan, MintRefusalReason::InvalidTarget, detail);
                let code = refusal.rejection.code();
                tracing::warn!(target: "tokenbridge", "{code} {}", refusal.detail);
                self.suspend(plan, detail.into());
            }
        }
    }
}
