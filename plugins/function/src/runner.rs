//! `Runner`: passes messages, timers and the stop to the interpreter, one after the other.

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
use crate::http;
use crate::links;
use crate::settings::Settings;
use crate::turn::Turn;
use idle::Idle;

mod idle;

/// The maximum number of messages that wait for promises; further ones wait outside of the node.
const MOST_PENDING: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// The code for the start has not ended.
    Starting,
    Running,
    /// The code for the start failed: messages are dropped, as in Node-RED.
    Failed,
    Stopped,
}

/// A message for the interpreter.
struct Work {
    msg: Message,
    /// It has returned from the `link in` node of this call.
    call: Option<Text>,
}

/// A node's interpreter and the tasks that wait for it. Most functions of a large flow file rarely run, so the
/// interpreter is made for the first message, unless there is code for the start.
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
    idle: Idle,
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
            idle: Idle::default(),
        }
    }

    /// Runs the code for the start, if there is any.
    pub(crate) async fn start(self: &Arc<Self>, cx: &NodeContext) -> Result<(), NodeError> {
        let shared = Arc::clone(self.shared.get_or_init(|| Shared::new(cx.clone())));
        if !self.settings.code.has_initialize() {
            self.enter(Phase::Running);
            return Ok(());
        }
        let initialize = |engine: &mut Option<Engine>, ()| match self.make(engine) {
            Ok(engine) => engine.initialize(),
            Err(error) => Outcome::failed(error),
        };
        let mut outcome = self.engine.later((), initialize).await;
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
        self.watch_stores(cx);
        if !is_over {
            self.finish_start_later(shared, cx);
        }
        outcome.perform(cx, None).await;
        error.map_or(Ok(()), Err)
    }

    /// The interpreter, which is created if there is none.
    fn make<'a>(
        self: &Arc<Self>,
        engine: &'a mut Option<Engine>,
    ) -> Result<&'a mut Engine, NodeError> {
        match engine {
            Some(engine) => Ok(engine),
            None => {
                let shared = self.shared.get().ok_or("the function has not started")?;
                let made = Engine::new(Arc::clone(&self.settings), Arc::clone(shared))?;
                idle::watch(self, &shared.cx);
                Ok(engine.insert(made))
            }
        }
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

    /// Handles a message as soon as the interpreter is free.
    pub(crate) fn handle(self: &Arc<Self>, mut msg: Message, cx: &NodeContext) -> Handled {
        let call = if self.settings.code.calls_links { links::take_call(&mut msg) } else { None };
        let may_run = self.is_running.load(Ordering::Acquire) && self.has_room();
        // A message that a call waits for must not wait for room.
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
                let failed = http::request_of(&work.msg).and_then(http::failed);
                let outcome =
                    Outcome { effects: failed.into_iter().collect(), ..Outcome::default() };
                return outcome.perform(cx, None).await;
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
        if engine.is_none() && !self.is_running.load(Ordering::Acquire) {
            return Outcome::default();
        }
        if let Err(error) = self.make(engine) {
            return Outcome::failed(error);
        }
        self.run(engine, cx, |engine| match work.call {
            Some(call) => engine.returned(&call, work.msg),
            None => engine.message(work.msg),
        })
    }

    /// Runs `work` in the interpreter, and drops the interpreter if that broke it.
    fn run(
        self: &Arc<Self>,
        engine: &mut Option<Engine>,
        cx: &NodeContext,
        work: impl FnOnce(&mut Engine) -> Outcome,
    ) -> Outcome {
        let Some(running) = engine.as_mut() else { return Outcome::default() };
        let mut outcome = work(running);
        if running.is_broken() {
            *engine = None;
            self.start_anew(engine, &mut outcome);
        }
        if std::mem::take(&mut outcome.waits_changed) {
            self.watch_timers(cx);
            self.watch_stores(cx);
        }
        outcome
    }

    /// Waits for the answers of context stores that the code has asked.
    fn watch_stores(self: &Arc<Self>, cx: &NodeContext) {
        let Some(shared) = self.shared.get() else { return };
        let asked = shared.state().asked.take_new();
        for (number, answer) in asked {
            let (this, shared, cx2) = (Arc::clone(self), Arc::clone(shared), cx.clone());
            cx.spawn(async move {
                let answer = answer.await;
                let pass = |engine: &mut Option<Engine>, ()| {
                    let is_awaited = shared.state().asked.answer(number);
                    is_awaited.then(|| this.run(engine, &cx2, |it| it.answered(number, &answer)))
                };
                if let Some(outcome) = this.engine.later((), pass).await {
                    outcome.perform(&cx2, None).await;
                }
            });
        }
    }

    fn start_anew(self: &Arc<Self>, engine: &mut Option<Engine>, outcome: &mut Outcome) {
        let Some(shared) = self.shared.get() else { return };
        shared.state().leave_interpreter();
        outcome.waits_changed = true;
        if !self.settings.code.has_initialize() {
            return;
        }
        match self.make(engine) {
            Ok(engine) => outcome.effects.extend(engine.initialize().effects),
            Err(error) => outcome.effects.push(Effect::Fail(error, None)),
        }
    }

    /// Makes sure that a task waits for the timers, if there are any.
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

    /// Runs the code for the end and drops the interpreter.
    pub(crate) async fn stop(self: &Arc<Self>, cx: &NodeContext) {
        let was_running = self.is_running.load(Ordering::Acquire);
        self.enter(Phase::Stopped);
        let take = |engine: &mut Option<Engine>, ()| {
            if was_running && self.settings.code.has_finalize() {
                self.make(engine)?;
            }
            Ok::<_, NodeError>(engine.take())
        };
        match self.engine.later((), take).await {
            Ok(Some(mut engine)) => engine.finalize().perform(cx, None).await,
            Ok(None) => {}
            Err(error) => cx.fail(error),
        }
        let Some(shared) = self.shared.get() else { return };
        shared.state().leave_interpreter();
        if shared.state().showed_status {
            cx.status(Status::default());
        }
    }
}
