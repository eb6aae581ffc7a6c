//! The demo's own files.

use std::path::Path;

use tokenbridge_config::load;
use tokenbridge_config::store::StoreSettings;

fn nothing(_: &str) -> Option<String> {
    None
}

#[test]
fn the_demo_loads_without_a_word() {
    let loaded =
        load(Path::new("../../conf"), &nothing).unwrap_or_else(|report| panic!("{report}"));
    assert!(loaded.report.is_empty(), "{}", loaded.report);
    assert!(matches!(
        loaded.configuration.store,
        StoreSettings::Memory { .. }
    ));
}
