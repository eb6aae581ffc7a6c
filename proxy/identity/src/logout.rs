//! Logging out: the session ends first, whatever the provider does afterwards.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::cookie::{CookieName, Lookup, lookup};
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_session_store::{Described, EndedSession, Purpose};
use url::{Url, form_urlencoded};

use crate::login::session::subject_hash;
use crate::relying_party::{RelyingParty, no_randomness};
use crate::telemetry::EndReason;

/// How long the provider's logout page may take.
const LIFE: Duration = Duration::from_secs(600);

/// A session that has ended, or that was not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedOut {
    /// The provider's own logout page, with what it needs to know. `None`: the provider has none,
    /// or there was no session.
    pub logout_url: Option<String>,
    /// Values of `Set-Cookie` fields: the session cookie is deleted, the logout's state is kept.
    pub set_cookies: Vec<String>,
}

/// Where a browser goes that comes back from the provider's logout page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutReturn {
    /// The value of `Location`.
    pub location: String,
    /// Values of `Set-Cookie` fields: the logout's state is forgotten.
    pub set_cookies: Vec<String>,
}

#[derive(Deserialize, Serialize)]
struct Sealed {
    s: String,
    t: u64,
}

impl RelyingParty {
    /// Ends a session, or all sessions of its subject.
    ///
    /// # Errors
    /// The store does not answer. The caller's own session ends last, so that it can try again.
    pub(crate) async fn log_out(
        self: Arc<Self>,
        session: Option<SessionKey>,
        everywhere: bool,
    ) -> Result<LoggedOut, Refusal> {
        let deleted = self.settings.cookie.delete();
        let mut out = LoggedOut {
            logout_url: None,
            set_cookies: vec![deleted],
        };
        let Some(session) = session else {
            return Ok(out);
        };
        if everywhere {
            self.end_others(&session).await?;
        }
        let ended = self.store.end(&session, None).await;
        let Some(ended) = ended.map_err(Refusal::from)? else {
            return Ok(out);
        };
        self.telemetry.session_destroyed(EndReason::Logout);
        let subject = subject_hash(&ended.facts.subject);
        tracing::info!(target: "tokenbridge", subject, everywhere, "logout");
        if let Some((url, cookie)) = self.provider_logout(&ended)? {
            out.logout_url = Some(url);
            out.set_cookies.push(cookie);
        }
        self.revoke_all(ended);
        Ok(out)
    }

    async fn end_others(&self, session: &SessionKey) -> Result<(), Refusal> {
        let subject = match self.store.describe(session).await.map_err(Refusal::from)? {
            Described::Found(session) => session.facts.subject,
            Described::Replaced | Described::Absent | Described::Unreadable => return Ok(()),
        };
        let all = self
            .store
            .sessions_of(&subject)
            .await
            .map_err(Refusal::from)?;
        for other in all.iter().filter(|other| *other != session) {
            if let Some(ended) = self.store.end(other, None).await.map_err(Refusal::from)? {
                self.telemetry
                    .session_destroyed(EndReason::LogoutEverywhere);
                self.revoke_all(ended);
            }
        }
        Ok(())
    }

    /// The provider's logout page (OpenID Connect RP-Initiated Logout § 2), and the cookie that
    /// holds its `state`.
    fn provider_logout(&self, ended: &EndedSession) -> Result<Option<(String, String)>, Refusal> {
        let metadata = self.provider.known_metadata();
        let Some(endpoint) = metadata
            .as_ref()
            .and_then(|metadata| metadata.end_session.as_ref())
        else {
            return Ok(None);
        };
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| no_randomness())?;
        let state = URL_SAFE_NO_PAD.encode(bytes);
        let cookie = self.logout_cookie();
        let sealed = Sealed {
            s: state.clone(),
            t: self.now().seconds(),
        };
        let sealed = serde_json::to_vec(&sealed).map_err(|_| no_randomness())?;
        let associated = [cookie.as_str().as_bytes()];
        let sealed = self
            .keyring
            .seal(Purpose::LogoutState, &associated, &sealed);
        let value = URL_SAFE_NO_PAD.encode(sealed.map_err(|_| no_randomness())?);
        let url = self.logout_url(endpoint, ended.id_token.as_ref(), &state);
        Ok(Some((url, cookie.set(&value, Some(LIFE)))))
    }

    fn logout_url(&self, endpoint: &Url, id_token: Option<&Secret>, state: &str) -> String {
        let back = format!("{}/auth/logged-out", self.settings.public_origin);
        let mut url = endpoint.clone();
        let mut query = url.query_pairs_mut();
        if let Some(id_token) = id_token {
            query.append_pair("id_token_hint", id_token.expose());
        }
        query
            .append_pair("client_id", self.provider.client_id())
            .append_pair("post_logout_redirect_uri", &back)
            .append_pair("state", state);
        drop(query);
        url.into()
    }

    /// Takes a browser back from the provider's logout page.
    ///
    /// # Errors
    /// The `state` is not that of a logout of this browser.
    pub(crate) fn returned(&self, query: &str, cookies: &[&[u8]]) -> Result<LogoutReturn, Refusal> {
        let cookie = self.logout_cookie();
        let mut states =
            form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
        let state = match (states.next(), states.next()) {
            (Some((_, state)), None) => Secret::new(state),
            _ => {
                return Err(Refusal::new(
                    Rejection::CallbackInvalid,
                    "not exactly one state came back from the logout page",
                ));
            }
        };
        let known = match lookup(cookies.iter().copied(), cookie.as_str()) {
            Lookup::One(value) => self.open_state(&cookie, value),
            Lookup::None | Lookup::Several => None,
        };
        if known != Some(state) {
            return Err(Refusal::new(
                Rejection::CallbackInvalid,
                "the state is not that of a logout of this browser",
            ));
        }
        Ok(LogoutReturn {
            location: "/".into(),
            set_cookies: vec![cookie.delete()],
        })
    }

    fn open_state(&self, cookie: &CookieName, value: &[u8]) -> Option<Secret> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let associated = [cookie.as_str().as_bytes()];
        let text = self
            .keyring
            .open(Purpose::LogoutState, &associated, &sealed)
            .ok()?;
        let sealed: Sealed = serde_json::from_slice(text.expose()).ok()?;
        let begun = tokenbridge_bridge::UnixTime::from_seconds(sealed.t);
        (self.now().since(begun) < LIFE).then(|| Secret::new(sealed.s))
    }

    fn logout_cookie(&self) -> CookieName {
        self.settings.cookie.with_suffix("logout")
    }
}
