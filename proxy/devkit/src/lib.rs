//! devkit: what tokenbridge is tried with. For development only.
//!
//! | module | what is there |
//! |---|---|
//! | [`provider`] | an OpenID provider over HTTP, with modes and faults of real ones |
//! | [`backend`] | demo backends that verify the bearer token they get |
//! | [`app`] | the demo single-page application |
//! | [`browser`] | a small browser for tests: cookies, redirects, forms |
//! | [`configuration`] | the provider's `settings.yaml` and `clients.yaml` |
//! | `server`, `http_client` | HTTP on loopback addresses |
//! | `clock`, `random`, `secret`, `scopes`, `locked` | small parts that all of them use |
//!
//! A test starts what it needs on free ports; what it starts ends when it is dropped:
//!
//! ```
//! use tokenbridge_devkit::provider::{Endpoint, Fault, FaultRule};
//! use tokenbridge_devkit::{Backend, BackendOptions, DevelopmentProvider, ProviderOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), tokenbridge_devkit::StartError> {
//! let provider = DevelopmentProvider::start(ProviderOptions::demo()?).await?;
//! let analytics = Backend::start(BackendOptions::analytics(provider.issuer())).await?;
//! let lost = Fault::LostAnswer { endpoint: Endpoint::Token };
//! provider.set_fault(FaultRule::times(1, lost));
//! // ... a gateway between a `BrowserSession` and `analytics.url()` ...
//! assert_eq!(provider.counters().refreshes, 0);
//! assert_eq!(analytics.counters().requests, 0);
//! # Ok(())
//! # }
//! ```

pub mod app;
pub mod backend;
pub mod browser;
pub mod configuration;
pub mod provider;

mod clock;
mod http_client;
mod locked;
mod random;
mod scopes;
mod secret;
mod server;

pub use backend::{Backend, BackendOptions};
pub use browser::BrowserSession;
pub use clock::{Clock, MovableClock};
pub use configuration::IdpConfiguration;
pub use provider::{DevelopmentProvider, ProviderOptions};
pub use secret::Secret;
pub use server::StartError;
