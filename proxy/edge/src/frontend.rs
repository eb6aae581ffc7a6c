//! Everything about what is served that was worked out when the configuration was loaded.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use pingora::http::RequestHeader;
use tokenbridge_bridge::browser::AllowedOrigins;
use tokenbridge_bridge::client_address::client_address;
use tokenbridge_bridge::cookie::CookieName;
use tokenbridge_bridge::renewal::RenewalTiming;
use tokenbridge_bridge::service::TokenPlan;
use tokenbridge_bridge::via;
use tokenbridge_config::listen::Hsts;
use tokenbridge_config::public_url::PublicUrl;
use tokenbridge_config::{Configuration, configuration};
use tokenbridge_identity::Identity;
use tokenbridge_session_store::{Clock, Keyring, SessionStore};

use crate::answer::Stamp;
use crate::cors;
use crate::csrf::CsrfTokens;
use crate::drain::Drain;
use crate::endpoints::Endpoint;
use crate::exchange::Place;
use crate::live_sessions::LiveSessions;
use crate::metrics::{Metrics, PlaceMetrics};
use crate::phases::forward::X_FORWARDED_FOR;
use crate::phases::hop::Marks;
use crate::rates::Rates;
use crate::session_cache::SessionCache;
use crate::session_end::Sources;
use crate::upstreams::Upstreams;

/// What is served, shared by all proxy services.
pub(crate) struct Frontend {
    /// The checked configuration.
    pub(crate) configuration: Configuration,
    /// The session cookie.
    pub(crate) cookie: CookieName,
    /// `Set-Cookie` that deletes it.
    pub(crate) cookie_deletion: String,
    /// Whose pages may use the session.
    pub(crate) origins: AllowedOrigins,
    /// What pages of other origins may read of our answers' headers.
    pub(crate) exposed_headers: HeaderValue,
    /// The proof that a page made a request.
    pub(crate) csrf: CsrfTokens,
    pub(crate) keyring: Arc<Keyring>,
    /// `X-Forwarded-Host` and `X-Forwarded-Proto`, as browsers see us.
    pub(crate) forwarded_host: HeaderValue,
    pub(crate) forwarded_proto: HeaderValue,
    /// Our name in `Via`.
    pub(crate) pseudonym: String,
    /// What we add to it.
    pub(crate) marks: Marks,
    /// `Strict-Transport-Security`, where it is sent.
    pub(crate) hsts: Option<HeaderValue>,
    pub(crate) timing: RenewalTiming,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) background: Background,
    pub(crate) live_sessions: Arc<LiveSessions>,
    pub(crate) rates: Rates,
    pub(crate) session_cache: Arc<SessionCache>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) places: PlaceHandles,
    pub(crate) drain: Arc<Drain>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Where work goes that no request waits for.
pub(crate) struct Background {
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) store: Arc<dyn SessionStore>,
}

/// What other parts have made ready.
pub(crate) struct Parts {
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) background: Background,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) drain: Arc<Drain>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Frontend {
    /// Works out what depends on the configuration alone.
    pub(crate) fn new(configuration: Configuration, parts: Parts) -> Self {
        let served = &configuration.frontend;
        let cookie = session_cookie(served);
        let proto = if served.public_url.secure {
            "https"
        } else {
            "http"
        };
        let pseudonym = via::pseudonym(&served.public_url.origin());
        let host = HeaderValue::try_from(served.public_url.authority());
        Self {
            cookie_deletion: cookie.delete(),
            cookie,
            origins: AllowedOrigins::new(
                served.public_url.origin(),
                served.cors.allowed_origins.clone(),
            )
            .or_any(served.cors.any_origin),
            exposed_headers: cors::exposed(&served.cors.exposed_headers),
            csrf: CsrfTokens::new(parts.keyring.clone()),
            keyring: parts.keyring,
            forwarded_host: host.unwrap_or(HeaderValue::from_static("localhost")),
            forwarded_proto: HeaderValue::from_static(proto),
            marks: Marks::of(&pseudonym),
            pseudonym,
            hsts: hsts(configuration.hsts, &served.public_url),
            timing: RenewalTiming {
                threshold: served.session.token_refresh_threshold,
            },
            places: PlaceHandles::new(served, &parts.metrics),
            upstreams: parts.upstreams,
            identity: parts.identity,
            background: parts.background,
            live_sessions: LiveSessions::new(),
            rates: Rates::new(&configuration, served),
            session_cache: SessionCache::new(
                configuration.session_cache,
                served.services.len(),
                served.session.idle,
            ),
            metrics: parts.metrics,
            drain: parts.drain,
            clock: parts.clock,
            configuration,
        }
    }

    /// Where the end of a session shows, by one way to the store.
    pub(crate) fn sources<'a>(&'a self, store: &'a dyn SessionStore) -> Sources<'a> {
        Sources {
            sessions: &self.live_sessions,
            store,
            clock: &*self.clock,
            idle: self.served().session.idle,
        }
    }

    /// What is served, as configured.
    pub(crate) fn served(&self) -> &configuration::Frontend {
        &self.configuration.frontend
    }

    /// The token plan of a service, by its position in the configuration.
    pub(crate) fn plan(&self, service_index: usize) -> Option<&TokenPlan> {
        self.served()
            .services
            .get(service_index)
            .map(|service| &service.token)
    }

    /// What stands on every answer of the gateway's own.
    pub(crate) fn stamp<'a>(&'a self, request_id: &'a str) -> Stamp<'a> {
        Stamp {
            request_id,
            hsts: self.hsts.as_ref(),
        }
    }

    /// Whether a peer's forwarding headers are believed.
    pub(crate) fn trusts(&self, peer: Option<IpAddr>) -> bool {
        let trusted: &[IpNet] = &self.configuration.trusted_proxies;
        peer.is_some_and(|peer| {
            trusted
                .iter()
                .any(|network| network.contains(&peer.to_canonical()))
        })
    }

    /// Who a request is from, behind proxies that are believed.
    pub(crate) fn client_address(&self, peer: IpAddr, request: &RequestHeader) -> IpAddr {
        let fields = request.headers.get_all(X_FORWARDED_FOR).iter();
        client_address(peer, fields.map(HeaderValue::as_bytes), |address| {
            self.trusts(Some(address))
        })
    }

    /// Whether the configuration names a header that no client may send.
    pub(crate) fn is_identity_header(&self, name: &HeaderName) -> bool {
        let extra = &self.configuration.identity_headers;
        extra.iter().any(|listed| {
            tokenbridge_bridge::client_headers::covers(listed.as_str(), name.as_str())
        })
    }
}

/// `Strict-Transport-Security` (RFC 6797). On a loopback host it would bind everything else that
/// a developer serves there.
fn hsts(hsts: Hsts, public_url: &PublicUrl) -> Option<HeaderValue> {
    if hsts.max_age.is_zero() || !public_url.secure || public_url.is_loopback() {
        return None;
    }
    let mut text = format!("max-age={}", hsts.max_age.as_secs());
    if hsts.include_subdomains {
        text.push_str("; includeSubDomains");
    }
    if hsts.preload {
        text.push_str("; preload");
    }
    HeaderValue::try_from(text).ok()
}

/// The session cookie of a frontend.
pub(crate) fn session_cookie(served: &configuration::Frontend) -> CookieName {
    let base = served.cookie_name.trim_start_matches("__Host-");
    CookieName::new(base, served.public_url.secure)
}

/// The metric handles of every place that a request can belong to.
pub(crate) struct PlaceHandles {
    nowhere: PlaceMetrics,
    endpoints: Vec<PlaceMetrics>,
    routes: Vec<PlaceMetrics>,
}

impl PlaceHandles {
    fn new(served: &configuration::Frontend, metrics: &Metrics) -> Self {
        Self {
            nowhere: metrics.place("none"),
            endpoints: Endpoint::ALL
                .iter()
                .map(|endpoint| metrics.place(endpoint.label()))
                .collect(),
            routes: served
                .routes
                .routes()
                .iter()
                .map(|route| metrics.place(&route.id))
                .collect(),
        }
    }

    /// The handles of a place.
    pub(crate) fn of(&self, place: &Place) -> &PlaceMetrics {
        let found = match place {
            Place::None => None,
            Place::Endpoint(endpoint) => {
                let index = Endpoint::ALL.iter().position(|known| known == endpoint);
                index.and_then(|index| self.endpoints.get(index))
            }
            Place::Route(found) => self.routes.get(found.index),
        };
        found.unwrap_or(&self.nowhere)
    }
}
