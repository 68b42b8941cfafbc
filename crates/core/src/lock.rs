//! Locks that outlive a panic of their holder.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Locks a mutex, also after a thread has panicked with the lock: the panic of one node must not
/// disable what others share with it.
///
/// For values that are valid after every statement that changes them.
pub trait MutexExt<T: ?Sized> {
    /// Waits for the lock, which must not take long: the thread is blocked.
    fn locked(&self) -> MutexGuard<'_, T>;
}

impl<T: ?Sized> MutexExt<T> for Mutex<T> {
    fn locked(&self) -> MutexGuard<'_, T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Like [`MutexExt`], for locks with many readers.
pub trait RwLockExt<T: ?Sized> {
    /// Waits for the writer.
    fn read_locked(&self) -> RwLockReadGuard<'_, T>;

    /// Waits for all readers and the writer.
    fn write_locked(&self) -> RwLockWriteGuard<'_, T>;
}

impl<T: ?Sized> RwLockExt<T> for RwLock<T> {
    fn read_locked(&self) -> RwLockReadGuard<'_, T> {
        self.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_locked(&self) -> RwLockWriteGuard<'_, T> {
        self.write().unwrap_or_else(PoisonError::into_inner)
    }
}
