//! Both files of a configuration, with a line `---8<---` between them.

use tokenbridge_config::load;

/// Whatever stands in the files: a configuration, or a report that says what is wrong with it.
pub(crate) fn check(data: &[u8]) {
    let border = b"---8<---\n";
    let at = data.windows(border.len()).position(|part| part == border);
    let (routes, settings) = match at {
        Some(at) => (&data[..at], &data[at + border.len()..]),
        None => (data, &b""[..]),
    };
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("routes.yaml", routes), ("settings.yaml", settings)] {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    let environment = |name: &str| (name == "SECRET").then(|| "hunter2-hunter2".to_owned());
    match load(folder.path(), &environment) {
        Ok(loaded) => {
            assert!(!loaded.configuration.listen.is_empty());
            assert!(!format!("{:?}", loaded.configuration).contains("hunter2"));
        }
        Err(report) => {
            assert!(!report.is_empty() && report.has_errors());
            assert!(!report.to_string().contains("hunter2"), "{report}");
        }
    }
}
