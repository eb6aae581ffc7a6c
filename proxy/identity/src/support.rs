//! Which token plans this crate can fulfil.

use tokenbridge_bridge::service::{Strategy, TokenFormat, TokenPlan};

/// Why a plan cannot be fulfilled, if it cannot; the gateway then refuses the configuration.
pub fn unsupported(plan: &TokenPlan) -> Option<&'static str> {
    match plan.format {
        TokenFormat::Jwt => {}
        TokenFormat::Opaque => return Some("token_format opaque is not supported; use jwt"),
    }
    match plan.strategy {
        Strategy::Login | Strategy::Refresh => None,
        Strategy::Exchange => Some("strategy exchange is not supported; set login or refresh"),
        Strategy::Authorize => Some("strategy authorize is not supported; set login or refresh"),
        Strategy::ClientCredentials => {
            Some("strategy client_credentials is not supported; set login or refresh")
        }
    }
}
