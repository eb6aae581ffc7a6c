//! Rate limits, as worked out when the configuration was loaded: which buckets a request draws
//! from, and what its client is told of them.

mod local;

use std::net::IpAddr;

use tokenbridge_bridge::rate::Bucket;
use tokenbridge_bridge::route::RouteAuth;
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_config::limits::{RateLimit, RatePer};
use tokenbridge_config::{Configuration, configuration};

use crate::endpoints::Endpoint;
use crate::exchange::Place;
pub(crate) use local::LocalBuckets;

/// Buckets that are not full at one time, 2 MiB of them; where there are more, those that are
/// nearest to full give way.
const LOCAL_BUCKETS: usize = 128 * 1024;

/// One limit.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) per: RatePer,
    pub(crate) bucket: Bucket,
    pub(crate) shared: bool,
}

/// All limits.
pub(crate) struct Rates {
    limits: Vec<Limit>,
    /// Their numbers, for each route.
    routes: Vec<Vec<usize>>,
    login: usize,
    callback: usize,
    pub(crate) local: LocalBuckets,
}

impl Rates {
    /// Works out which limit is for what.
    pub(crate) fn new(configuration: &Configuration, served: &configuration::Frontend) -> Self {
        let configured = &configuration.rate_limits;
        let requests = configured.requests.iter();
        let mut limits: Vec<Limit> = requests
            .map(|request| limit(&request.name, &request.limit))
            .collect();
        let routes = served.routes.routes().iter().map(|route| {
            let applies = |(_, request): &(usize, &tokenbridge_config::limits::RequestLimit)| {
                let named =
                    request.routes.is_empty() || request.routes.iter().any(|id| **id == *route.id);
                let has_session = route.auth == RouteAuth::Session;
                named && (has_session || request.limit.per != RatePer::Session)
            };
            let numbered = configured.requests.iter().enumerate();
            numbered.filter(applies).map(|(number, _)| number).collect()
        });
        let routes = routes.collect();
        let login = limits.len();
        limits.push(limit("login", &configured.login));
        limits.push(limit("callback", &configured.callback));
        Self {
            limits,
            routes,
            login,
            callback: login + 1,
            local: LocalBuckets::new(LOCAL_BUCKETS),
        }
    }

    /// The limits that a request draws from, each with its number.
    pub(crate) fn of(&self, place: &Place) -> impl Iterator<Item = (usize, &Limit)> {
        let numbers: &[usize] = match place {
            Place::None => &[],
            Place::Endpoint(Endpoint::Login) => std::slice::from_ref(&self.login),
            Place::Endpoint(Endpoint::Callback) => std::slice::from_ref(&self.callback),
            Place::Endpoint(
                Endpoint::Logout
                | Endpoint::LoggedOut
                | Endpoint::Session
                | Endpoint::Csrf
                | Endpoint::Events
                | Endpoint::Script,
            ) => &[],
            Place::Route(found) => self.routes.get(found.index).map_or(&[], Vec::as_slice),
        };
        let limits = numbers
            .iter()
            .map(|number| (*number, self.limits.get(*number)));
        limits.filter_map(|(number, limit)| Some((number, limit?)))
    }
}

fn limit(name: &str, limit: &RateLimit) -> Limit {
    Limit {
        name: name.to_owned(),
        per: limit.per,
        bucket: Bucket::new(limit.rate.count, limit.rate.period, limit.burst),
        shared: limit.shared,
    }
}

/// Whose bucket it is.
#[derive(Clone, Copy, Hash)]
pub(crate) enum Whose<'e> {
    /// A client's network.
    Address(IpAddr),
    /// A session's, by its key.
    Session(&'e SessionKey),
    /// Everybody's on a route, by its id.
    Route(&'e str),
}
