//! Where sessions live: in memory or in Redis, behind one trait, encrypted at rest.
//!
//! | module | owns |
//! |---|---|
//! | [`store`] | the trait [`SessionStore`](store::SessionStore) and what goes in and out of it |
//! | [`error`] | what can go wrong with a store, without a secret in it |
//! | [`health`] | whether the store answers, and since when |
//! | [`keyring`] | sealing values, by purpose and key id; MACs |
//! | [`clock`] | the time, injected: wall clock and a monotonic one |

pub mod clock;
pub mod error;
pub mod health;
pub mod keyring;
pub mod store;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::StoreError;
pub use health::StoreHealth;
pub use keyring::{Keyring, Purpose};
pub use store::{
    Acquired, Described, Description, EndedSession, Lease, NewSession, SentMark, SessionStore,
};
