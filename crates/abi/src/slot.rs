//! Places for a value that the other side gives later, beside a future that says when.

use std::ffi::c_void;

use ferrowire_core::Value;
use futures_channel::oneshot;

use crate::{contained, message, raw};

type Sender = Option<oneshot::Sender<Value>>;

static OURS: raw::SlotTable =
    raw::SlotTable { size: size_of::<raw::SlotTable>(), fill, drop: drop_slot };

/// A place for the other side to fill, and where the value arrives. Nothing arrives if the other
/// side drops the place.
pub fn new() -> (raw::Slot, oneshot::Receiver<Value>) {
    let (sender, receiver) = oneshot::channel();
    let data = Box::into_raw(Box::new(Some(sender))).cast();
    (raw::Slot { data, table: &raw const OURS }, receiver)
}

unsafe extern "C" fn fill(data: *mut c_void, value: *mut raw::Message) {
    // SAFETY: a place of this side that has not ended; the value is handed over.
    let (sender, value) = unsafe { (&mut *data.cast::<Sender>(), message::value_from_raw(value)) };
    if let Some(sender) = sender.take() {
        // The asker may have given up.
        let _gone = contained(|| drop(sender.send(value.unwrap_or_default())));
    }
}

unsafe extern "C" fn drop_slot(data: *mut c_void) {
    // SAFETY: made by `new`, and given up with this call.
    drop(unsafe { Box::from_raw(data.cast::<Sender>()) });
}

/// A place of the other side.
#[derive(Debug)]
pub struct Slot(raw::Slot);

// SAFETY: the functions of a place may be called from any thread.
unsafe impl Send for Slot {}
// SAFETY: as above; they need the place itself.
unsafe impl Sync for Slot {}

impl Slot {
    /// Takes it over.
    ///
    /// # Safety
    /// `slot` must be as the other side handed it over.
    pub unsafe fn new(slot: raw::Slot) -> Self {
        Slot(slot)
    }

    /// Fills the place.
    pub fn fill(self, value: Value) {
        // SAFETY: the place lives; the value is handed over.
        unsafe { ((*self.0.table).fill)(self.0.data, message::value_into_raw(value)) };
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // SAFETY: the one call that ends it.
        unsafe { ((*self.0.table).drop)(self.0.data) };
    }
}
