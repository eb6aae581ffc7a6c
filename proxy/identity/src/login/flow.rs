//! A login under way. All that is known of it travels in a sealed cookie of its own, so that two
//! tabs may log in at once and a flood of logins fills no store.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokenbridge_bridge::cookie::{CookieName, Lookup, lookup, pairs};
use tokenbridge_bridge::return_to::ReturnTo;
use tokenbridge_bridge::{Secret, UnixTime};
use tokenbridge_session_store::{Keyring, Purpose};
use zeroize::Zeroizing;

use crate::login::hop::{Hop, SealedHop};
use crate::probe::{ProbeFlow, SealedProbe};

/// How long a login may take.
pub(crate) const LIFE: Duration = Duration::from_secs(600);
/// How many logins of one browser may be under way.
pub(crate) const PENDING: usize = 8;
/// Cookies that are opened at most to find the oldest login.
const LOOKED_AT: usize = 64;
const SUFFIX: &str = "login_";

/// A login under way.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) state: Secret,
    pub(crate) nonce: Secret,
    /// The PKCE verifier (RFC 7636 § 4.1).
    pub(crate) verifier: Secret,
    pub(crate) return_to: ReturnTo,
    pub(crate) created_at: UnixTime,
    /// Whether the authorization request named resources: only then is it tried without.
    pub(crate) resources: bool,
    /// Which of its resources the provider refuses, as far as that was found out.
    pub(crate) search: Option<Search>,
    /// The probe that it is for.
    pub(crate) probe: Option<ProbeFlow>,
    /// The service that it is for, where a session is there already.
    pub(crate) hop: Option<Hop>,
}

/// On the way to find out which resources the provider refuses in an authorization request.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Search {
    /// The one that was named alone; `None` once all have been tried.
    #[serde(rename = "a")]
    pub(crate) asked: Option<String>,
    /// Those that were refused when they were named alone.
    #[serde(rename = "r")]
    pub(crate) refused: Vec<String>,
}

#[derive(Deserialize, Serialize)]
struct Sealed {
    s: Zeroizing<String>,
    n: Zeroizing<String>,
    v: Zeroizing<String>,
    r: String,
    t: u64,
    x: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    q: Option<Search>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<SealedProbe>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    h: Option<SealedHop>,
}

/// What a callback's `state` leads to.
#[derive(Debug)]
pub(crate) enum Found {
    /// A login of this browser.
    Flow(Box<Flow>),
    /// A login of this browser that took too long.
    Expired,
    /// None of this browser.
    Unknown,
}

/// Cookies of logins, by one frontend's name and keys.
pub(crate) struct FlowCookies<'a> {
    pub(crate) session_cookie: &'a CookieName,
    pub(crate) keyring: &'a Keyring,
    pub(crate) now: UnixTime,
}

impl Flow {
    /// A new login; `None` when the operating system's random source failed.
    pub(crate) fn begin(return_to: ReturnTo, now: UnixTime, resources: bool) -> Option<Self> {
        Some(Self {
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            return_to,
            created_at: now,
            resources,
            search: None,
            probe: None,
            hop: None,
        })
    }

    /// The PKCE challenge, S256 (RFC 7636 § 4.2).
    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose()))
    }

    /// The mark that the store keeps once the login was used.
    pub(crate) fn mark(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(b"tokenbridge login\0")
            .chain_update(self.state.expose())
            .finalize()
            .into()
    }
}

impl FlowCookies<'_> {
    /// The `Set-Cookie` values of a new login: its own, and deletions of the oldest beyond the
    /// limit and of those that cannot be completed any more.
    pub(crate) fn set(&self, flow: &Flow, cookies: &[&[u8]]) -> Option<Vec<String>> {
        let name = self.name(&flow.state);
        let sealed = Sealed {
            s: Zeroizing::new(flow.state.expose().to_owned()),
            n: Zeroizing::new(flow.nonce.expose().to_owned()),
            v: Zeroizing::new(flow.verifier.expose().to_owned()),
            r: flow.return_to.as_str().to_owned(),
            t: flow.created_at.seconds(),
            x: flow.resources,
            q: flow.search.clone(),
            p: flow.probe.as_ref().map(SealedProbe::of),
            h: flow.hop.as_ref().map(SealedHop::of),
        };
        let text = Zeroizing::new(serde_json::to_vec(&sealed).ok()?);
        let associated = [name.as_str().as_bytes()];
        let sealed = self
            .keyring
            .seal(Purpose::LoginFlowCookie, &associated, &text)
            .ok()?;
        let mut values = vec![name.set(&URL_SAFE_NO_PAD.encode(sealed), Some(LIFE))];
        values.extend(self.make_room(cookies));
        Some(values)
    }

    /// Deletions of what leaves no room for one more.
    pub(crate) fn make_room(&self, cookies: &[&[u8]]) -> Vec<String> {
        let superfluous = self.superfluous(cookies);
        superfluous.iter().map(CookieName::delete).collect()
    }

    /// Looks up the login that a `state` belongs to.
    pub(crate) fn find(&self, state: &str, cookies: &[&[u8]]) -> Found {
        let state = Secret::new(state);
        let name = self.name(&state);
        let Lookup::One(value) = lookup(cookies.iter().copied(), name.as_str()) else {
            return Found::Unknown;
        };
        match self.open(&name, value) {
            Some(flow) if flow.state != state => Found::Unknown,
            Some(flow) if self.is_over(&flow) => Found::Expired,
            Some(flow) => Found::Flow(Box::new(flow)),
            None => Found::Unknown,
        }
    }

    /// The `Set-Cookie` value that forgets the login of a `state`.
    pub(crate) fn forget(&self, state: &Secret) -> String {
        self.name(state).delete()
    }

    fn is_over(&self, flow: &Flow) -> bool {
        self.now.since(flow.created_at) >= LIFE
    }

    /// Named by the state, so that the callback finds it and two tabs do not share it.
    fn name(&self, state: &Secret) -> CookieName {
        let hash: [u8; 32] = Sha256::digest(state.expose()).into();
        let short: String = URL_SAFE_NO_PAD.encode(hash).chars().take(12).collect();
        self.session_cookie.with_suffix(&format!("{SUFFIX}{short}"))
    }

    fn open(&self, name: &CookieName, value: &[u8]) -> Option<Flow> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let associated = [name.as_str().as_bytes()];
        let text = self
            .keyring
            .open(Purpose::LoginFlowCookie, &associated, &sealed)
            .ok()?;
        let sealed: Sealed = serde_json::from_slice(text.expose()).ok()?;
        let hop = match sealed.h {
            Some(hop) => Some(hop.open()?),
            None => None,
        };
        Some(Flow {
            state: Secret::new(sealed.s.as_str()),
            nonce: Secret::new(sealed.n.as_str()),
            verifier: Secret::new(sealed.v.as_str()),
            return_to: ReturnTo::parse(&sealed.r),
            created_at: UnixTime::from_seconds(sealed.t),
            resources: sealed.x,
            search: sealed.q,
            probe: sealed.p.map(SealedProbe::open),
            hop,
        })
    }

    /// Logins that are over, and the oldest of the others beyond what leaves room for one more.
    fn superfluous(&self, cookies: &[&[u8]]) -> Vec<CookieName> {
        let prefix = self.session_cookie.with_suffix(SUFFIX);
        let mut over = Vec::new();
        let mut pending = Vec::new();
        for (name, value) in pairs(cookies.iter().copied()).take(LOOKED_AT) {
            let short = std::str::from_utf8(name)
                .ok()
                .and_then(|name| name.strip_prefix(prefix.as_str()))
                .filter(|short| short.bytes().all(is_base64url));
            let Some(short) = short else { continue };
            let name = self.session_cookie.with_suffix(&format!("{SUFFIX}{short}"));
            match self.open(&name, value) {
                Some(flow) if !self.is_over(&flow) => pending.push((flow.created_at, name)),
                Some(_) | None => over.push(name),
            }
        }
        pending.sort_by_key(|(created_at, _)| *created_at);
        let beyond = (pending.len() + 1).saturating_sub(PENDING);
        over.extend(pending.into_iter().take(beyond).map(|(_, name)| name));
        over
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// 256 random bits as text.
pub(crate) fn random() -> Option<Secret> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut()).ok()?;
    Some(Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

#[cfg(test)]
mod tests;
