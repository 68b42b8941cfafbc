//! The standard library, except that shuttle knows of its locks, atomics and thread-local variables,
//! and may run another task at each use of them.

pub use std::*;

#[doc(hidden)]
pub use shuttle as __shuttle;

/// As `std::sync`.
pub mod sync {
    pub use shuttle::sync::MutexGuard;
    pub use std::sync::*;

    /// As `std::sync::Mutex`.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// An unlocked mutex.
        pub const fn new(value: T) -> Self {
            Mutex(shuttle::sync::Mutex::new(value))
        }

        /// As `MutexExt::locked` of `ferrowire-core`, which is for the mutex of `std`.
        pub fn locked(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// As `std::sync::atomic`.
    pub mod atomic {
        pub use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
        pub use std::sync::atomic::*;
    }
}

/// A variable that each task of shuttle has for itself.
#[derive(Debug)]
pub struct Local<T: 'static>(&'static shuttle::thread::LocalKey<cell::RefCell<T>>);

impl<T: 'static> Local<T> {
    #[doc(hidden)]
    pub const fn new(key: &'static shuttle::thread::LocalKey<cell::RefCell<T>>) -> Self {
        Local(key)
    }

    /// As `LocalKey::with_borrow`.
    pub fn with_borrow<R>(&'static self, work: impl FnOnce(&T) -> R) -> R {
        self.0.with(|cell| work(&cell.borrow()))
    }

    /// As `LocalKey::with_borrow_mut`.
    pub fn with_borrow_mut<R>(&'static self, work: impl FnOnce(&mut T) -> R) -> R {
        self.0.with(|cell| work(&mut cell.borrow_mut()))
    }

    /// As `LocalKey::set`.
    pub fn set(&'static self, value: T) {
        self.with_borrow_mut(|place| *place = value);
    }
}

impl<T: Default + 'static> Local<T> {
    /// As `LocalKey::take`.
    pub fn take(&'static self) -> T {
        self.with_borrow_mut(mem::take)
    }
}

/// As `std::thread_local`, for variables in a `RefCell`.
#[macro_export]
macro_rules! local {
    () => {};
    ($(#[$about:meta])* static $name:ident: RefCell<$type:ty> = const { $init:expr }; $($rest:tt)*) => {
        $crate::local! { $(#[$about])* static $name: RefCell<$type> = $init; $($rest)* }
    };
    ($(#[$about:meta])* static $name:ident: RefCell<$type:ty> = $init:expr; $($rest:tt)*) => {
        $(#[$about])*
        static $name: $crate::Local<$type> = {
            $crate::__shuttle::thread_local! { static KEY: RefCell<$type> = $init }
            $crate::Local::new(&KEY)
        };
        $crate::local! { $($rest)* }
    };
}
