//! The fuzz targets' checks as property tests, on the stable toolchain: random bytes, and texts
//! put together from what matters to each reader. The fuzz targets themselves are in proxy/fuzz.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]

#[path = "../../../fuzz/entry_points/configuration.rs"]
mod configuration;
#[path = "../../../fuzz/entry_points/cookie_header.rs"]
mod cookie_header;
#[path = "../../../fuzz/entry_points/request_target.rs"]
mod request_target;
#[path = "../../../fuzz/entry_points/return_to.rs"]
mod return_to;
#[path = "../../../fuzz/entry_points/route_pattern.rs"]
mod route_pattern;
#[path = "../../../fuzz/entry_points/token_response.rs"]
mod token_response;
mod words;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Texts made of words, and now and then of anything.
fn texts(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        9 => select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    prop_oneof![
        4 => vec(word, 0..24).prop_map(|words| words.concat()),
        1 => vec(any::<u8>(), 0..200),
    ]
}

/// The same behind a slash, as most that is accepted begins.
fn paths(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    texts(words).prop_map(|text| [b"/", &*text].concat())
}

/// A pattern, a template and requests that have parts of the pattern in them.
fn routes() -> impl Strategy<Value = Vec<u8>> {
    let segments = |of: &'static [&'static str]| {
        let path = vec(select(of), 1..4).prop_map(|segments| format!("/{}", segments.join("/")));
        prop_oneof![6 => path, 1 => texts(words::PATTERN).prop_map(|text| String::from_utf8_lossy(&text).into_owned())]
    };
    let pattern = segments(&["a", "b", "{id}", "{x}", "*", "a.b"]);
    let template = segments(&["a", "v1", "{id}", "{x}", "{path}", "c%20d", ".."]);
    let request = segments(&[
        "a", "b", "c", "a.b", "%41", "c%20d", "..", "%2e%2e", "x?y=z", "",
    ]);
    (pattern, template, vec(request, 1..4)).prop_map(|(pattern, template, requests)| {
        format!("{pattern}\n{template}\n{}", requests.join("\n")).into_bytes()
    })
}

/// A token endpoint's answer with some members right, some wrong and some missing.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let name = select(words::MEMBERS);
    let value = select(words::VALUES);
    let members = vec((name, value), 0..7).prop_map(|members| {
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    });
    (any::<u8>(), members).prop_map(|(status, text)| [&[status], text.as_bytes()].concat())
}

/// A text that is right, with some of its bytes replaced and a part of it doubled or cut out.
fn mutations(seed: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let length = seed.len();
    let replaced = vec((0..length, any::<u8>()), 0..4);
    (replaced, 0..length, 0..40_usize, any::<bool>()).prop_map(
        move |(replaced, at, part, twice)| {
            let mut text = seed.as_bytes().to_vec();
            for (at, byte) in replaced {
                text[at] = byte;
            }
            let end = (at + part).min(text.len());
            let piece: Vec<u8> = match twice {
                true => [&text[at..end], &text[at..end]].concat(),
                false => Vec::new(),
            };
            text.splice(at..end, piece);
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_request_target_has_one_reading_or_none(data in prop_oneof![1 => texts(words::TARGET), 4 => paths(words::TARGET)]) {
        request_target::check(&data);
    }

    #[test]
    fn none_of_our_cookies_is_passed_on(data in texts(words::COOKIE)) {
        cookie_header::check(&data);
    }

    #[test]
    fn a_login_returns_to_our_own_origin(data in prop_oneof![1 => texts(words::RETURN_TO), 4 => paths(words::RETURN_TO)]) {
        return_to::check(&data);
    }

    #[test]
    fn what_matches_stays_below_where_its_route_leads(data in routes()) {
        route_pattern::check(&data);
    }

    #[test]
    fn a_refresh_token_that_came_along_is_kept_and_never_shown(data in prop_oneof![1 => texts(words::YAML), 6 => answers()]) {
        token_response::check(&data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn files_make_a_configuration_or_a_report(data in mutations(words::CONFIGURATION)) {
        configuration::check(&data);
    }

    #[test]
    fn any_files_make_a_configuration_or_a_report(data in texts(words::YAML)) {
        configuration::check(&data);
    }
}

/// The seeds are good ones: what is mutated is no nonsense to begin with.
#[test]
fn the_configuration_that_is_mutated_loads() {
    let folder = tempfile::tempdir().unwrap();
    let (routes, settings) = words::CONFIGURATION.split_once("---8<---\n").unwrap();
    std::fs::write(folder.path().join("routes.yaml"), routes).unwrap();
    std::fs::write(folder.path().join("settings.yaml"), settings).unwrap();
    let secret = |_: &str| Some("hunter2-hunter2".to_owned());
    let loaded = tokenbridge_config::load(folder.path(), &secret);
    assert!(
        loaded
            .unwrap_or_else(|report| panic!("{report}"))
            .report
            .is_empty()
    );
}
