//! Reading and checking an authorization request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::{Host, Url};

use crate::configuration::Client;
use crate::provider::grant_type::GrantType;
use crate::provider::oauth_error::{ErrorCode, OAuthError};
use crate::provider::parameters::Parameters;
use crate::provider::state::Provider;
use crate::provider::target::TargetRequest;
use crate::scopes::Scopes;

/// Where an answer goes; both were checked or are the client's own.
#[derive(Clone)]
pub(super) struct ReturnTo {
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
}

/// An authorization request that may be answered.
pub(super) struct AuthorizationRequest {
    pub(super) client_id: String,
    pub(super) return_to: ReturnTo,
    pub(super) scopes: Scopes,
    pub(super) targets: Vec<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: String,
    pub(super) prompt: Scopes,
    /// In seconds.
    pub(super) max_age: Option<u64>,
    pub(super) login_hint: Option<String>,
    /// `sub` of a valid `id_token_hint`.
    pub(super) hinted_subject: Option<String>,
    /// The whole request for a form's hidden field.
    pub(super) encoded: String,
}

/// How a request that cannot be answered is refused.
pub(super) enum Failure {
    /// To the person, as client or redirect URI are not to be believed (RFC 6749 § 4.1.2.1).
    Page(OAuthError),
    /// To the client.
    Redirect(ReturnTo, OAuthError),
}

impl Provider {
    pub(super) fn read_authorization_request(
        &self,
        encoded: &[u8],
    ) -> Result<AuthorizationRequest, Failure> {
        let parameters = Parameters::parse(encoded);
        let (client_id, client) = self.requesting_client(&parameters).map_err(Failure::Page)?;
        let redirect_uri = parameters.required("redirect_uri").map_err(Failure::Page)?;
        if !self.may_redirect(client.redirect_uris.as_deref(), redirect_uri) {
            return Err(Failure::Page(OAuthError::new(
                ErrorCode::InvalidRequest,
                "redirect_uri is not registered: see redirect_uris in clients.yaml",
            )));
        }
        let state = parameters.values("state").next().map(ToOwned::to_owned);
        let return_to = ReturnTo {
            redirect_uri: redirect_uri.to_owned(),
            state,
        };
        self.read_checked(&parameters, (client_id, client), return_to.clone())
            .map(|request| AuthorizationRequest {
                encoded: URL_SAFE_NO_PAD.encode(encoded),
                ..request
            })
            .map_err(|error| Failure::Redirect(return_to, error))
    }

    fn requesting_client(&self, parameters: &Parameters) -> Result<(String, &Client), OAuthError> {
        let id = parameters.required("client_id")?;
        let client = self.configuration.clients.get(id).ok_or_else(|| {
            OAuthError::new(
                ErrorCode::InvalidRequest,
                format!("there is no client {id} in clients.yaml"),
            )
        })?;
        Ok((id.to_owned(), client))
    }

    /// Exact match with what is registered; without a registration any loopback address and the
    /// public URL's origin.
    pub(crate) fn may_redirect(&self, registered: Option<&[String]>, wanted: &str) -> bool {
        if let Some(registered) = registered {
            return registered.iter().any(|uri| uri == wanted);
        }
        let Ok(uri) = Url::parse(wanted) else {
            return false;
        };
        let public = self.public_url.as_ref();
        matches!(uri.scheme(), "http" | "https")
            && uri.fragment().is_none()
            && (is_loopback(&uri) || public.is_some_and(|own| own.origin() == uri.origin()))
    }

    fn read_checked(
        &self,
        parameters: &Parameters,
        (client_id, client): (String, &Client),
        return_to: ReturnTo,
    ) -> Result<AuthorizationRequest, OAuthError> {
        check_form(parameters)?;
        let scopes = self.grantable(client, parameters.one("scope")?)?;
        let targets = parameters.targets();
        TargetRequest {
            configuration: &self.configuration,
            client,
            modes: &self.modes(),
            issuer: &self.issuer,
            grant_type: GrantType::AuthorizationCode,
            granted: &scopes,
            narrowed: None,
            targets: &targets,
            login_targets: &[],
        }
        .check_login_targets()?;
        Ok(AuthorizationRequest {
            client_id,
            return_to,
            scopes,
            targets,
            nonce: parameters.one("nonce")?.map(ToOwned::to_owned),
            challenge: read_challenge(parameters)?,
            prompt: read_prompt(parameters)?,
            max_age: read_max_age(parameters)?,
            login_hint: parameters.one("login_hint")?.map(ToOwned::to_owned),
            hinted_subject: self.hinted_subject(parameters)?,
            encoded: String::new(),
        })
    }

    /// The scopes that the client may have; the others are left out in silence, and the token
    /// response says so (RFC 6749 § 3.3).
    fn grantable(&self, client: &Client, asked: Option<&str>) -> Result<Scopes, OAuthError> {
        let asked = Scopes::parse(asked.unwrap_or_default());
        let scopes: Scopes = asked
            .iter()
            .filter(|scope| client.scopes.iter().any(|own| own == scope))
            .collect();
        if scopes.is_empty() {
            return Err(OAuthError::new(
                ErrorCode::InvalidScope,
                "the client may have none of these scopes: see scopes in clients.yaml",
            ));
        }
        Ok(scopes)
    }

    /// Age and audience of a hint do not matter (OpenID Connect Core § 3.1.2.1).
    fn hinted_subject(&self, parameters: &Parameters) -> Result<Option<String>, OAuthError> {
        let Some(hint) = parameters.one("id_token_hint")? else {
            return Ok(None);
        };
        let claims = self.keys.claims_of(hint);
        let subject = claims.and_then(|claims| Some(claims.get("sub")?.as_str()?.to_owned()));
        match subject {
            Some(subject) => Ok(Some(subject)),
            None => invalid("id_token_hint is not an ID token of this provider"),
        }
    }
}

fn invalid<T>(reason: &str) -> Result<T, OAuthError> {
    Err(OAuthError::new(ErrorCode::InvalidRequest, reason))
}

fn is_loopback(uri: &Url) -> bool {
    match uri.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn check_form(parameters: &Parameters) -> Result<(), OAuthError> {
    parameters.one("state")?;
    for (name, code) in [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
    ] {
        if parameters.one(name)?.is_some() {
            return Err(OAuthError::new(code, format!("{name} is not supported")));
        }
    }
    if parameters.required("response_type")? != "code" {
        return Err(OAuthError::new(
            ErrorCode::UnsupportedResponseType,
            "response_type must be code",
        ));
    }
    match parameters.one("response_mode")? {
        None | Some("query") => Ok(()),
        Some(_) => invalid("response_mode must be query"),
    }
}

fn read_challenge(parameters: &Parameters) -> Result<String, OAuthError> {
    let challenge = parameters.one("code_challenge")?;
    let method = parameters.one("code_challenge_method")?;
    match (challenge, method) {
        (Some(challenge), Some("S256")) if challenge.len() == 43 => Ok(challenge.to_owned()),
        _ => {
            invalid("PKCE is required: code_challenge of 43 characters, code_challenge_method=S256")
        }
    }
}

fn read_prompt(parameters: &Parameters) -> Result<Scopes, OAuthError> {
    let prompt = Scopes::parse(parameters.one("prompt")?.unwrap_or_default());
    let known = Scopes::parse("none login consent select_account");
    if let Some(unknown) = prompt.first_missing_in(&known) {
        return invalid(&format!("prompt={unknown} is not known"));
    }
    if prompt.contains("none") && prompt.iter().count() > 1 {
        return invalid("prompt=none goes with nothing else");
    }
    Ok(prompt)
}

fn read_max_age(parameters: &Parameters) -> Result<Option<u64>, OAuthError> {
    match parameters.one("max_age")?.map(str::parse) {
        None => Ok(None),
        Some(Ok(seconds)) => Ok(Some(seconds)),
        Some(Err(_)) => invalid("max_age is not a number of seconds"),
    }
}
