//! Promises that are rejected while nothing waits for them: the node's errors, as Node.js would
//! make them the process's.

use std::sync::Arc;

use rquickjs::runtime::RejectionTracker;
use rquickjs::{Array, Ctx, Function, Object, Result, Value as Js};

use super::{Shared, calls};

/// Notes every promise that is rejected with nothing waiting for it, and what waits too late.
pub(crate) fn tracker(shared: &Arc<Shared>) -> RejectionTracker {
    let shared = Arc::clone(shared);
    Box::new(move |ctx, promise, reason, is_handled| {
        shared.state().rejected = true;
        if note(&ctx, promise, reason, is_handled).is_err() {
            ctx.catch();
        }
    })
}

/// Takes note that the runtime itself looks at what became of `promise`.
pub(crate) fn handled<'js>(ctx: &Ctx<'js>, promise: Js<'js>) -> Result<()> {
    note(ctx, promise, Js::new_undefined(ctx.clone()), true)
}

fn note<'js>(ctx: &Ctx<'js>, promise: Js<'js>, reason: Js<'js>, is_handled: bool) -> Result<()> {
    let list: Array<'js> = calls(ctx)?.get("rejections")?;
    let at = list.len();
    list.set(at, promise)?;
    list.set(at + 1, reason)?;
    list.set(at + 2, is_handled)
}

/// Reports what is left at the end of a run.
pub(crate) fn report<'js>(shared: &Shared, calls: &Object<'js>) -> Result<()> {
    if !std::mem::take(&mut shared.state().rejected) {
        return Ok(());
    }
    calls.get::<_, Function<'js>>("unhandled")?.call(())
}
