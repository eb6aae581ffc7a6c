//! The OpenID Connect client: login, callback, logout, minting and renewing service tokens.
//!
//! | module | owns |
//! |---|---|
//! | [`identity`] | [`Identity`], everything that the gateway asks of this crate |
//! | [`settings`] | what an [`Identity`] is made of, and why one cannot be made |
//! | [`login`] | what a login is given and what it answers |
//! | [`logout`] | what a logout answers |
//! | [`probe`] | a login that shows what the provider gives each service |
//! | [`health`] | whether the provider answers, and since when |
//! | [`telemetry`] | the counters that the gateway exports |
//! | `fuzzing` | what fuzz targets and property tests reach of the readers |
//! | `relying_party` | all that a frontend's client at its provider works with |
//! | `provider` | the provider: metadata, keys, endpoints, over HTTP |
//! | `tokens` | what is asked of the token endpoint, and what to make of the answers: no I/O |
//! | `minting` | minting and renewing service tokens: one flight per refresh token |
//! | `revocation` | revoking refresh tokens in the background |
//! | `machine` | the runtime and the random source, behind the port that a simulation replaces |

#[doc(hidden)]
pub mod fuzzing;
pub mod health;
pub mod identity;
pub mod login;
pub mod logout;
pub mod probe;
pub mod settings;
pub mod telemetry;

mod machine;
mod minting;
mod provider;
mod relying_party;
mod revocation;
mod tokens;

pub use health::{ProviderHealth, ProviderState};
pub use identity::Identity;
pub use login::{Callback, Finished, LoggedIn, LoginFailure, LoginRequest, Redirect};
pub use logout::{LoggedOut, LogoutReturn};
pub use settings::{HttpTimeouts, IdentityParts, IdentitySettings, StartProblem};
pub use telemetry::{EndReason, Endpoint, MintStatus, Telemetry};
