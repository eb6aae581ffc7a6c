//! Locks that outlive a panic of another task.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The guard of a lock whose content is valid after every single statement,
/// so a panic elsewhere cannot have left it half-written.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
