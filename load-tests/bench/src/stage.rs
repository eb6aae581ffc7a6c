//! What stands around the programs that are measured: provider, backend, store, certificate, and
//! users who have logged in.

use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;
use tokenbridge_devkit::browser::BrowserRequest;
use tokenbridge_devkit::{BrowserSession, DevelopmentProvider, IdpConfiguration, ProviderOptions};
use tokio::runtime::Runtime;

use crate::backend::Backend;
use crate::redis::Redis;
use crate::{Outcome, certificate, tls_front};

/// The development provider's users.
pub(crate) const USERS: [(&str, &str); 2] = [("alice", "wonderland"), ("bob", "builder")];

/// What stands around the programs that are measured.
pub struct Stage {
    /// Ends with the run.
    pub folder: TempDir,
    /// The upstream.
    pub backend: Backend,
    /// The store.
    pub redis: Redis,
    provider: DevelopmentProvider,
    /// The provider over TLS.
    tls_front: SocketAddr,
    runtime: Runtime,
}

/// What a user who has logged in sends.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Whose it is.
    pub user: &'static str,
    /// The session cookie, name and value.
    pub cookie: String,
    /// The proof for requests that change something.
    pub csrf: String,
}

impl Stage {
    /// Starts everything on free ports of this machine.
    ///
    /// # Errors
    /// Something does not start.
    pub fn set() -> Outcome<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = TempDir::new()?;
        certificate::write(folder.path())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("provider")
            .enable_all()
            .build()?;
        let mut configuration = IdpConfiguration::demo()?;
        // Longer than any run: a renewal in one row would not be in another.
        configuration.token.access_token_lifetime = Some("8h".parse()?);
        let provider = runtime.block_on(DevelopmentProvider::start(ProviderOptions::new(
            configuration,
        )))?;
        let tls_front = runtime.block_on(tls_front::start(folder.path(), provider.address()))?;
        Ok(Self {
            backend: Backend::start()?,
            redis: Redis::start(folder.path())?,
            folder,
            provider,
            tls_front,
            runtime,
        })
    }

    /// Where files of this run are.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The provider's issuer.
    pub fn issuer(&self) -> &str {
        self.provider.issuer()
    }

    /// The provider's address over TLS. Its issuer is [`Self::issuer`] there as well.
    pub fn secure_issuer(&self) -> String {
        format!("https://localhost:{}", self.tls_front.port())
    }

    /// Waits for something on the provider's thread pool.
    pub fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// Logs users in at a gateway, one session for each.
    ///
    /// # Errors
    /// A login fails.
    pub fn log_in(&self, gateway: &str, sessions: usize) -> Outcome<Vec<Ticket>> {
        let users = USERS.iter().cycle().take(sessions);
        users
            .map(|(user, password)| self.runtime.block_on(log_in(gateway, user, password)))
            .collect()
    }
}

impl Stage {
    /// Logs users in at another gateway that sends browsers to this run's provider.
    ///
    /// # Errors
    /// A login fails.
    pub fn log_in_elsewhere(&self, url: &str, sessions: usize) -> Outcome<Vec<Ticket>> {
        let users = USERS.iter().cycle().take(sessions);
        users
            .map(|user| self.runtime.block_on(self.log_in_there(url, *user)))
            .collect()
    }

    async fn log_in_there(&self, url: &str, user: (&'static str, &'static str)) -> Outcome<Ticket> {
        let browser = BrowserSession::new()?;
        let page = browser.open(&format!("{url}/api/small")).await?;
        let leads = page.header("location").ok_or("no login is offered")?;
        // A browser of ours knows no certificate of this run.
        let leads = leads.replace(&self.secure_issuer(), self.issuer());
        let page = browser.navigate(&leads).await?;
        let page = browser.pass_forms(page, url, user).await?;
        if page.status != 200 {
            return Err(format!("the login as {} ended with {}", user.0, page.status).into());
        }
        let cookies = browser.cookies(url).into_iter();
        let cookies: Vec<String> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Ok(Ticket {
            user: user.0,
            cookie: cookies.join("; "),
            csrf: String::new(),
        })
    }
}

async fn log_in(gateway: &str, user: &'static str, password: &str) -> Outcome<Ticket> {
    let browser = BrowserSession::new()?;
    let page = browser.login(gateway, user, password).await?;
    let cookie = browser.cookie(gateway, "bff_session");
    let cookie = cookie.ok_or_else(|| {
        format!(
            "the login as {user} gave no session; it ended with {}",
            page.status
        )
    })?;
    let page = browser
        .fetch(BrowserRequest::get(format!("{gateway}/auth/csrf")))
        .await?;
    let told: serde_json::Value = page.json()?;
    let csrf = told.get("csrf_token").and_then(|token| token.as_str());
    Ok(Ticket {
        user,
        cookie: format!("bff_session={cookie}"),
        csrf: csrf.ok_or("no csrf token")?.to_owned(),
    })
}
