//! Holds docs/configuration.md against the code: the same keys, examples that load, true presets.

mod defaults;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use crate::issuer::RefreshRetry;
use crate::load::read_folder;
use crate::preset::Preset;
use crate::reading::place::Reading;
use crate::reading::substitution::Sources;

const PAGE: &str = include_str!("../../../docs/configuration.md");

/// Certificates and keys that the examples name, the same for each folder of examples.
static PEM_FILES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let names = ["internal-ca", "gateway", "public", "other", "client"];
    let files = names.into_iter().flat_map(|name| {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let certificate = (format!("{name}.pem"), made.cert.pem());
        let key = made.signing_key.serialize_pem();
        [certificate, (format!("{name}-key.pem"), key)]
    });
    files.collect()
});

/// The page's two examples with every key, written into a folder with the files that they name.
fn example() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let blocks: Vec<&str> = PAGE
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let [routes, settings] = blocks[..] else {
        panic!("the page has {} examples", blocks.len())
    };
    std::fs::write(folder.path().join("routes.yaml"), routes).unwrap();
    std::fs::write(folder.path().join("settings.yaml"), settings).unwrap();
    let tls = folder.path().join("tls");
    std::fs::create_dir(&tls).unwrap();
    for (name, text) in PEM_FILES.iter() {
        std::fs::write(tls.join(name), text).unwrap();
    }
    std::fs::write(
        tls.join("session-key"),
        "k1:wM/qoJBfvklnUovwZKvydMVTnYEEV6krjot/9eycz3A=\n",
    )
    .unwrap();
    folder
}

/// Every key that the readers ask for when every section is there.
fn known_keys(folder: &Path) -> BTreeSet<String> {
    let sources = Sources {
        folder,
        environment: &|_| None,
    };
    let reading = Reading {
        sources,
        found: RefCell::default(),
    };
    assert!(read_folder(&reading, folder).is_some());
    let found = reading.found.into_inner();
    assert_eq!(found.problems, []);
    found.known
}

/// Every key that is the first cell of a row or a heading.
fn documented_keys() -> BTreeSet<String> {
    let rows = PAGE
        .lines()
        .filter(|line| line.starts_with("| `") || line.starts_with("### `"));
    let keys = rows.filter_map(|line| line.split('`').nth(1));
    let command = |key: &&str| key.starts_with("tokenbridge ");
    let word = |key: &&str| {
        Preset::ALL.iter().any(|preset| preset.as_str() == *key)
            || crate::settings::auth::STRATEGIES
                .iter()
                .any(|(name, _)| name == key)
    };
    keys.filter(|key| !command(key) && !word(key))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_page_has_every_key_and_no_other() {
    let folder = example();
    assert_eq!(known_keys(folder.path()), documented_keys());
}

#[test]
fn the_pages_examples_load_without_a_word() {
    let folder = example();
    let loaded = crate::load(folder.path(), &|_| None).unwrap_or_else(|report| panic!("{report}"));
    assert!(loaded.report.is_empty(), "{}", loaded.report);
}

#[test]
fn the_page_tells_the_truth_about_presets() {
    for preset in Preset::ALL {
        let strategy = preset.strategy();
        let parameter = preset.target_parameter(strategy);
        let target = parameter
            .as_str()
            .zip(preset.target_value(parameter))
            .unwrap();
        let retry = match preset.refresh_retry() {
            RefreshRetry::Never => "never".to_owned(),
            RefreshRetry::Safe => "safe".to_owned(),
            RefreshRetry::Within(time) => format!("{}s", time.as_secs()),
        };
        let resource = if preset.resources_at_login() {
            "yes"
        } else {
            "no"
        };
        let row = format!(
            "| `{preset}` | `{}` | `{}={}` | `{retry}` | {resource} |",
            strategy.as_str(),
            target.0,
            target.1
        );
        assert!(PAGE.lines().any(|line| line == row), "{row}");
    }
    assert_eq!(
        Preset::Okta.refresh_retry(),
        RefreshRetry::Within(Duration::from_secs(30))
    );
}

#[test]
fn the_pages_defaults_are_the_codes() {
    let example = example();
    let page = crate::load(example.path(), &|_| None)
        .unwrap()
        .configuration;
    let code = crate::load(Path::new("tests/seed"), &|_| None)
        .unwrap()
        .configuration;
    assert_eq!(page.limits, code.limits);
    assert_eq!(page.hsts, code.hsts);
    assert_eq!(page.rate_limits.login, code.rate_limits.login);
    assert_eq!(page.rate_limits.callback, code.rate_limits.callback);
    assert_eq!(
        (page.logging, page.runtime, page.drain),
        (code.logging, code.runtime, code.drain)
    );
    assert_eq!(
        (page.admin, page.listen.first()),
        (code.admin, code.listen.first())
    );
    assert_eq!(page.frontend.session, code.frontend.session);
    assert_eq!(page.frontend.cookie_name, code.frontend.cookie_name);
    assert_eq!(page.frontend.csrf, code.frontend.csrf);
    let timeouts =
        |configuration: &crate::Configuration| configuration.frontend.services[0].timeouts;
    assert_eq!(timeouts(&page), timeouts(&code));
    let plan = |configuration: &crate::Configuration| {
        let plan = &configuration.frontend.services[0].token;
        (plan.strategy, plan.target_parameter, plan.format, plan.mint)
    };
    assert_eq!(plan(&page), plan(&code));
}
