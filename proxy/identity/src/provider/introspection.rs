//! Asking the provider about a token that nobody else can read (RFC 7662), once, when it arrives.

use tokenbridge_bridge::service::{TokenFormat, TokenPlan};
use tokenbridge_bridge::token::ServiceToken;
use tokenbridge_bridge::{Secret, UnixTime};

use crate::provider::Provider;
use crate::provider::endpoints::NoAnswer;
use crate::telemetry::Endpoint;
use crate::tokens::response::TokenResponse;
use crate::tokens::{ReadProblem, introspection};

/// What is said where a token cannot be introspected.
pub(crate) const NO_ENDPOINT: &str = "the provider's metadata has no introspection_endpoint";

impl Provider {
    /// Verifies the access token of an answer in the way of its format.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) async fn read(
        &self,
        plan: &TokenPlan,
        response: &TokenResponse,
    ) -> Result<ServiceToken, ReadProblem> {
        match plan.format {
            TokenFormat::Jwt => self.verify_access_token(response).await,
            TokenFormat::Opaque => self.introspect(response).await,
            TokenFormat::Unintrospected => unread(plan, response, self.now()),
        }
    }

    async fn introspect(&self, response: &TokenResponse) -> Result<ServiceToken, ReadProblem> {
        let token = usable(response)?;
        let metadata = self.metadata().await.map_err(ReadProblem::NoKeys)?;
        let url = metadata.introspection.as_ref().ok_or_else(|| {
            ReadProblem::Invalid(format!(
                "{NO_ENDPOINT}, and nobody else can tell for whom an opaque token is"
            ))
        })?;
        let fields = [
            ("token", token.clone()),
            ("token_type_hint", Secret::new("access_token")),
        ];
        let away = |why: &str| ReadProblem::NoKeys(format!("introspection: {why}"));
        let answer = match self.call(Endpoint::Introspection, url, &fields).await {
            Ok(answer) => answer,
            Err(NoAnswer::Unsent(why)) => return Err(away(&why)),
            Err(NoAnswer::Failed(failure)) => return Err(away(failure.as_str())),
        };
        match answer.status {
            200 => {
                let expected = introspection::Expected {
                    issuer: self.issuer(),
                    now: self.now(),
                    expires_in: response.expires_in,
                };
                introspection::read(token, &answer.body, expected).map_err(ReadProblem::Invalid)
            }
            status @ (429 | 500..=599) => Err(away(&format!("status {status}"))),
            status => Err(ReadProblem::Invalid(format!(
                "the introspection endpoint refuses the client: status {status}"
            ))),
        }
    }
}

/// Takes a token that nobody reads for one of the plan's service, as the operator says. Should the
/// service's audience be another one later, it is not sent any more.
fn unread(
    plan: &TokenPlan,
    response: &TokenResponse,
    now: UnixTime,
) -> Result<ServiceToken, ReadProblem> {
    let value = usable(response)?.clone();
    let life = response.expires_in.ok_or_else(|| {
        ReadProblem::Invalid(
            "the answer has no expires_in, and nobody else tells when an opaque token ends".into(),
        )
    })?;
    let audience = plan.audience.as_ref();
    Ok(ServiceToken {
        value,
        audiences: audience
            .map(|policy| policy.expected.clone())
            .into_iter()
            .collect(),
        scopes: response.scopes.clone().unwrap_or_default(),
        issued_at: now,
        expires_at: now.plus(life),
        forced: false,
    })
}

/// The access token of an answer, if it can be used at all.
///
/// # Errors
/// Why it cannot.
pub(super) fn usable(response: &TokenResponse) -> Result<&Secret, ReadProblem> {
    if let Some(problem) = &response.problem {
        return Err(ReadProblem::Invalid(problem.clone()));
    }
    let token = response.access_token.as_ref();
    token.ok_or(ReadProblem::Invalid("there is no access token".into()))
}
