//! Which token plans this crate can fulfil.

use tokenbridge_bridge::service::{Strategy, TokenPlan};

/// Why a plan cannot be fulfilled, if it cannot; the gateway then refuses the configuration.
pub fn unsupported(plan: &TokenPlan) -> Option<&'static str> {
    match plan.strategy {
        Strategy::Login | Strategy::Refresh | Strategy::Exchange | Strategy::ClientCredentials => {
            None
        }
        Strategy::Authorize => {
            Some("strategy authorize is not supported; set login, refresh or exchange")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenbridge_bridge::service::{Mint, ServiceName, TargetParameter, TokenFormat};

    #[test]
    fn what_cannot_be_done_is_said_and_not_passed_over() {
        use Strategy as S;
        use TokenFormat::{Jwt, Opaque};
        for (strategy, format, supported) in [
            (S::Login, Jwt, true),
            (S::Refresh, Jwt, true),
            (S::Exchange, Jwt, true),
            (S::Authorize, Jwt, false),
            (S::ClientCredentials, Jwt, true),
            (S::Refresh, Opaque, true),
        ] {
            let plan = TokenPlan {
                service: ServiceName::new("a"),
                strategy,
                target_parameter: TargetParameter::Resource,
                target_value: None,
                scopes: Vec::new(),
                audience: None,
                format,
                mint: Mint::Login,
            };
            assert_eq!(
                unsupported(&plan).is_none(),
                supported,
                "{strategy:?} {format:?}"
            );
        }
    }
}
