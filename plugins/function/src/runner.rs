//! `Runner`: hands messages, timers and the end to the interpreter, one after the other.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ferrowire::sequence::Alarm;
use ferrowire::{Handled, Message, NodeContext, NodeError, Sending, Status, Text};
use futures_util::FutureExt as _;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::effects::{Effect, Fate, Outcome};
use crate::engine::Engine;
use crate::host::Shared;
use crate::links;
use crate::settings::Settings;
use crate::turn::Turn;

/// How many messages may wait for their promises; further ones wait before the node.
const MOST_PENDING: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// The code for the start is not over.
    Starting,
    Running,
    /// The code for the start failed: messages are dropped, as in Node-RED.
    Failed,
    Stopped,
}

/// A message for the interpreter.
struct Work {
    msg: Message,
    /// It has come back from the `link in` node that this call went to.
    call: Option<Text>,
}

/// A node's interpreter and who waits for it.
#[derive(Debug)]
pub(crate) struct Runner {
    settings: Arc<Settings>,
    engine: Turn<Option<Engine>>,
    shared: std::sync::OnceLock<Arc<Shared>>,
    phase: watch::Sender<Phase>,
    /// The phase is [`Phase::Running`].
    is_running: AtomicBool,
    /// Promises were settled.
    changed: Notify,
    timers: Alarm,
    has_timer_task: AtomicBool,
}

impl Runner {
    pub(crate) fn new(settings: Settings) -> Self {
        Runner {
            settings: Arc::new(settings),
            engine: Turn::default(),
            shared: std::sync::OnceLock::new(),
            phase: watch::Sender::new(Phase::Starting),
            is_running: AtomicBool::new(false),
            changed: Notify::new(),
            timers: Alarm::default(),
            has_timer_task: AtomicBool::new(false),
        }
    }

    /// Makes the interpreter and runs the code for the start.
    pub(crate) async fn start(self: &Arc<Self>, cx: &NodeContext) -> Result<(), NodeError> {
        let shared = Arc::clone(self.shared.get_or_init(|| Shared::new(cx.clone())));
        let make = |engine: &mut Option<Engine>, ()| match Engine::new(
            Arc::clone(&self.settings),
            Arc::clone(&shared),
        ) {
            Ok(made) => engine.insert(made).initialize(),
            Err(error) => Outcome::failed(error),
        };
        let mut outcome = self.engine.later((), make).await;
        let error = match std::mem::take(&mut outcome.fate) {
            Fate::Failed(error, _) => Some(error),
            Fate::Done | Fate::Open => None,
        };
        let failed = error.is_some();
        let is_over = failed || shared.state().pending == 0;
        if is_over {
            self.enter(if failed { Phase::Failed } else { Phase::Running });
        }
        self.watch_timers(cx);
        if !is_over {
            self.finish_start_later(shared, cx);
        }
        outcome.perform(cx, None).await;
        error.map_or(Ok(()), Err)
    }

    fn enter(&self, phase: Phase) {
        self.is_running.store(phase == Phase::Running, Ordering::Release);
        self.phase.send_replace(phase);
    }

    /// Opens the node when the promise of the code for the start is settled.
    fn finish_start_later(self: &Arc<Self>, shared: Arc<Shared>, cx: &NodeContext) {
        let this = Arc::clone(self);
        cx.spawn(async move {
            loop {
                let changed = this.changed.notified();
                if shared.state().pending == 0 {
                    break;
                }
                changed.await;
            }
            let failed = std::mem::take(&mut shared.state().start_failed);
            this.enter(if failed { Phase::Failed } else { Phase::Running });
        });
    }

    /// Handles a message: at once when the interpreter is free, else when it is.
    pub(crate) fn handle(self: &Arc<Self>, mut msg: Message, cx: &NodeContext) -> Handled {
        let call = if self.settings.calls_links { links::take_call(&mut msg) } else { None };
        let may_run = self.is_running.load(Ordering::Acquire) && self.has_room();
        // What a call waits for must not wait for room.
        let may_run = may_run || call.is_some();
        let work = Work { msg, call };
        let attempt = |work| self.engine.now(work, |engine, work| self.work(engine, cx, work));
        let work = match if may_run { attempt(work) } else { Err(work) } {
            Ok(outcome) => return outcome.into_handled(cx),
            Err(work) => work,
        };
        let (this, cx) = (Arc::clone(self), cx.clone());
        Handled::Kept(Sending::later(Box::pin(async move {
            let kept = work.msg.clone();
            let handling = AssertUnwindSafe(this.handle_later(work, &cx));
            if handling.catch_unwind().await.is_err() {
                cx.fail_with("the JavaScript interpreter panicked", kept).await;
            }
        })))
    }

    async fn handle_later(self: Arc<Self>, work: Work, cx: &NodeContext) {
        let kept = if work.call.is_some() {
            None
        } else {
            let mut phase = self.phase.subscribe();
            let phase = phase.wait_for(|phase| *phase != Phase::Starting).await.map(|phase| *phase);
            if !phase.is_ok_and(|phase| phase == Phase::Running) {
                return;
            }
            self.room().await;
            Some(work.msg.clone())
        };
        let outcome = self.engine.later(work, |engine, work| self.work(engine, cx, work)).await;
        outcome.perform(cx, kept).await;
    }

    /// Waits until fewer messages wait for their promises.
    async fn room(&self) {
        loop {
            let changed = self.changed.notified();
            if self.has_room() {
                return;
            }
            changed.await;
        }
    }

    fn has_room(&self) -> bool {
        self.shared.get().is_none_or(|shared| shared.state().pending < MOST_PENDING)
    }

    fn work(
        self: &Arc<Self>,
        engine: &mut Option<Engine>,
        cx: &NodeContext,
        work: Work,
    ) -> Outcome {
        self.run(engine, cx, |engine| match work.call {
            Some(call) => engine.returned(&call, work.msg),
            None => engine.message(work.msg),
        })
    }

    /// Runs something in the interpreter, and replaces it if that broke it.
    fn run(
        self: &Arc<Self>,
        engine: &mut Option<Engine>,
        cx: &NodeContext,
        work: impl FnOnce(&mut Engine) -> Outcome,
    ) -> Outcome {
        let Some(running) = engine.as_mut() else { return Outcome::default() };
        let mut outcome = work(running);
        if running.is_broken() {
            self.replace(engine, &mut outcome);
        }
        if std::mem::take(&mut outcome.waits_changed) {
            self.watch_timers(cx);
        }
        outcome
    }

    fn replace(&self, engine: &mut Option<Engine>, outcome: &mut Outcome) {
        *engine = None;
        let Some(shared) = self.shared.get() else { return };
        {
            let mut state = shared.state();
            state.timers.clear();
            state.pending = 0;
        }
        match Engine::new(Arc::clone(&self.settings), Arc::clone(shared)) {
            Ok(made) => {
                let restarted = engine.insert(made).initialize();
                outcome.effects.extend(restarted.effects);
                outcome.waits_changed = true;
            }
            Err(error) => outcome.effects.push(Effect::Fail(error, None)),
        }
    }

    /// Makes sure that someone waits for the timers, if there are any.
    fn watch_timers(self: &Arc<Self>, cx: &NodeContext) {
        let Some(shared) = self.shared.get() else { return };
        self.changed.notify_waiters();
        self.timers.changed();
        let needed = shared.state().timers.next().is_some();
        if needed && !self.has_timer_task.swap(true, Ordering::Relaxed) {
            let (this, shared, cx2) = (Arc::clone(self), Arc::clone(shared), cx.clone());
            cx.spawn(async move { this.run_timers(&shared, &cx2).await });
        }
    }

    async fn run_timers(self: Arc<Self>, shared: &Shared, cx: &NodeContext) {
        loop {
            self.timers.due(|| shared.state().timers.next()).await;
            let fire = |engine: &mut Option<Engine>, ()| {
                let id = shared.state().timers.take_due(Instant::now())?;
                Some(self.run(engine, cx, |engine| engine.fire(id)))
            };
            if let Some(outcome) = self.engine.later((), fire).await {
                outcome.perform(cx, None).await;
            }
        }
    }

    /// Runs the code for the end and lets go of the interpreter.
    pub(crate) async fn stop(&self, cx: &NodeContext) {
        self.enter(Phase::Stopped);
        let engine = self.engine.later((), |engine, ()| engine.take()).await;
        let Some(mut engine) = engine else { return };
        engine.finalize().perform(cx, None).await;
        drop(engine);
        let Some(shared) = self.shared.get() else { return };
        shared.state().timers.clear();
        if shared.state().showed_status {
            cx.status(Status::default());
        }
    }
}
