//! Both files together: what one says about the other, and the plan of each service's token.

use std::sync::Arc;

use tokenbridge_bridge::service::{
    Audience, AudiencePolicy, IssuerName, ServiceName, Strategy, TargetParameter, TokenPlan,
};

mod issuers;
mod shared_token;

use crate::configuration::{Configuration, Frontend, Origin};
use crate::preset::Preset;
use crate::reading::suggestion;
use crate::routes::Routes;
use crate::routes::service::ServiceDraft;
use crate::service::Service;
use crate::settings::Settings;
use crate::settings::audiences::ServiceTokens;
use crate::settings::auth::TokenDefaults;
use crate::settings::issuers::IssuerDraft;
use crate::settings::target::{SetTarget, TargetFacts, fill};

/// Puts both files together. `None` when something that is needed was wrong: it is noted.
pub(crate) fn assemble(
    routes: Routes<'_>,
    settings: Settings<'_>,
    origin: Origin,
) -> Option<Configuration> {
    check_scopes_of_nobody(&routes.services, &settings.services);
    let services = services(&routes, &settings);
    check_limited_routes(&routes, &settings);
    issuers::check(&settings.issuers, &routes.services);
    let others = issuers::complete(&settings.issuers, settings.auth.issuer.as_ref());
    let public_url = settings.public_url?;
    let prefix = if public_url.secure { "__Host-" } else { "" };
    let frontend = Frontend {
        name: "main",
        cookie_name: format!("{prefix}{}", settings.session.cookie_name),
        public_url,
        issuer: settings.auth.issuer?,
        issuers: others?,
        services: services?,
        routes: routes.table?,
        session: settings.auth.lifetimes?,
        cors: settings.browser.cors,
        csrf: settings.browser.csrf,
    };
    Some(Configuration {
        frontend,
        listen: settings.network.listen,
        hsts: settings.network.hsts,
        admin: settings.network.admin,
        store: settings.session.store,
        encryption_keys: settings.session.encryption_keys,
        session_cache: settings.session.cache_size,
        limits: settings.limits,
        rate_limits: settings.rates.limits,
        trusted_proxies: settings.network.trusted_proxies,
        identity_headers: settings.network.identity_headers,
        forward_auth: settings.network.forward_auth,
        logging: settings.logging,
        runtime: settings.runtime,
        drain: settings.drain,
        upgrade_socket: settings.upgrade_socket,
        origin,
    })
}

/// Every service with its plan; each is planned although another one is wrong.
fn services(routes: &Routes<'_>, settings: &Settings<'_>) -> Option<Vec<Service>> {
    let issuer = settings.auth.issuer.as_ref();
    let planner = Planner {
        preset: issuer.map_or(Preset::Generic, |issuer| issuer.preset),
        defaults: &settings.auth.tokens,
        issuers: &settings.issuers,
        tokens: &settings.services,
        services: &routes.services,
    };
    let drafts = &routes.services;
    let plans: Vec<TokenPlan> = drafts.iter().map(|draft| planner.plan(draft)).collect();
    shared_token::check(drafts, &plans);
    drafts
        .iter()
        .zip(plans)
        .map(|(draft, plan)| service(draft, plan))
        .collect()
}

fn service(draft: &ServiceDraft<'_>, token: TokenPlan) -> Option<Service> {
    Some(Service {
        name: token.service.clone(),
        upstream: draft.upstream.clone()?,
        http2: draft.http2,
        tls: draft.tls.clone(),
        timeouts: draft.timeouts,
        token,
    })
}

fn check_limited_routes(routes: &Routes<'_>, settings: &Settings<'_>) {
    let Some(table) = &routes.table else {
        return;
    };
    let known = || table.routes().iter().map(|route| &*route.id);
    for (id, item) in &settings.rates.routes {
        if !known().any(|route| route == id) {
            let hint = suggestion::sentence(id, known().collect::<Vec<_>>());
            item.at.error(format!("`{id}` is no route's id"), hint);
        }
    }
}

/// Scopes for a name that neither file knows are probably a slip of the pen.
fn check_scopes_of_nobody(services: &[ServiceDraft<'_>], tokens: &ServiceTokens<'_>) {
    let declared = || services.iter().map(|service| service.name);
    for (name, _, at) in &tokens.scopes {
        if !declared().any(|known| known == *name) && tokens.audience(name).is_none() {
            at.warn(
                "is no service of routes.yaml",
                suggestion::sentence(name, declared().collect::<Vec<_>>()),
            );
        }
    }
}

/// What the plans of all services have in common.
struct Planner<'p> {
    preset: Preset,
    defaults: &'p TokenDefaults<'p>,
    issuers: &'p [IssuerDraft<'p>],
    tokens: &'p ServiceTokens<'p>,
    services: &'p [ServiceDraft<'p>],
}

impl Planner<'_> {
    fn plan(&self, draft: &ServiceDraft<'_>) -> TokenPlan {
        let strategy = issuers::strategy(draft)
            .or(draft.strategy)
            .or(self.defaults.strategy)
            .unwrap_or_else(|| self.preset.strategy());
        let (preset, set) = self.asked_in_the_way_of(draft);
        let target_parameter = match (strategy, set) {
            (Strategy::Login, _) => TargetParameter::None,
            (_, Some(parameter)) => parameter,
            (_, None) => preset.target_parameter(strategy),
        };
        let audience = self.tokens.audience(draft.name);
        let scopes = self.tokens.scopes(draft.name);
        let target = audience.and_then(|audience| self.target(draft, target_parameter, audience));
        let by_scope = target_parameter == TargetParameter::Scope;
        let scopes = match target.as_ref().filter(|_| by_scope) {
            Some(target) => target.split_whitespace().map(str::to_owned).collect(),
            None => scopes.to_vec(),
        };
        if by_scope && scopes.is_empty() && audience.is_some() {
            draft.at.fail_check(
                format!(
                    "`{}` asks for no scope, and scopes are what decides on the audience here",
                    draft.name
                ),
                format!(
                    "add `{}: SCOPE` under service_scopes in settings.yaml",
                    draft.name
                ),
            );
        }
        TokenPlan {
            service: ServiceName::new(draft.name),
            issuer: draft.issuer.as_ref().map(|(name, _)| IssuerName::new(name)),
            strategy,
            target_parameter,
            target_value: target.filter(|_| !by_scope),
            scopes,
            audience: audience.map(|audience| self.policy(draft, audience)),
            format: draft.format,
            mint: draft.mint,
        }
    }

    /// The preset of whoever makes the service's token, and the target parameter that is set there.
    fn asked_in_the_way_of(&self, draft: &ServiceDraft<'_>) -> (Preset, Option<TargetParameter>) {
        let Some((name, _)) = &draft.issuer else {
            return (self.preset, self.defaults.target_parameter);
        };
        let named = self.issuers.iter().find(|issuer| issuer.name == name);
        named.map_or((Preset::Generic, None), |issuer| {
            (issuer.preset, issuer.target_parameter)
        })
    }

    /// The target's value: what the service says, else the issuer, else the preset. Scopes of the
    /// service come before a preset's idea of them.
    fn target(
        &self,
        draft: &ServiceDraft<'_>,
        parameter: TargetParameter,
        audience: &Audience,
    ) -> Option<String> {
        let scopes = self.tokens.scopes(draft.name).join(" ");
        let facts = TargetFacts {
            audience: audience.as_str(),
            service: draft.name,
            scopes: &scopes,
        };
        let of_the_login = self.defaults.target_value.as_ref();
        let set = draft
            .target_value
            .as_ref()
            .or(of_the_login.filter(|_| draft.issuer.is_none()));
        if parameter == TargetParameter::None {
            warn_unused(draft.target_value.as_ref());
            return None;
        }
        if let Some(set) = set {
            if scopes.is_empty() && set.template.contains("{scopes}") {
                set.at.error(
                    format!(
                        "`{}` needs the scopes of `{}`, which has none",
                        set.template, draft.name
                    ),
                    format!(
                        "add `{}: SCOPE` under service_scopes in settings.yaml",
                        draft.name
                    ),
                );
            }
            return Some(fill(&set.template, facts));
        }
        let own_scopes = parameter == TargetParameter::Scope && !scopes.is_empty();
        let (preset, _) = self.asked_in_the_way_of(draft);
        let template = preset.target_value(parameter).filter(|_| !own_scopes);
        template.map(|template| fill(template, facts))
    }

    /// A service is configured when routes.yaml declares it: an audience that service_audiences
    /// has for anything else does not make a token too wide.
    fn policy(&self, draft: &ServiceDraft<'_>, expected: &Audience) -> AudiencePolicy {
        let mut others: Vec<Audience> = Vec::new();
        for audience in self
            .services
            .iter()
            .filter_map(|service| self.tokens.audience(service.name))
        {
            if audience != expected && !others.contains(audience) {
                others.push(audience.clone());
            }
        }
        AudiencePolicy {
            expected: expected.clone(),
            check: draft.audience_check,
            others: Arc::from(others),
        }
    }
}

fn warn_unused(target: Option<&SetTarget<'_>>) {
    if let Some(target) = target {
        target.at.warn(
            format!(
                "`{}` is sent nowhere: nothing names a target here",
                target.template
            ),
            "remove it, or choose another `token` or target_parameter",
        );
    }
}
