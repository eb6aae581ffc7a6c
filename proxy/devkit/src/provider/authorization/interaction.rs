//! What must happen with the person before a code goes out: login, consent, or nothing.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::request::AuthorizationRequest;
use crate::provider::ledger::IdpSession;
use crate::provider::oauth_error::{ErrorCode, OAuthError};
use crate::provider::pages;
use crate::provider::parameters::Parameters;
use crate::provider::session_cookie;
use crate::provider::state::Provider;
use crate::random::random_value;

const SESSION_LIFETIME: Duration = Duration::from_secs(8 * 3_600);

/// What the person did since the authorization request arrived.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    pub(super) logged_in: bool,
    pub(super) consented: bool,
}

/// What comes next.
enum Step<'a> {
    Login,
    Consent(&'a IdpSession),
    Code(&'a IdpSession),
}

impl Provider {
    /// The session of the browser's cookie.
    pub(super) fn session_of(&self, headers: &HeaderMap) -> Option<IdpSession> {
        let cookie = session_cookie::read(headers)?;
        self.ledger().live_session(cookie, self.now()).cloned()
    }

    /// Asks the person for what is missing, or answers the client.
    pub(super) fn proceed(
        &self,
        request: &AuthorizationRequest,
        session: Option<&IdpSession>,
        progress: Progress,
    ) -> Response {
        match self.next_step(request, session, progress) {
            Ok(Step::Login) => {
                let hint = request.login_hint.as_deref();
                pages::login(&request.encoded, hint.unwrap_or_default(), None)
            }
            Ok(Step::Consent(session)) => pages::consent(
                &request.encoded,
                &session.subject,
                self.client_name(&request.client_id),
                &request.scopes,
            ),
            Ok(Step::Code(session)) => self.return_code(request, session),
            Err(error) => self.return_error(&request.return_to, &error),
        }
    }

    fn next_step<'a>(
        &self,
        request: &AuthorizationRequest,
        session: Option<&'a IdpSession>,
        progress: Progress,
    ) -> Result<Step<'a>, OAuthError> {
        let silent = request.prompt.contains("none");
        let usable = session.filter(|session| self.is_usable(request, session, progress));
        let Some(session) = usable else {
            // After a login as somebody else than the hint says, another form would ask forever.
            return if silent || progress.logged_in {
                Err(OAuthError::new(
                    ErrorCode::LoginRequired,
                    "nobody suitable is logged in",
                ))
            } else {
                Ok(Step::Login)
            };
        };
        if self.needs_consent(request, session, progress) {
            return if silent {
                let reason = "the user has not agreed to all of this yet";
                Err(OAuthError::new(ErrorCode::ConsentRequired, reason))
            } else {
                Ok(Step::Consent(session))
            };
        }
        Ok(Step::Code(session))
    }

    fn is_usable(
        &self,
        request: &AuthorizationRequest,
        session: &IdpSession,
        progress: Progress,
    ) -> bool {
        let hinted = request.hinted_subject.as_ref();
        let wanted = hinted.is_none_or(|subject| *subject == session.subject);
        let asked_again =
            request.prompt.contains("login") || request.prompt.contains("select_account");
        let age = self.now().as_secs().saturating_sub(session.auth_time);
        let too_old = request
            .max_age
            .is_some_and(|limit| age > limit || limit == 0);
        wanted && (progress.logged_in || !(asked_again || too_old))
    }

    fn needs_consent(
        &self,
        request: &AuthorizationRequest,
        session: &IdpSession,
        progress: Progress,
    ) -> bool {
        let client = self.configuration.clients.get(&request.client_id);
        let required = client.is_some_and(|client| client.require_consent);
        let asked_again = request.prompt.contains("consent") && !progress.consented;
        let subject = &session.subject;
        asked_again
            || required
                && !self
                    .ledger()
                    .has_consent(subject, &request.client_id, &request.scopes)
    }

    fn client_name<'a>(&'a self, id: &'a str) -> &'a str {
        let client = self.configuration.clients.get(id);
        client
            .and_then(|client| client.client_name.as_deref())
            .unwrap_or(id)
    }

    /// The login form was sent.
    pub(super) fn log_in(
        &self,
        request: &AuthorizationRequest,
        form: &Parameters,
        headers: &HeaderMap,
    ) -> Response {
        let username = form.values("username").next().unwrap_or_default();
        let password = form.values("password").next().unwrap_or_default();
        let user = self.configuration.users.get(username);
        if !user.is_some_and(|user| user.password.matches(password)) {
            tracing::warn!("login refused: unknown user or wrong password");
            let mut page = pages::login(
                &request.encoded,
                username,
                Some("User name or password is wrong."),
            );
            *page.status_mut() = StatusCode::BAD_REQUEST;
            return page;
        }
        match self.open_session(username, headers) {
            Ok((session, cookie)) => {
                self.count().logins += 1;
                let progress = Progress {
                    logged_in: true,
                    consented: false,
                };
                let mut response = self.proceed(request, Some(&session), progress);
                response.headers_mut().append(header::SET_COOKIE, cookie);
                response
            }
            Err(error) => error.into_response(),
        }
    }

    /// A session under a new cookie; the same person keeps the `sid` when logging in again.
    fn open_session(
        &self,
        username: &str,
        headers: &HeaderMap,
    ) -> Result<(IdpSession, HeaderValue), OAuthError> {
        let before = self.session_of(headers);
        let sid = match before.filter(|session| session.subject == username) {
            Some(session) => session.sid,
            None => random_value()?,
        };
        let cookie = random_value()?;
        let now = self.now();
        let session = IdpSession {
            subject: username.to_owned(),
            auth_time: now.as_secs(),
            sid,
            expires_at: now + SESSION_LIFETIME,
        };
        let mut ledger = self.ledger();
        ledger.end_session(session_cookie::read(headers), None);
        ledger.keep_session(&cookie, session.clone(), now);
        Ok((session, session_cookie::set(&cookie)))
    }

    /// The consent form was sent.
    pub(super) fn decide_consent(
        &self,
        request: &AuthorizationRequest,
        form: &Parameters,
        headers: &HeaderMap,
    ) -> Response {
        let session = self.session_of(headers);
        if form.values("decision").next() != Some("allow") {
            let error = OAuthError::new(ErrorCode::AccessDenied, "the user did not agree");
            return self.return_error(&request.return_to, &error);
        }
        if let Some(session) = &session {
            self.ledger()
                .remember_consent(&session.subject, &request.client_id, &request.scopes);
        }
        let progress = Progress {
            logged_in: session.is_some(),
            consented: true,
        };
        self.proceed(request, session.as_ref(), progress)
    }
}
