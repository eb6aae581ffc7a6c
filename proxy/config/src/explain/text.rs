//! The explanation for people: one fact a line, without a last newline.

use std::fmt;

use super::{Candidate, ExplainedRoute, ExplainedToken, Explanation, Outcome};

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.method, self.target)?;
        match &self.outcome {
            Outcome::Route(route) => route.fmt(out),
            Outcome::Gateway => line(
                out,
                "answer",
                "by the gateway itself: this is no path of a route",
            ),
            Outcome::RouteNotFound { closest } => {
                line(
                    out,
                    "answer",
                    "404 ROUTE_NOT_FOUND: no path of a route matches",
                )?;
                candidates(out, "closest", closest)
            }
            Outcome::MethodNotAllowed { allowed, routes } => {
                line(
                    out,
                    "answer",
                    "405 METHOD_NOT_ALLOWED: the path matches, but not for this method",
                )?;
                candidates(out, "route", routes)?;
                line(out, "allowed", &allowed.join(", "))
            }
            Outcome::MethodUnknown { reason } => {
                line(out, "answer", &format!("refused: the method {reason}"))
            }
            Outcome::TargetRefused { reason } => line(
                out,
                "answer",
                &format!("400 TARGET_INVALID: the path {reason}"),
            ),
        }
    }
}

impl fmt::Display for ExplainedRoute {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(out, "route", &format!("{} ({})", self.route, self.place))?;
        line(out, "path", &self.path)?;
        line(out, "service", &self.service)?;
        line(out, "upstream", &self.upstream_url)?;
        line(out, "auth", self.auth)?;
        match &self.token {
            Some(token) => token.fmt(out),
            None => line(out, "token", "none is sent"),
        }
    }
}

impl fmt::Display for ExplainedToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let audience = match (&self.audience, self.audience_check) {
            (Some(audience), Some(check)) => format!("{audience} (audience_check {check})"),
            _ => "none: 401 NO_TOKEN_AVAILABLE; add the service to service_audiences".to_owned(),
        };
        line(out, "audience", &audience)?;
        line(
            out,
            "strategy",
            &format!("{} ({})", self.strategy, self.chosen_by),
        )?;
        let asked: Vec<String> = self
            .asks
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let asked = match asked.is_empty() {
            true => "nothing more: the token of the login itself".to_owned(),
            false => asked.join(" "),
        };
        line(out, "asks for", &asked)?;
        if self.scopes.is_empty() {
            line(out, "scopes", "those of the login")?;
        }
        line(
            out,
            "token",
            &format!("{}, minted at {}", self.format, self.mint.replace('_', " ")),
        )
    }
}

fn candidates(out: &mut fmt::Formatter<'_>, name: &str, list: &[Candidate]) -> fmt::Result {
    for candidate in list {
        line(
            out,
            name,
            &format!("{} ({})", candidate.path, candidate.route),
        )?;
    }
    Ok(())
}

fn line(out: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    write!(out, "\n  {name:<10}{value}")
}
