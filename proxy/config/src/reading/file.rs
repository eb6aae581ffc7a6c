//! Readers of values that name a file, relative to the configuration folder.

use std::path::PathBuf;

use tokenbridge_bridge::Secret;

use super::place::Complaint;
use super::scalar;
use super::section::Item;
use super::text;

/// A PEM file (RFC 7468): where it is, and what is in it.
pub(crate) struct PemFile {
    pub(crate) path: PathBuf,
    pub(crate) text: Secret,
}

/// Reads the PEM file that `item` names.
pub(crate) fn pem(item: &Item<'_>) -> Option<PemFile> {
    let folder = item.at.reading.sources.folder;
    item.value(|value| {
        let path = folder.join(scalar::text(value)?);
        let text = text::read(&path).map(Secret::new).map_err(|error| {
            let fix = "create the file or correct the path; relative paths start from the configuration folder";
            Complaint::new(format!("cannot be read: {error}"), fix)
        })?;
        match text.expose().contains("-----BEGIN ") {
            true => Ok(PemFile { path, text }),
            false => Err(Complaint::new("is no PEM file", "name a file that has a line `-----BEGIN ...-----`")),
        }
    })
}

/// Where a file with a JWT is (RFC 7515 § 3.1). It is read again whenever it is used, so that it is
/// missing now fails `check` alone.
pub(crate) fn jwt(item: &Item<'_>) -> Option<PathBuf> {
    let folder = item.at.reading.sources.folder;
    let path = folder.join(item.value(scalar::text)?);
    let problem = match text::read(&path).map(Secret::new) {
        Ok(text) if text.expose().trim().split('.').count() == 3 => return Some(path),
        Ok(_) => "holds no JWT".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
    };
    item.at.fail_check(
        format!("`{}` {problem}", item.written()),
        "let the platform write the workload's token there, or correct the path; relative paths start from the configuration folder",
    );
    Some(path)
}
