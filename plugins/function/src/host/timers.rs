//! Timers as JavaScript asks for them.

use std::sync::Arc;
use std::time::Duration;

use rquickjs::Result;

use super::{Builder, Shared};
use crate::convert::Scope;
use crate::timers::Timers;
use crate::timers::owner::{self, Owner};

impl Shared {
    fn schedule(&self, id: u64, ms: f64) {
        let wait = Duration::from_secs_f64(ms.clamp(1.0, 2_147_483_647.0) / 1000.0);
        let mut state = self.state();
        state.timers.schedule(id, wait);
        state.waits_changed = true;
    }

    fn cancel(&self, id: u64) {
        if !self.state().timers.cancel(id)
            && let Some(other) = owner::of(id)
        {
            other.state().timers.cancel_from_outside(id);
        }
    }

    /// Asks the timers that `id` is one of: the function's own, or those of another function.
    fn ask_timers(&self, id: u64, ask: impl Fn(&mut Timers) -> bool) -> bool {
        ask(&mut self.state().timers)
            || owner::of(id).is_some_and(|other| ask(&mut other.state().timers))
    }

    /// Makes the function's timers known to other functions; the number that they begin with.
    fn own_timers(self: &Arc<Self>) -> u64 {
        let owner = Owner::new(self);
        let number = owner.number();
        self.state().timers.owner = Some(owner);
        number
    }

    /// Lets go of the timers that other functions have cleared.
    pub(crate) fn forget_cleared(&self, scope: &Scope<'_, '_>) -> Result<()> {
        let cleared = self.state().timers.take_cleared();
        if cleared.is_empty() {
            return Ok(());
        }
        scope.call("forget")?.call((cleared,))
    }
}

pub(super) fn add<'js>(builder: &Builder<'_, 'js>, shared: &Arc<Shared>) -> Result<()> {
    let this = Arc::clone(shared);
    builder.add("timerOwner", move || this.own_timers())?;
    let this = Arc::clone(shared);
    builder.add("schedule", move |id: u64, ms: f64| this.schedule(id, ms))?;
    let this = Arc::clone(shared);
    builder.add("cancel", move |id: u64| this.cancel(id))?;
    let this = Arc::clone(shared);
    builder.add("refresh", move |id: u64| this.ask_timers(id, |timers| timers.refresh(id)))?;
    let this = Arc::clone(shared);
    builder.add("isScheduled", move |id: u64| this.ask_timers(id, |timers| timers.contains(id)))
}
