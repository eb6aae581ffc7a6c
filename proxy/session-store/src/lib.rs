//! Where sessions live: in memory or in Redis, behind one trait, encrypted at rest.
//!
//! | module | owns |
//! |---|---|
//! | [`changes`] | what happens to sessions, told to every replica |
//! | [`store`] | the trait [`SessionStore`] and what goes in and out of it |
//! | [`error`] | what can go wrong with a store, without a secret in it |
//! | [`health`] | whether the store answers, and since when |
//! | [`lease`] | who may spend a refresh token, and the note that it was sent |
//! | [`memory`] | the store in the process's own memory, bounded |
//! | [`redis_store`] | the store in Redis, every value sealed |
//! | [`shared_tokens`] | tokens of the gateway's own, which belong to no session |
//! | [`notes`] | what all replicas read and no session holds: results of probes |
//! | [`keyring`] | sealing values, by purpose and key id; MACs |
//! | [`telemetry`] | where counts of operations go |
//! | [`clock`] | the time, injected: wall clock and a monotonic one |

pub mod changes;
pub mod clock;
pub mod error;
pub mod health;
pub mod keyring;
pub mod lease;
pub mod memory;
pub mod notes;
pub mod redis_store;
pub mod shared_tokens;
pub mod store;
pub mod telemetry;

pub use changes::{Change, Changes, Notice};
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::StoreError;
pub use health::StoreHealth;
pub use keyring::{Keyring, KeyringError, OpenError, Purpose, RandomError};
pub use lease::{Acquired, Lease, SentMark};
pub use memory::{MemoryLimits, MemoryStore};
pub use notes::Notes;
pub use redis_store::{RedisOptions, RedisStore, RedisUrlError, SharedRates};
pub use shared_tokens::SharedTokens;
pub use store::{Described, Description, EndedSession, NewSession, SessionStore};
pub use telemetry::StoreTelemetry;
