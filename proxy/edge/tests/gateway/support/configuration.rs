//! A folder with the demo's files, their addresses replaced.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::certificates::Authority;

pub(crate) const ANALYTICS: &str = "https://analytics.example";
pub(crate) const CRUD: &str = "https://crud.example";

/// The files in a folder of their own, and what the gateway's environment holds.
pub(crate) struct ConfigurationFolder {
    folder: TempDir,
    port: u16,
    admin_port: u16,
    public_url: String,
    environment: Vec<(String, String)>,
}

impl ConfigurationFolder {
    /// The demo's files.
    pub(crate) fn demo(issuer: &str, analytics: &str, crud: &str) -> Self {
        Self::copy_of(&repository("conf"), issuer, analytics, crud)
    }

    /// The files of a folder that has the demo's addresses.
    pub(crate) fn copy_of(source: &Path, issuer: &str, analytics: &str, crud: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let mut made = Self {
            folder,
            port: 0,
            admin_port: 0,
            public_url: String::new(),
            environment: Vec::new(),
        };
        copy(source, made.path());
        made.edit("settings.yaml", |text| {
            text.replace("http://localhost:8081", issuer)
        });
        made.edit("routes.yaml", |text| {
            text.replace("http://localhost:8100", analytics)
                .replace("http://localhost:8101", crud)
        });
        made.take_ports();
        made
    }

    /// Other ports than before.
    pub(crate) fn take_ports(&mut self) {
        let (port, admin_port) = two_free_ports();
        let (old_port, old_admin) = match self.port {
            0 => (8080, 9901),
            _ => (self.port, self.admin_port),
        };
        self.edit("settings.yaml", |text| {
            text.replace(
                &format!("localhost:{old_port}"),
                &format!("localhost:{port}"),
            )
            .replace(
                &format!("127.0.0.1:{old_port}"),
                &format!("127.0.0.1:{port}"),
            )
            .replace(
                &format!("127.0.0.1:{old_admin}"),
                &format!("127.0.0.1:{admin_port}"),
            )
        });
        self.port = port;
        self.admin_port = admin_port;
        self.public_url = format!("http://localhost:{port}");
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn public_url(&self) -> &str {
        &self.public_url
    }

    pub(crate) fn admin_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.admin_port)
    }

    /// Rewrites one of the files.
    pub(crate) fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, change(text)).unwrap();
    }

    /// Replaces a text that must be there.
    pub(crate) fn replace(&self, file: &str, from: &str, to: &str) {
        self.edit(file, |text| {
            assert!(
                text.contains(from),
                "{file} does not hold {from:?}:\n{text}"
            );
            text.replace(from, to)
        });
    }

    /// One more listener, with TLS; its port. It shows `first.pem`, or `second.pem` for its hosts.
    pub(crate) fn listen_tls(&self, authority: &Authority) -> u16 {
        let port = free_port();
        authority
            .issue(&["localhost", "a.example"])
            .write(self.path(), "first");
        authority
            .issue(&["b.example", "*.c.example"])
            .write(self.path(), "second");
        let plain = format!("listen: 127.0.0.1:{}", self.port);
        let both = format!(
            "listen:\n  - 127.0.0.1:{}\n  - address: 127.0.0.1:{port}\n    tls:\n      \
             certificates:\n        - {{cert_file: first.pem, key_file: first-key.pem}}\n        \
             - {{cert_file: second.pem, key_file: second-key.pem}}",
            self.port
        );
        self.replace("settings.yaml", &plain, &both);
        port
    }

    /// Adds lines at the end of the settings.
    pub(crate) fn add_settings(&self, lines: &str) {
        self.edit("settings.yaml", |text| format!("{text}\n{lines}\n"));
    }

    /// Takes out every line that holds a text, and puts nothing there.
    pub(crate) fn without_lines(&self, file: &str, holding: &str) {
        self.edit(file, |text| {
            assert!(
                text.contains(holding),
                "{file} does not hold {holding:?}:\n{text}"
            );
            let kept = text.lines().filter(|line| !line.contains(holding));
            kept.flat_map(|line| [line, "\n"]).collect()
        });
    }

    /// A variable of the gateway's environment.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        self.environment.push((name.into(), value.into()));
    }

    pub(crate) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// Keeps sessions in this Redis, under a key made for the folder.
    pub(crate) fn use_redis(&mut self, url: &str) {
        let keys = self.path().join(".keys");
        std::fs::create_dir_all(&keys).unwrap();
        std::fs::write(
            keys.join("demo"),
            "test:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
        )
        .unwrap();
        self.set_variable("STORE", "redis");
        self.set_variable("REDIS_URL", url);
    }
}

/// A place in the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// Checks that a document has the members of the first example of JSON on a page.
pub(crate) fn is_as_on_page(document: &Value, page: &str) {
    let text = std::fs::read_to_string(repository(page)).unwrap();
    let example = text.split("```json\n").nth(1).unwrap();
    let example: Value = serde_json::from_str(example.split("```").next().unwrap()).unwrap();
    let names = |document: &Value| {
        let members = document.as_object().unwrap().iter();
        let names = members.flat_map(|(name, value)| {
            let below = value.as_object().into_iter().flat_map(|below| below.keys());
            // By the names of the configuration.
            let below = below.filter(|_| name != "issuers");
            let below = below.map(|below| format!("{name}.{below}"));
            below.chain([name.clone()]).collect::<Vec<_>>()
        });
        names.collect::<BTreeSet<_>>()
    };
    assert_eq!(names(document), names(&example), "{page}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("idp")).unwrap();
    for file in ["routes.yaml", "settings.yaml"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
    // Only the development provider has files.
    for file in ["idp/settings.yaml", "idp/clients.yaml"] {
        if from.join(file).exists() {
            std::fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> u16 {
    held_port().local_addr().unwrap().port()
}

/// Both are held until both are known, so that they differ.
fn two_free_ports() -> (u16, u16) {
    let (first, second) = (held_port(), held_port());
    let port = |listener: &std::net::TcpListener| listener.local_addr().unwrap().port();
    (port(&first), port(&second))
}

fn held_port() -> std::net::TcpListener {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap()
}
