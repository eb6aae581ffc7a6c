//! Readers of values that name a file, relative to the configuration folder.

use std::path::PathBuf;

use tokenbridge_bridge::Secret;

use super::place::Complaint;
use super::scalar;
use super::section::Item;
use super::text;
use crate::client_key;
use crate::tls_files::{self, TlsFileProblem};

const WHOLE_CERTIFICATES: &str = "name a PEM file with whole certificates";
const RELATIVE: &str =
    "create the file or correct the path; relative paths start from the configuration folder";

/// Where a file with certificates is, once they were read as the start reads them.
pub(crate) fn certificates(item: &Item<'_>) -> Option<PathBuf> {
    let path = pem(item)?.0;
    let read = tls_files::certificates(&path);
    judged(item, read, WHOLE_CERTIFICATES).map(|_| path)
}

/// The certificates of a file as they stand there, once they were read as the start reads them.
pub(crate) fn authorities(item: &Item<'_>) -> Option<String> {
    let (path, text) = pem(item)?;
    let read = tls_files::certificates(&path);
    judged(item, read, WHOLE_CERTIFICATES).map(|_| text.expose().to_owned())
}

/// Where a file with a private key is, once it was read as the start reads it.
pub(crate) fn private_key(item: &Item<'_>) -> Option<PathBuf> {
    let path = pem(item)?.0;
    let read = tls_files::private_key(&path);
    judged(item, read, "name a PEM file with one private key").map(|_| path)
}

/// Where a certificate chain and its key are, of which each was read already.
pub(crate) fn pair(
    chain: (&Item<'_>, PathBuf),
    key: (&Item<'_>, PathBuf),
) -> Option<(PathBuf, PathBuf)> {
    let fix = "name the private key of the first certificate in the chain";
    let certified = judged(key.0, tls_files::pair(&chain.1, &key.1), fix)?;
    let names = tls_files::names(&certified, &chain.1);
    judged(
        chain.0,
        names,
        "name a PEM file with the gateway's own certificate first",
    )?;
    Some((chain.1, key.1))
}

/// A private key that signs client assertions.
pub(crate) fn client_key(item: &Item<'_>) -> Option<Secret> {
    let text = pem(item)?.1;
    if let Err(problem) = client_key::read(&text) {
        let complaint = Complaint::new(problem, client_key::FIX);
        item.at
            .complain(&format!("`{}`", item.written()), complaint);
        return None;
    }
    Some(text)
}

/// Reads the PEM file (RFC 7468) that `item` names.
fn pem(item: &Item<'_>) -> Option<(PathBuf, Secret)> {
    let folder = item.at.reading.sources.folder;
    item.value(|value| {
        let path = folder.join(scalar::text(value)?);
        let text = text::read(&path)
            .map(Secret::new)
            .map_err(|error| Complaint::new(format!("cannot be read: {error}"), RELATIVE))?;
        match text.expose().contains("-----BEGIN ") {
            true => Ok((path, text)),
            false => Err(Complaint::new(
                "is no PEM file",
                "name a file that has a line `-----BEGIN ...-----`",
            )),
        }
    })
}

fn judged<T>(item: &Item<'_>, read: Result<T, TlsFileProblem>, fix: &str) -> Option<T> {
    let complain = |problem: TlsFileProblem| {
        let complaint = Complaint::new(problem.problem, fix);
        item.at
            .complain(&format!("`{}`", item.written()), complaint);
    };
    read.map_err(complain).ok()
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
