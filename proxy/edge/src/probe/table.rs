//! The report of a probe, for people.

use tokenbridge_identity::probe::{Probed, RefreshTokenUse, Report, Verdict};

const HEAD: [&str; 8] = [
    "service",
    "strategy",
    "asked",
    "aud",
    "scope",
    "life",
    "refresh token",
    "verdict",
];

/// The report as text: a table, and below it what is wrong and what to look at.
pub(crate) fn print(report: &Report) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(report.services.iter().map(row));
    let mut widths = [0; HEAD.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    if !report.services.is_empty() {
        for row in &rows {
            let cells = row.iter().zip(widths);
            let padded = cells.map(|(cell, width)| format!("{cell:width$}"));
            let line = padded.collect::<Vec<_>>().join("  ");
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    for probed in &report.services {
        text.push_str(&explanation(probed));
    }
    if let Some(problem) = &report.problem {
        text.push_str(&format!("{problem}\n"));
    }
    text
}

fn row(probed: &Probed) -> [String; HEAD.len()] {
    let life = probed.life.map(|life| format!("{life}s"));
    [
        probed.service.clone(),
        probed.strategy.clone(),
        probed.asked.clone(),
        or_none(&probed.audiences, " "),
        or_none(&probed.scopes, " "),
        life.unwrap_or_else(|| "-".into()),
        match probed.refresh_token {
            RefreshTokenUse::Rotated => "rotated",
            RefreshTokenUse::Kept => "kept",
            RefreshTokenUse::None => "-",
        }
        .into(),
        match probed.verdict {
            Verdict::Ok => "ok".into(),
            Verdict::Wrong => probed.reason.clone().unwrap_or_else(|| "wrong".into()),
            Verdict::Skipped => "skipped".into(),
        },
    ]
}

fn or_none(values: &[String], between: &str) -> String {
    match values.is_empty() {
        true => "-".into(),
        false => values.join(between),
    }
}

fn explanation(probed: &Probed) -> String {
    let service = &probed.service;
    match probed.verdict {
        Verdict::Ok => String::new(),
        Verdict::Skipped => format!("\n{service}: {}\n", probed.detail),
        Verdict::Wrong => format!(
            "\n{service}: expected {}; {}\n  hint: {}\n",
            probed.expected, probed.detail, probed.hint
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_stands_below_the_table() {
        let good = Probed {
            service: "a".into(),
            strategy: "refresh".into(),
            asked: "resource=https://a.example".into(),
            expected: "https://a.example".into(),
            audiences: vec!["https://a.example".into()],
            scopes: vec!["x".into(), "y".into()],
            life: Some(300),
            refresh_token: RefreshTokenUse::Rotated,
            verdict: Verdict::Ok,
            reason: None,
            detail: String::new(),
            hint: String::new(),
        };
        let wrong = Probed {
            service: "longer-name".into(),
            audiences: Vec::new(),
            life: None,
            verdict: Verdict::Wrong,
            reason: Some("invalid_target".into()),
            detail: "the provider answered invalid_target".into(),
            hint: "look there".into(),
            ..good.clone()
        };
        let report = Report {
            problem: None,
            services: vec![good, wrong],
        };
        let text = print(&report);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("a            refresh"), "{text}");
        assert!(
            lines[1].ends_with("x y    300s  rotated        ok"),
            "{text}"
        );
        assert!(lines[2].ends_with("invalid_target"), "{text}");
        assert_eq!(
            lines[4],
            "longer-name: expected https://a.example; the provider answered invalid_target"
        );
        assert_eq!(lines[5], "  hint: look there");
    }
}
