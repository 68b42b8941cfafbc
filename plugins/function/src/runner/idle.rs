//! Lets go of interpreters that are not used: one takes 290 kB, and most functions of a large flow file
//! rarely run. The next message makes a new one, in about a millisecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use ferrowire::NodeContext;

use super::Runner;
use crate::engine::Engine;

/// An interpreter without a run for so long is let go of.
const IDLE: Duration = Duration::from_secs(10);

/// Each further time it takes twice as long, up to 160 seconds. So a node spends less than a
/// hundred-thousandth of a processor on new interpreters, however its messages come.
const DOUBLED: u32 = 4;

/// Whether somebody looks after the interpreter.
#[derive(Debug, Default)]
pub(super) struct Idle {
    is_watched: AtomicBool,
    /// How often an interpreter was let go of.
    let_go: AtomicU32,
}

/// Makes sure that a task looks after the interpreter, if a new one could take its place. Called by
/// who uses the interpreter.
pub(super) fn watch(runner: &Arc<Runner>, cx: &NodeContext) {
    let may_go = !runner.settings.code.leaves_something;
    if may_go && !runner.idle.is_watched.swap(true, Ordering::Relaxed) {
        cx.spawn(look_after(Arc::clone(runner)));
    }
}

/// Waits until the interpreter is not used, and lets go of it.
async fn look_after(runner: Arc<Runner>) {
    let Idle { is_watched, let_go } = &runner.idle;
    let wait = IDLE * 2_u32.pow(let_go.load(Ordering::Relaxed));
    let mut runs = None;
    loop {
        tokio::time::sleep(wait).await;
        let take_unused = |engine: &mut Option<Engine>, ()| {
            let before = std::mem::replace(&mut runs, engine.as_ref().map(Engine::runs));
            let unused = engine.take_if(|engine| before == Some(engine.runs()) && engine.is_idle());
            if let (Some(_), Some(shared)) = (&unused, runner.shared.get()) {
                shared.state().leave_interpreter();
                is_watched.store(false, Ordering::Relaxed);
            }
            unused
        };
        // An interpreter that somebody uses right now is used.
        if let Ok(Some(_unused)) = runner.engine.now((), take_unused) {
            let_go.store(DOUBLED.min(let_go.load(Ordering::Relaxed) + 1), Ordering::Relaxed);
            return;
        }
    }
}
