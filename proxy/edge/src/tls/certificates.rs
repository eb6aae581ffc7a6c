//! The certificates of one listener. A client gets the one for the host that it names (SNI);
//! what is shown can be replaced while it is used.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokenbridge_config::listen::CertificateFiles;
use tokenbridge_config::tls_files::{self, TlsFileProblem};

/// The certificates of one listener.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: Vec<CertificateFiles>,
    shown: ArcSwap<Shown>,
}

#[derive(Debug)]
struct Shown {
    /// For clients that name no host, or one that no certificate is for.
    first: Arc<CertifiedKey>,
    /// By name in lower case; `*.example` as it stands in the certificate.
    by_name: HashMap<String, Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub(crate) fn open(files: Vec<CertificateFiles>) -> Result<Self, TlsFileProblem> {
        let shown = ArcSwap::from_pointee(Shown::read(&files)?);
        Ok(Self { files, shown })
    }

    /// Where they are read from.
    pub(crate) fn files(&self) -> &[CertificateFiles] {
        &self.files
    }

    /// Reads the files again. What was shown before stays where one of them cannot be used.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub(crate) fn read_again(&self) -> Result<(), TlsFileProblem> {
        self.shown.store(Arc::new(Shown::read(&self.files)?));
        Ok(())
    }

    fn for_host(&self, host: Option<&str>) -> Arc<CertifiedKey> {
        let shown = self.shown.load();
        let named = host.and_then(|host| {
            let host = host.to_ascii_lowercase();
            let one_label_up = host
                .split_once('.')
                .map(|(_, parent)| format!("*.{parent}"));
            let exact = shown.by_name.get(&host);
            exact.or_else(|| shown.by_name.get(&one_label_up?))
        });
        named.unwrap_or(&shown.first).clone()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.for_host(hello.server_name()))
    }
}

impl Shown {
    fn read(files: &[CertificateFiles]) -> Result<Self, TlsFileProblem> {
        let mut first = None;
        let mut by_name = HashMap::new();
        for pair in files {
            let key = Arc::new(tls_files::pair(&pair.cert_file, &pair.key_file)?);
            for name in tls_files::names(&key, &pair.cert_file)? {
                // Two for one name: the one that is written first.
                by_name.entry(name).or_insert_with(|| key.clone());
            }
            first.get_or_insert(key);
        }
        match first {
            Some(first) => Ok(Self { first, by_name }),
            None => Err(TlsFileProblem::new("".as_ref(), "no certificate is named")),
        }
    }
}
