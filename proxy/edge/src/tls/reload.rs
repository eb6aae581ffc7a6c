//! Reads certificates again when their files change, so that a renewed one needs no restart.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::server::ShutdownWatch;
use pingora_core::services::background::BackgroundService;

use super::Certificates;
use crate::metrics::Metrics;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The background service.
pub(crate) struct Reloader {
    watched: Vec<Arc<Certificates>>,
    metrics: Arc<Metrics>,
}

impl Reloader {
    /// Watches the files of these certificates.
    pub(crate) fn new(watched: &[Arc<Certificates>], metrics: Arc<Metrics>) -> Self {
        Self {
            watched: watched.to_vec(),
            metrics,
        }
    }
}

#[async_trait]
impl BackgroundService for Reloader {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let mut followed: Vec<Followed> = self.watched.iter().cloned().map(Followed::new).collect();
        loop {
            tokio::select! {
                _ = shutdown.changed() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            for one in &mut followed {
                one.look(&self.metrics);
            }
        }
    }
}

/// What tells one state of a file from another. A replaced symbolic link counts: links are
/// followed.
type Fingerprint = Vec<Option<(u64, u64, i64, i64, u64)>>;

/// The files of one listener.
struct Followed {
    certificates: Arc<Certificates>,
    /// The state that is shown, or that was tried in vain.
    tried: Fingerprint,
    /// The state at the last look.
    seen: Fingerprint,
}

impl Followed {
    fn new(certificates: Arc<Certificates>) -> Self {
        let now = fingerprint(&certificates);
        Self {
            certificates,
            tried: now.clone(),
            seen: now,
        }
    }

    /// Reads the files again once they have changed and stand still: a certificate and its key
    /// are written one after the other.
    fn look(&mut self, metrics: &Metrics) {
        let now = fingerprint(&self.certificates);
        let still = std::mem::replace(&mut self.seen, now.clone()) == now;
        if !still || now == self.tried {
            return;
        }
        self.tried = now;
        match self.certificates.read_again() {
            Ok(()) => {
                metrics.connections.certificate_reload("ok");
                tracing::info!(target: "tokenbridge", "changed certificates are shown from now on");
            }
            Err(problem) => {
                metrics.connections.certificate_reload("failed");
                tracing::error!(target: "tokenbridge", "changed certificates cannot be used, those before are still shown: {problem}");
            }
        }
    }
}

fn fingerprint(certificates: &Certificates) -> Fingerprint {
    let files = certificates.files().iter();
    files
        .flat_map(|pair| [&*pair.cert_file, &*pair.key_file])
        .map(state)
        .collect()
}

fn state(path: &Path) -> Option<(u64, u64, i64, i64, u64)> {
    let found = fs::metadata(path).ok()?;
    Some((
        found.dev(),
        found.ino(),
        found.mtime(),
        found.mtime_nsec(),
        found.size(),
    ))
}
