//! Services of strategy `login` share one token: the login's own.

use tokenbridge_bridge::service::{Audience, Strategy, TokenFormat, TokenPlan};

use crate::routes::service::ServiceDraft;

/// Checks that what is said of that token by one service is what the first one says.
pub(super) fn check(drafts: &[ServiceDraft<'_>], plans: &[TokenPlan]) {
    let mut sharing = drafts
        .iter()
        .zip(plans)
        .filter(|(_, plan)| plan.strategy == Strategy::Login);
    let Some((_, first)) = sharing.next() else {
        return;
    };
    for (draft, plan) in sharing {
        let unread = plan.format == TokenFormat::Unintrospected;
        let read_alone = [plan.format, first.format].contains(&TokenFormat::Jwt);
        let key = if read_alone {
            "token_format"
        } else {
            "introspect"
        };
        if plan.format != first.format {
            draft.at.below_key(key).error(
                format!(
                    "is not what `{}` has, and both get the login's own token",
                    first.service
                ),
                "give all services of strategy login the same token_format and introspect",
            );
        } else if unread && expected(plan) != expected(first) {
            draft.at.below_key("introspect").error(
                format!(
                    "is false, so nobody knows that the login's own token is for this service and for `{}`",
                    first.service
                ),
                "let the provider introspect, or give all services of strategy login the same audience",
            );
        }
    }
}

fn expected(plan: &TokenPlan) -> Option<&Audience> {
    plan.audience.as_ref().map(|policy| &policy.expected)
}
