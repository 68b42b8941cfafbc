//! `Engine`: one node's interpreter with the user's code in it.

use std::sync::Arc;
use std::time::Duration;

use ferrowire::metric::{Counter, Gauge};
use ferrowire::trace::Follow;
use ferrowire::{Message, NodeError, Value};
use rquickjs::promise::PromiseState;
use rquickjs::{Context, Ctx, Object, Runtime, Value as Js};

use crate::budget;
use crate::convert::Scope;
use crate::effects::{Fate, Outcome};
use crate::fault;
use crate::host::{self, Shared, rejections};
use crate::http;
use crate::library;
use crate::names;
use crate::settings::Settings;
use crate::syntax;

/// How much of the thread's stack JavaScript may use. The threads have 2 MiB.
const STACK: usize = 768 << 10;

/// The time limit for compiling the code, of which only what breaks out of the wrapper runs.
const SET_UP: Duration = Duration::from_secs(10);

/// The bytes that an element of an array takes at least.
const ELEMENT: usize = 16;

/// The interpreters that there are.
pub static INTERPRETERS: Gauge =
    Gauge::new("function_interpreters", "JavaScript interpreters of function nodes");

/// Runs that were ended because they took too long.
pub static TIMED_OUT: Counter = Counter::new(
    "function_timeouts",
    "runs of functions that were ended because they took too long",
);

pub(crate) struct Engine {
    context: Context,
    shared: Arc<Shared>,
    settings: Arc<Settings>,
    time_limit: Duration,
    memory_limit: usize,
    /// A run was cut off in a way that leaves the interpreter unfit for another one.
    broken: bool,
    /// How many runs there were.
    runs: u64,
}

/// The result of a run of the user's code.
type Ran = Result<Fate, NodeError>;

impl Engine {
    /// Creates the interpreter and compiles the code, without running it.
    pub(crate) fn new(settings: Arc<Settings>, shared: Arc<Shared>) -> Result<Self, NodeError> {
        let failed = |error: rquickjs::Error| {
            NodeError::caused_by("the JavaScript interpreter cannot be made", error)
        };
        let runtime = Runtime::new().map_err(failed)?;
        let watch = Arc::clone(&shared.limit);
        let memory_limit = settings.memory_limit(&shared.cx);
        let time_limit = settings.time_limit(&shared.cx);
        runtime.set_memory_limit(memory_limit);
        runtime.set_max_stack_size(STACK);
        runtime.set_interrupt_handler(Some(Box::new(move || watch.is_over())));
        runtime.set_host_promise_rejection_tracker(Some(rejections::tracker(&shared)));
        let context = Context::full(&runtime).map_err(failed)?;
        INTERPRETERS.add(1);
        let (broken, runs) = (false, 0);
        let engine = Engine { context, shared, settings, time_limit, memory_limit, broken, runs };
        engine.shared.limit.begin(SET_UP);
        engine.context.with(|ctx| {
            set_up(&ctx, &engine.settings, &engine.shared, memory_limit).map_err(
                |error| match error {
                    rquickjs::Error::Exception => fault::pending(&ctx),
                    other => failed(other),
                },
            )
        })?;
        Ok(engine)
    }

    /// Whether a new interpreter has to be created.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// How many runs there were so far.
    pub(crate) fn runs(&self) -> u64 {
        self.runs
    }

    /// Whether a new interpreter would do the same from now on.
    pub(crate) fn is_idle(&self) -> bool {
        self.shared.limit.begin(SET_UP);
        let is_idle = |ctx: Ctx<'_>| self.shared.is_idle(&Scope::of(&ctx)?);
        !self.settings.code.leaves_something && self.context.with(is_idle).unwrap_or(false)
    }

    /// Runs the code for a message.
    pub(crate) fn message(&mut self, msg: Message) -> Outcome {
        let settings = Arc::clone(&self.settings);
        let (id, trace) = (msg.get("_msgid").cloned(), Follow::of(&msg));
        let request = http::request_of(&msg);
        let has_methods =
            settings.code.uses_http && (request.is_some() || msg.get("req").is_some());
        let mut outcome = self.run(|scope, shared| {
            let ctx = scope.ctx;
            let id = id.clone();
            let msg = scope.give(msg, settings.code.visible.as_ref()).map_err(into(ctx))?;
            if has_methods {
                dress(scope, &msg)?;
            }
            let node = if settings.code.uses_node {
                let node = scope.call("node").map_err(into(ctx))?;
                let id = scope.to_optional(id.as_ref()).map_err(into(ctx))?;
                fault::call(ctx, &node, (id, msg.clone()))?
            } else {
                Js::new_undefined(ctx.clone())
            };
            let code = scope.call("main").map_err(into(ctx))?;
            let ran = fault::call(ctx, &code, (msg.clone(), node)).and_then(|results| {
                let limit = settings.limits_waiting().then(|| shared.limit.left());
                finish((scope, shared), results, Cause { id, msg: Some(&msg), limit })
            });
            match ran {
                Ok(true) if settings.code.calls_done => Ok(Fate::Open),
                Ok(true) => Ok(Fate::Done),
                Ok(false) => Ok(Fate::Open),
                // Probably the message takes too much memory.
                Err(error) if scope.has_refused() => Err(error),
                // As the code has left it.
                Err(error) => match scope.message(&msg) {
                    Ok(msg) => Ok(Fate::Failed(error, Some(msg))),
                    Err(_) => {
                        ctx.catch();
                        Err(error)
                    }
                },
            }
        });
        if matches!(outcome.fate, Fate::Open) || outcome.waits_changed {
            self.shared.state().causes.note(id, trace);
        }
        if matches!(outcome.fate, Fate::Failed(..)) {
            outcome.effects.extend(request.and_then(http::failed));
        }
        outcome
    }

    /// Passes a message that has returned from the `link in` node that the code called.
    pub(crate) fn returned(&mut self, call: &str, msg: Message) -> Outcome {
        let uses_http = self.settings.code.uses_http;
        self.run(|scope, _| {
            let ctx = scope.ctx;
            let msg = scope.give(msg, None).map_err(into(ctx))?;
            if uses_http {
                dress(scope, &msg)?;
            }
            let returned = scope.call("returned").map_err(into(ctx))?;
            fault::call::<()>(ctx, &returned, (call, msg))?;
            Ok(Fate::Open)
        })
    }

    /// Runs the code for the start.
    pub(crate) fn initialize(&mut self) -> Outcome {
        if !self.settings.code.has_initialize() {
            return Outcome::default();
        }
        self.run(|scope, shared| {
            let ctx = scope.ctx;
            let none = || Js::new_undefined(ctx.clone());
            let node = scope.call("node").map_err(into(ctx))?;
            let node: Object<'_> = fault::call(ctx, &node, (none(), none()))?;
            let code = scope.call("initialize").map_err(into(ctx))?;
            let promise: Js<'_> = fault::call(ctx, &code, (node,))?;
            // What the code for the start returns is not sent.
            let done = scope.call("ignore").map_err(into(ctx))?;
            let promise: Js<'_> = fault::call(ctx, &done, (promise,))?;
            finish((scope, shared), promise, Cause::default())?;
            Ok(Fate::Open)
        })
    }

    /// Runs the callback of a timer.
    pub(crate) fn fire(&mut self, id: u64) -> Outcome {
        self.run(|scope, _| {
            let ctx = scope.ctx;
            let fire = scope.call("fire").map_err(into(ctx))?;
            fault::call::<()>(ctx, &fire, (id,))?;
            Ok(Fate::Open)
        })
    }

    /// Passes the answer of a context store.
    pub(crate) fn answered(&mut self, number: u32, answer: &Result<Value, NodeError>) -> Outcome {
        self.run(|scope, _| {
            let ctx = scope.ctx;
            let answered = scope.call("answered").map_err(into(ctx))?;
            let error = answer.as_ref().err().map(NodeError::chain);
            let value = scope.to_optional(answer.as_ref().ok()).map_err(into(ctx))?;
            fault::call::<()>(ctx, &answered, (number, error, value))?;
            Ok(Fate::Open)
        })
    }

    /// Runs the code for the end.
    pub(crate) fn finalize(&mut self) -> Outcome {
        let has_code = self.settings.code.has_finalize();
        self.run(|scope, _| {
            let ctx = scope.ctx;
            let close = scope.call("close").map_err(into(ctx))?;
            let closed = fault::call::<()>(ctx, &close, ());
            if has_code {
                let node = scope.call("closingNode").map_err(into(ctx))?;
                let node: Object<'_> = fault::call(ctx, &node, ())?;
                let code = scope.call("finalize").map_err(into(ctx))?;
                fault::call::<Js<'_>>(ctx, &code, (node,))?;
            }
            closed.map(|()| Fate::Open)
        })
    }

    fn run(&mut self, work: impl for<'js> FnOnce(&Scope<'_, 'js>, &Shared) -> Ran) -> Outcome {
        self.runs += 1;
        self.shared.limit.begin(self.time_limit);
        let pending = self.shared.state().pending;
        let ran = self.context.with(|ctx| {
            let scope = Scope::of(&ctx).map_err(into(&ctx))?;
            self.shared.begin_keeping(&scope).map_err(into(&ctx))?;
            scope.begin(self.memory_limit);
            let ran = work(&scope, &self.shared);
            while !self.shared.limit.exceeded() && ctx.execute_pending_job() {}
            if !self.shared.limit.exceeded() && self.shared.has_loose_ends() {
                self.shared.forget_cleared(&scope).map_err(into(&ctx))?;
                self.shared.release_held(&scope).map_err(into(&ctx))?;
                self.shared.end_keeping(&scope).map_err(into(&ctx))?;
                rejections::report(&self.shared, &scope.calls).map_err(into(&ctx))?;
            }
            ran
        });
        let mut fate = ran.unwrap_or_else(|error| Fate::Failed(error, None));
        if self.shared.limit.exceeded() {
            self.broken = self.context.runtime().is_job_pending();
            // The promise of this run will never be settled.
            let mut state = self.shared.state();
            state.pending = state.pending.min(pending);
            drop(state);
            TIMED_OUT.increment();
            fate = Fate::Failed(fault::timed_out(self.time_limit), None);
        } else if self.is_out_of_memory(&fate) {
            self.broken = true;
            fate = Fate::Failed(self.out_of_memory(), None);
        }
        if self.broken {
            self.shared.cx.warn("the function starts anew, its variables and timers are lost");
        }
        let mut state = self.shared.state();
        let effects = std::mem::take(&mut state.effects);
        let waits_changed = std::mem::take(&mut state.waits_changed);
        Outcome { effects, fate, waits_changed }
    }

    fn is_out_of_memory(&self, fate: &Fate) -> bool {
        let Fate::Failed(error, _) = fate else { return false };
        match error.to_string().as_str() {
            "InternalError: out of memory" => true,
            // There was not even room for the error; the memory in use then shows it.
            fault::NOTHING => {
                let used = self.context.runtime().memory_usage().memory_used_size;
                usize::try_from(used).is_ok_and(|used| used > self.memory_limit / 2)
            }
            _ => false,
        }
    }

    fn out_of_memory(&self) -> NodeError {
        let limit = self.memory_limit >> 20;
        fault::made("RangeError", &format!("the function holds more than {limit} MiB of memory"))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        INTERPRETERS.add(-1);
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn into<'a>(ctx: &'a Ctx<'_>) -> impl Fn(rquickjs::Error) -> NodeError + 'a {
    |error| match error {
        rquickjs::Error::Exception => fault::pending(ctx),
        other => NodeError::new(other.to_string()),
    }
}

/// Gives `msg.req` and `msg.res` their methods.
fn dress<'js>(scope: &Scope<'_, 'js>, msg: &Object<'js>) -> Result<(), NodeError> {
    let dress = scope.call("express").map_err(into(scope.ctx))?;
    fault::call(scope.ctx, &dress, (msg.clone(),))
}

/// The cause of a run.
#[derive(Default)]
struct Cause<'a, 'js> {
    msg: Option<&'a Object<'js>>,
    /// The message's.
    id: Option<Value>,
    /// How long the code may wait, if that has a limit.
    limit: Option<Duration>,
}

/// Sends what the code returned; returns whether the run has ended, or waits for a promise.
fn finish<'js>(
    (scope, shared): (&Scope<'_, 'js>, &Shared),
    results: Js<'js>,
    Cause { msg, id, limit }: Cause<'_, 'js>,
) -> Result<bool, NodeError> {
    let ctx = scope.ctx;
    let send = |results| shared.send(scope, results, id.as_ref()).map_err(into(ctx));
    let promise = if scope.is_given(&results) { None } else { results.as_promise().cloned() };
    let Some(promise) = promise else { return send(results).map(|()| true) };
    // The interruption of a job may be lost among the promises.
    let is_pending = || promise.state() == PromiseState::Pending && !shared.limit.exceeded();
    while is_pending() && ctx.execute_pending_job() {}
    match promise.result::<Js<'js>>() {
        Some(Ok(results)) => send(results).map(|()| true),
        Some(Err(_)) => {
            let error = fault::pending(ctx);
            rejections::handled(ctx, promise.into_value()).map_err(into(ctx))?;
            Err(error)
        }
        None => {
            let mut state = shared.state();
            state.pending += 1;
            state.waits_changed = true;
            drop(state);
            scope.complete().map_err(into(ctx))?;
            let watch = scope.call("watch").map_err(into(ctx))?;
            let id = scope.to_optional(id.as_ref()).map_err(into(ctx))?;
            let limit = limit.map(|limit| limit.as_secs_f64() * 1000.0);
            fault::call::<()>(ctx, &watch, (promise, id, msg.cloned(), limit))?;
            Ok(false)
        }
    }
}

fn set_up(
    ctx: &Ctx<'_>,
    settings: &Settings,
    shared: &Arc<Shared>,
    memory_limit: usize,
) -> rquickjs::Result<()> {
    let host = host::object(ctx, shared)?;
    let info = Object::new(ctx.clone())?;
    info.set("id", settings.info.id.as_str())?;
    info.set("name", settings.info.name.as_str())?;
    info.set("path", format!("{}/{}", settings.info.flow, settings.info.id))?;
    info.set("outputs", settings.outputs)?;
    info.set("callsDone", settings.code.calls_done)?;
    info.set("usesHttp", settings.code.uses_http)?;
    info.set("changesInPlace", settings.code.changes_in_place)?;
    info.set("changesAfterSet", settings.code.changes_after_set)?;
    info.set("timeLimit", settings.time_limit(&shared.cx).as_secs_f64() * 1000.0)?;
    info.set("mostElements", (memory_limit / ELEMENT) as f64)?;
    if !settings.modules.is_empty() {
        host::add_modules(&host, shared)?;
    }
    let modules = settings.modules.iter();
    let modules: Vec<_> = modules.map(|it| vec![it.variable.as_str(), it.name.as_str()]).collect();
    info.set("modules", modules)?;
    let calls: Object<'_> = library::load(ctx, "prelude")?.call((host, info))?;
    let Settings { code, .. } = settings;
    calls.set("main", syntax::compile_own(ctx, &code.message())?)?;
    if let Some(code) = code.initialize() {
        calls.set("initialize", syntax::compile_own(ctx, &code)?)?;
    }
    if let Some(code) = code.finalize() {
        calls.set("finalize", syntax::compile_own(ctx, &code)?)?;
    }
    names::set_up(ctx);
    budget::set_up(ctx);
    // Fails only while it is borrowed, which it is not yet.
    drop(ctx.store_userdata(calls));
    Ok(())
}
