//! Reading a file: a pipe or a device would be waited for, a folder has no text.

use std::io::{Error, Result};
use std::path::Path;

/// Far more than any file that is read here has.
const MOST_BYTES: u64 = 16 << 20;

/// The text of a regular file, or of one that a link leads to.
///
/// # Errors
/// It cannot be read, or is no file.
pub(crate) fn read(path: &Path) -> Result<String> {
    let file = std::fs::metadata(path)?;
    if file.is_dir() {
        return Err(Error::other("it is a folder"));
    }
    if !file.is_file() {
        return Err(Error::other("it is a pipe or a device, not a file"));
    }
    if file.len() > MOST_BYTES {
        return Err(Error::other("it is larger than 16 MiB"));
    }
    std::fs::read_to_string(path)
}
