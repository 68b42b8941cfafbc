//! `Budget`: the memory that values of one run may take outside of the interpreter.
//!
//! Objects that JavaScript shares are copied for each place where they occur, so that a small
//! structure may become a large one. A run may take as much outside of the interpreter as its
//! function may hold inside. What it sends counts until its end; what it only sets or shows counts
//! by itself, since it replaces something or is passed on at once.

use std::cell::RefCell;
use std::ops::Range;

use ferrowire::{Key, Value};
use rquickjs::runtime::UserDataGuard;
use rquickjs::{Ctx, Exception, Result};

/// What is allocated for an array, object, text or buffer besides its content.
const OVERHEAD: usize = 64;

/// Texts of up to this many bytes are stored in place.
const IN_PLACE: usize = 23;

/// The kept bytes, up to the limit.
type Kept = RefCell<Range<usize>>;

/// The budget of the current run.
pub(crate) struct Budget<'a>(UserDataGuard<'a, Kept>);

/// Gives the interpreter an empty budget.
pub(crate) fn set_up(ctx: &Ctx<'_>) {
    // Fails only while it is borrowed, which it is not yet.
    drop(ctx.store_userdata(Kept::new(0..0)));
}

impl<'a> Budget<'a> {
    pub(crate) fn of(ctx: &'a Ctx<'_>) -> Result<Self> {
        let kept = ctx.userdata().map(Budget);
        kept.ok_or_else(|| Exception::throw_internal(ctx, "the function is not set up yet"))
    }

    /// Begins a run, whose values may take `bytes`.
    pub(crate) fn begin(&self, bytes: usize) {
        *self.0.borrow_mut() = 0..bytes;
    }

    /// The bytes that what the run sends takes so far.
    pub(crate) fn kept(&self) -> usize {
        self.0.borrow().start
    }

    /// Counts `bytes` for what the run sends, with what was counted before.
    pub(crate) fn keep(&self, bytes: usize) {
        let mut kept = self.0.borrow_mut();
        kept.start = bytes.min(kept.end);
    }

    /// The most bytes.
    pub(crate) fn limit(&self) -> usize {
        self.0.borrow().end
    }
}

/// The bytes that a text or buffer takes.
pub(crate) fn of_bytes(length: usize) -> usize {
    if length > IN_PLACE { length.saturating_add(OVERHEAD) } else { 0 }
}

/// The bytes that an array takes, with its elements in place.
pub(crate) fn of_array(length: usize) -> usize {
    length.saturating_mul(size_of::<Value>()).saturating_add(OVERHEAD)
}

/// The bytes that an object takes, with its properties in place.
pub(crate) fn of_object(length: usize) -> usize {
    length.saturating_mul(size_of::<(Key, Value)>()).saturating_add(OVERHEAD)
}
