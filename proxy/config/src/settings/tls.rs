//! `listen[].tls` and `hsts`.

use std::time::Duration;

use crate::listen::{CertificateFiles, Hsts};
use crate::reading::section::Section;
use crate::reading::{file, scalar};

/// Reads the certificates of a listener: one beside `tls`, or a list for several hosts.
pub(crate) fn read(tls: &Section<'_>) -> Option<Vec<CertificateFiles>> {
    let items = tls.list("certificates");
    let own = [tls.get("cert_file"), tls.get("key_file")];
    let mut read = Vec::new();
    if items.is_empty() || own.iter().any(Option::is_some) {
        read.push(pair(tls));
    }
    for item in items {
        read.push(item.section().and_then(|section| pair(&section)));
    }
    read.into_iter().collect()
}

fn pair(section: &Section<'_>) -> Option<CertificateFiles> {
    let chain = section
        .require("cert_file", "add the certificate chain, PEM")
        .and_then(|item| Some((file::certificates(&item)?, item)));
    let key = section
        .require("key_file", "add the certificate's private key, PEM")
        .and_then(|item| Some((file::private_key(&item)?, item)));
    let ((chain, chain_item), (key, key_item)) = chain.zip(key)?;
    let (cert_file, key_file) = file::pair((&chain_item, chain), (&key_item, key))?;
    Some(CertificateFiles {
        cert_file,
        key_file,
    })
}

const HSTS: Hsts = Hsts {
    max_age: Duration::from_secs(31_536_000),
    include_subdomains: false,
    preload: false,
};

/// Reads `hsts`. It is sent where the public URL is https.
pub(crate) fn read_hsts(root: &Section<'_>) -> Hsts {
    let Some(section) = root.section("hsts") else {
        return HSTS;
    };
    let hsts = Hsts {
        max_age: section.value_or("max_age", scalar::duration_or_zero, HSTS.max_age),
        include_subdomains: section.value_or("include_subdomains", scalar::boolean, false),
        preload: section.value_or("preload", scalar::boolean, false),
    };
    // The conditions of hstspreload.org: a browser's list takes nothing less.
    if hsts.preload && !(hsts.include_subdomains && hsts.max_age >= HSTS.max_age) {
        section.at.error(
            "asks for preload without what preload needs",
            "write include_subdomains: true and a max_age of at least 365d, or remove preload",
        );
    }
    hsts
}
