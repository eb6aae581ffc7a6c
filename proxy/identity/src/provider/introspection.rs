//! Asking the provider about a token that nobody else can read (RFC 7662), once, when it arrives.

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::service::TokenFormat;
use tokenbridge_bridge::token::ServiceToken;

use crate::provider::Provider;
use crate::provider::endpoints::NoAnswer;
use crate::telemetry::Endpoint;
use crate::tokens::response::TokenResponse;
use crate::tokens::{ReadProblem, introspection};

impl Provider {
    /// Verifies the access token of an answer in the way of its format.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) async fn read(
        &self,
        format: TokenFormat,
        response: &TokenResponse,
    ) -> Result<ServiceToken, ReadProblem> {
        match format {
            TokenFormat::Jwt => self.verify_access_token(response).await,
            TokenFormat::Opaque => self.introspect(response).await,
        }
    }

    async fn introspect(&self, response: &TokenResponse) -> Result<ServiceToken, ReadProblem> {
        let token = usable(response)?;
        let metadata = self.metadata().await.map_err(ReadProblem::NoKeys)?;
        let url = metadata.introspection.as_ref().ok_or_else(|| {
            ReadProblem::Invalid(
                "the provider's metadata has no introspection_endpoint, and nobody else can tell \
                 for whom an opaque token is"
                    .into(),
            )
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
