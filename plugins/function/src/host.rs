//! The runtime's functions for JavaScript, on the prelude's `host`.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ferrowire::bus::run_aside;
use ferrowire::{
    Key, Level, Map, Message, MutexExt as _, NodeContext, NodeError, Status, Value, generate_id,
};
use rquickjs::function::IntoJsFunc;
use rquickjs::{Array, ArrayBuffer, Ctx, Exception, Function, Object, Result, Value as Js};

use crate::causes::Causes;
use crate::convert::{Reader, Scope};
use crate::effects::{Effect, MOST};
use crate::kept::AllKept;
use crate::limit::Limit;
use crate::timers::Timers;
use crate::{fault, intl, library, links};
use asked::Asked;

mod asked;
mod clock;
mod context;
mod crypto;
pub(crate) mod encoding;
mod express;
mod machine;
pub(crate) mod rejections;
mod search;
mod timers;
mod url;

/// The state that the interpreter and the node share. The interpreter records its requests here.
pub(crate) struct Shared {
    pub(crate) cx: NodeContext,
    pub(crate) limit: Arc<Limit>,
    state: Mutex<State>,
}

/// The requests of the runs.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) effects: Vec<Effect>,
    pub(crate) timers: Timers,
    /// Messages whose promise is not settled.
    pub(crate) pending: usize,
    pub(crate) showed_status: bool,
    /// Timers were set, or promises settled, in this run.
    pub(crate) waits_changed: bool,
    /// The code for the start has thrown, perhaps after waiting.
    pub(crate) start_failed: bool,
    /// A promise without a handler was rejected.
    rejected: bool,
    /// The code holds values of contexts, which it may change.
    keeps: bool,
    kept: AllKept,
    pub(crate) asked: Asked,
    pub(crate) causes: Causes,
}

impl State {
    /// Whether nothing waits for the interpreter or is kept in it.
    fn is_idle(&self) -> bool {
        let nothing_waits =
            self.pending == 0 && self.timers.next().is_none() && self.asked.is_empty();
        nothing_waits && !self.keeps && self.effects.is_empty()
    }

    /// Whether messages wait in the interpreter for the end of the run.
    fn holds_messages(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Held(_)))
    }

    /// Discards the state of a dropped interpreter.
    pub(crate) fn leave_interpreter(&mut self) {
        self.asked.forget();
        self.timers.clear();
        self.pending = 0;
        self.keeps = false;
        self.kept.clear();
    }
}

impl Shared {
    pub(crate) fn new(cx: NodeContext) -> Arc<Self> {
        Arc::new(Shared { cx, limit: Limit::new(), state: Mutex::default() })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.locked()
    }

    /// Whether the run has left something to be tied up. Asked once for all, since most runs leave
    /// nothing.
    pub(crate) fn has_loose_ends(&self) -> bool {
        let state = self.state();
        state.keeps || state.rejected || state.timers.has_cleared() || state.holds_messages()
    }

    /// Whether nothing of earlier runs may go on in the interpreter.
    pub(crate) fn is_idle(&self, scope: &Scope<'_, '_>) -> Result<bool> {
        self.forget_cleared(scope)?;
        Ok(self.state().is_idle() && scope.call("isIdle")?.call(())?)
    }

    fn push(&self, ctx: &Ctx<'_>, effect: Effect) -> Result<()> {
        let mut state = self.state();
        if state.effects.len() >= MOST {
            drop(state);
            let text = format!("a function must not send more than {MOST} messages at once");
            return Err(Exception::throw_range(ctx, &text));
        }
        state.effects.push(effect);
        Ok(())
    }

    /// Reads the messages that the code was still free to change until now.
    pub(crate) fn release_held<'js>(&self, scope: &Scope<'_, 'js>) -> Result<()> {
        if !self.state().holds_messages() {
            return Ok(());
        }
        let release = scope.call("release")?;
        let effects = std::mem::take(&mut self.state().effects);
        for effect in effects {
            if let Effect::Held(number) = effect {
                let held: Array<'js> = release.call((number,))?;
                let id = Reader::new(scope).value(held.get(1)?)?.and_then(Value::into_defined);
                self.send(scope, held.get(0)?, id.as_ref())?;
            } else {
                self.push(scope.ctx, effect)?;
            }
        }
        Ok(())
    }

    /// Sends what a function returned or handed to `node.send`: a message, or for each output
    /// nothing, a message, or several.
    pub(crate) fn send<'js>(
        &self,
        scope: &Scope<'_, 'js>,
        results: Js<'js>,
        id: Option<&Value>,
    ) -> Result<()> {
        if scope.is_given(&results) {
            return self.send_one(scope, 0, results, id);
        }
        if results.is_null() || results.is_undefined() {
            return Ok(());
        }
        let Some(ports) = results.as_array() else {
            return self.send_one(scope, 0, results, id);
        };
        for port in 0..scope.length(ports)? {
            let messages: Js<'js> = ports.get(port)?;
            match messages.as_array() {
                Some(several) => {
                    for at in 0..scope.length(several)? {
                        self.send_one(scope, port, several.get(at)?, id)?;
                    }
                }
                None if is_falsy(&messages) => {}
                None => self.send_one(scope, port, messages, id)?,
            }
        }
        Ok(())
    }

    fn send_one<'js>(
        &self,
        scope: &Scope<'_, 'js>,
        port: usize,
        msg: Js<'js>,
        id: Option<&Value>,
    ) -> Result<()> {
        let is_message = scope.is_given(&msg);
        if !is_message && (msg.is_null() || msg.is_undefined()) {
            return Ok(());
        }
        let object = match msg.try_into_object() {
            Ok(object) if is_message => object,
            Ok(object) if object.is_array() => return self.not_a_message("Array"),
            Ok(object) if object.is_function() => return self.not_a_message("function"),
            Ok(object) if object.as_typed_array::<u8>().is_some() => {
                return self.not_a_message("Buffer");
            }
            Ok(object) => object,
            Err(other) => return self.not_a_message(other.type_name()),
        };
        let mut msg = scope.message(&object)?;
        // All messages of one run carry the id of the one that caused it.
        match id {
            Some(id) => drop(msg.set(Key::new_static("_msgid"), id.clone())),
            None => drop(msg.remove("_msgid")),
        }
        self.state().causes.adopt(id, &mut msg);
        self.push(scope.ctx, Effect::Send(port, msg))
    }

    /// Calls a `link in` node; what comes back carries `call`.
    fn link_call<'js>(&self, ctx: &Ctx<'js>, target: &str, msg: Js<'js>, call: &str) -> Result<()> {
        let target = self.cx.find_linked(target).map_err(|error| throw(ctx, &error))?;
        let mut msg = message(ctx, msg)?.unwrap_or_default();
        msg.ensure_id();
        let source = Value::from(Map::from_iter([("id", call), ("node", self.cx.id())]));
        let sources = msg.properties_mut().get_or_insert_with(links::SOURCES, || Value::Null);
        match sources.as_array_mut() {
            Some(sources) => sources.push(source),
            None => *sources = vec![source].into(),
        }
        self.push(ctx, Effect::Call(target, msg))
    }

    fn not_a_message(&self, kind: &str) -> Result<()> {
        let kind = match kind {
            "bool" => "boolean",
            "int" | "float" => "number",
            other => other,
        };
        self.cx.error(format_args!("Function tried to send a message of type {kind}"));
        Ok(())
    }

    /// Runs a step that the interpreter cannot interrupt, without holding up other flows. If the time is over, the
    /// code is cut off before the step.
    fn aside<'js>(&self, ctx: &Ctx<'js>, work: &Function<'js>) -> Result<Js<'js>> {
        if self.limit.is_over() {
            return Err(Exception::throw_internal(ctx, "interrupted"));
        }
        run_aside(|| work.call(()))
    }

    fn status<'js>(&self, ctx: &Ctx<'js>, status: Js<'js>) -> Result<()> {
        let value = Reader::new(&Scope::of(ctx)?).value(status)?;
        self.state().showed_status = true;
        self.push(ctx, Effect::Status(status_from(value.as_ref())))
    }

    fn settled(&self) {
        let mut state = self.state();
        state.pending = state.pending.saturating_sub(1);
        state.waits_changed = true;
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("cx", &self.cx).finish_non_exhaustive()
    }
}

/// The message in a value of JavaScript, if it is an object.
fn message<'js>(ctx: &Ctx<'js>, value: Js<'js>) -> Result<Option<Message>> {
    match value.try_into_object() {
        Ok(object) if !object.is_array() && !object.is_function() => {
            Scope::of(ctx)?.message(&object).map(Some)
        }
        _ => Ok(None),
    }
}

fn is_falsy(value: &Js<'_>) -> bool {
    value.is_null()
        || value.is_undefined()
        || value.as_bool() == Some(false)
        || value.as_number().is_some_and(|number| number == 0.0 || number.is_nan())
        || value.as_string().is_some_and(|text| text.to_string().is_ok_and(|t| t.is_empty()))
}

fn throw(ctx: &Ctx<'_>, error: &NodeError) -> rquickjs::Error {
    Exception::throw_message(ctx, &error.chain())
}

/// The objects that the prelude creates for the runtime.
pub(crate) fn calls<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let calls = ctx.userdata::<Object<'js>>().map(|calls| calls.clone());
    calls.ok_or_else(|| Exception::throw_internal(ctx, "the function is not set up yet"))
}

fn status_from(value: Option<&Value>) -> Status {
    value.and_then(Value::as_object).map(Status::from_properties).unwrap_or_default()
}

fn level(name: &str) -> Level {
    match name {
        "error" => Level::Error,
        "warn" => Level::Warn,
        "debug" => Level::Debug,
        "trace" => Level::Trace,
        _ => Level::Info,
    }
}

struct Builder<'a, 'js> {
    ctx: &'a Ctx<'js>,
    host: Object<'js>,
}

impl<'js> Builder<'_, 'js> {
    fn add<P>(&self, name: &str, function: impl IntoJsFunc<'js, P> + 'js) -> Result<()> {
        add(&self.host, name, function)
    }
}

/// Adds a function to an object of the host.
pub(crate) fn add<'js, P>(
    object: &Object<'js>,
    name: &str,
    function: impl IntoJsFunc<'js, P> + 'js,
) -> Result<()> {
    object.set(name, Function::new(object.ctx().clone(), function)?)
}

/// Adds what modules of Node.js need.
pub(crate) fn add_modules<'js>(host: &Object<'js>, shared: &Arc<Shared>) -> Result<()> {
    let builder = Builder { ctx: host.ctx(), host: host.clone() };
    crypto::add_to(&builder, shared)?;
    machine::add(&builder, shared)
}

/// Makes the object that the prelude calls `host`.
pub(crate) fn object<'js>(ctx: &Ctx<'js>, shared: &Arc<Shared>) -> Result<Object<'js>> {
    let builder = Builder { ctx, host: Object::new(ctx.clone())? };
    add_node(&builder, shared)?;
    timers::add(&builder, shared)?;
    context::add(&builder, shared)?;
    asked::add(&builder, shared)?;
    add_outcomes(&builder, shared)?;
    express::add(&builder, shared)?;
    url::add(&builder)?;
    search::add(&builder)?;
    clock::add_zone(&builder)?;
    let this = Arc::clone(shared);
    builder.add("aside", move |ctx: Ctx<'js>, work: Function<'js>| this.aside(&ctx, &work))?;
    builder.add("library", |ctx: Ctx<'js>, name: String| library::load(&ctx, &name))?;
    let this = Arc::clone(shared);
    builder.add("intl", move |ctx: Ctx<'js>| intl::object(&ctx, &this))?;
    builder.add("generateId", || generate_id().to_string())?;
    builder.add("encode", |ctx: Ctx<'js>, bytes: Js<'js>, to: String| {
        encoding::encode(&encoding::bytes(&Scope::of(&ctx)?, bytes)?, &to)
            .map_err(|text| Exception::throw_type(&ctx, &text))
    })?;
    builder.add("decode", |ctx: Ctx<'js>, text: Js<'js>, from: String| {
        let text = Reader::new(&Scope::of(&ctx)?).value(text)?;
        let text = text.as_ref().and_then(Value::as_str).unwrap_or_default();
        ArrayBuffer::new(ctx.clone(), encoding::decode(text, &from))
    })?;
    Ok(builder.host)
}

fn add_node<'js>(builder: &Builder<'_, 'js>, shared: &Arc<Shared>) -> Result<()> {
    let this = Arc::clone(shared);
    builder.add("log", move |name: String, text: String| {
        this.cx.log(level(&name), format_args!("{text}"));
    })?;
    let this = Arc::clone(shared);
    builder.add("tell", move |ctx: Ctx<'js>, name: String, value: Js<'js>, text: String| {
        // A value that is nested too deeply is shown as text.
        match Reader::new(&Scope::of(&ctx)?).value(value) {
            Ok(Some(value)) => this.cx.log_value(level(&name), value, text),
            Ok(None) => this.cx.log(level(&name), format_args!("{text}")),
            Err(_) => {
                ctx.catch();
                this.cx.log(level(&name), format_args!("{text}"));
            }
        }
        Ok::<_, rquickjs::Error>(())
    })?;
    let this = Arc::clone(shared);
    builder.add("fail", move |ctx: Ctx<'js>, error: Js<'js>, msg: Js<'js>| {
        let (error, msg) = (fault::of(&ctx, &error), message(&ctx, msg)?);
        this.push(&ctx, Effect::Fail(error, msg))
    })?;
    let this = Arc::clone(shared);
    builder.add("failWith", move |ctx: Ctx<'js>, value: Js<'js>, text: String, msg: Js<'js>| {
        let (error, msg) = (fault::reported(&ctx, value, text)?, message(&ctx, msg)?);
        this.push(&ctx, Effect::Fail(error, msg))
    })?;
    let this = Arc::clone(shared);
    builder.add("complete", move |ctx: Ctx<'js>, msg: Js<'js>| match message(&ctx, msg)? {
        Some(msg) => this.push(&ctx, Effect::Complete(msg)),
        None => Ok(()),
    })?;
    let this = Arc::clone(shared);
    builder.add("hold", move |ctx: Ctx<'js>, number: u64| this.push(&ctx, Effect::Held(number)))?;
    let this = Arc::clone(shared);
    builder.add("linkCall", move |ctx: Ctx<'js>, target: String, msg: Js<'js>, call: String| {
        this.link_call(&ctx, &target, msg, &call)
    })?;
    let this = Arc::clone(shared);
    builder.add("status", move |ctx: Ctx<'js>, status: Js<'js>| this.status(&ctx, status))?;
    let this = Arc::clone(shared);
    builder.add("send", move |ctx: Ctx<'js>, results: Js<'js>, id: Js<'js>| {
        let scope = Scope::of(&ctx)?;
        let id = Reader::new(&scope).value(id)?.and_then(Value::into_defined);
        this.send(&scope, results, id.as_ref())
    })?;
    let this = Arc::clone(shared);
    builder.add("timedOut", move |ctx: Ctx<'js>, limit: f64, msg: Js<'js>| {
        let limit = Duration::from_secs_f64(limit / 1000.0);
        this.push(&ctx, Effect::Fail(fault::timed_out(limit), message(&ctx, msg)?))
    })
}

/// Handles the end of promises that the node waits for.
fn add_outcomes<'js>(builder: &Builder<'_, 'js>, shared: &Arc<Shared>) -> Result<()> {
    let this = Arc::clone(shared);
    builder.add("settled", move || this.settled())?;
    let this = Arc::clone(shared);
    builder.add("startFailed", move || this.state().start_failed = true)
}
