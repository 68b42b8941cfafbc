//! Context and expressions as JavaScript asks for them.

use std::sync::Arc;

use ferrowire::expression::Jsonata;
use ferrowire::{NodeContext, NodeError, Value};
use rquickjs::function::Opt;
use rquickjs::{Array, Ctx, Result, Value as Js};

use super::{Builder, Shared, throw};
use crate::changed::changed;
use crate::convert::{Reader, Scope};
use crate::kept::Kept;
use crate::place::{self, Place};

/// The value of a JSONata expression over `input`.
fn expression(
    cx: &NodeContext,
    source: &str,
    input: &Value,
) -> std::result::Result<Option<Value>, NodeError> {
    let compiled = Jsonata::compile(source).map_err(|error| NodeError::new(error.to_string()))?;
    compiled.evaluate(input, cx)
}

impl Shared {
    /// Holds the values of contexts that the code has got in earlier runs, and may change in this one.
    pub(crate) fn begin_keeping(&self, scope: &Scope<'_, '_>) -> Result<()> {
        if self.state().keeps { scope.call("hold")?.call(()) } else { Ok(()) }
    }

    /// Puts back the values of contexts that the run has changed in place.
    pub(crate) fn end_keeping(&self, scope: &Scope<'_, '_>) -> Result<()> {
        if self.state().keeps {
            self.state().keeps = scope.call("keep")?.call(())?;
        }
        Ok(())
    }

    /// The value at a place; with a `number`, changes of it in place are put back.
    fn context_get<'js>(
        &self,
        ctx: &Ctx<'js>,
        place: Place,
        number: Option<u32>,
    ) -> Result<Js<'js>> {
        let value = place.get(&self.cx).map_err(|error| throw(ctx, &error))?;
        let Some(value) = value else { return Ok(Js::new_undefined(ctx.clone())) };
        let js = Scope::of(ctx)?.to_js(&value)?;
        self.note_kept(place, number, &value);
        Ok(js)
    }

    fn context_set<'js>(
        &self,
        ctx: &Ctx<'js>,
        place: Place,
        (value, number): (Js<'js>, Option<u32>),
    ) -> Result<()> {
        let value = Reader::new(&Scope::of(ctx)?).value(value)?;
        place.set(&self.cx, value.clone()).map_err(|error| throw(ctx, &error))?;
        if let Some(value) = value {
            self.note_kept(place, number, &value);
        }
        Ok(())
    }

    fn note_kept(&self, place: Place, number: Option<u32>, value: &Value) {
        if let Some((number, kept)) = number.zip(Kept::new(place, value)) {
            let mut state = self.state();
            state.keeps = true;
            state.kept.insert(number, kept);
        }
    }

    fn let_go(&self, number: u32) {
        let mut state = self.state();
        state.kept.remove(&number);
        state.keeps = !state.kept.is_empty();
    }

    /// Whether the context still has the value of this number.
    fn is_kept(&self, number: u32) -> bool {
        let kept = self.state().kept.get(&number).cloned();
        kept.is_some_and(|kept| kept.is_current(&self.cx))
    }

    /// Puts the value of this number back, if the object is no longer what it was.
    fn keep_changed<'js>(&self, ctx: &Ctx<'js>, number: u32, object: Js<'js>) -> Result<()> {
        let Some(mut kept) = self.state().kept.get(&number).cloned() else { return Ok(()) };
        let scope = Scope::of(ctx)?;
        let now = changed(&mut Reader::new(&scope), object, &kept.was)?;
        let Some(now) = now else { return Ok(()) };
        kept.change(&self.cx, now).map_err(|error| throw(ctx, &error))?;
        self.state().kept.insert(number, kept);
        Ok(())
    }
}

pub(super) fn place(ctx: &Ctx<'_>, scope: &str, path: &str, store: String) -> Result<Place> {
    Place::parse(scope, path, store).map_err(|error| throw(ctx, &error))
}

pub(super) fn add<'js>(builder: &Builder<'_, 'js>, shared: &Arc<Shared>) -> Result<()> {
    let this = Arc::clone(shared);
    builder.add("env", move |ctx: Ctx<'js>, name: String| match this.cx.env(&name) {
        Some(value) => Scope::of(&ctx)?.to_js(&value),
        None => Ok(Js::new_undefined(ctx)),
    })?;
    let this = Arc::clone(shared);
    builder.add(
        "contextGet",
        move |ctx: Ctx<'js>, scope: String, path: String, store: String, number: Opt<u32>| {
            let place = place(&ctx, &scope, &path, store)?;
            this.context_get(&ctx, place, number.0)
        },
    )?;
    let this = Arc::clone(shared);
    builder.add(
        "contextSet",
        move |ctx: Ctx<'js>,
              scope: String,
              path: String,
              store: String,
              value: Js<'js>,
              number: Opt<u32>| {
            if value.is_function() {
                let text = "functions cannot be kept in a context, no other node could call them";
                this.cx.warn(format_args!("`{path}` is left out: {text}"));
            }
            let place = place(&ctx, &scope, &path, store)?;
            this.context_set(&ctx, place, (value, number.0))
        },
    )?;
    let this = Arc::clone(shared);
    builder.add("isKept", move |number: u32| this.is_kept(number))?;
    let this = Arc::clone(shared);
    builder.add("keepChanged", move |ctx: Ctx<'js>, number: u32, object: Js<'js>| {
        this.keep_changed(&ctx, number, object)
    })?;
    let this = Arc::clone(shared);
    builder.add("letGo", move |number: u32| this.let_go(number))?;
    let this = Arc::clone(shared);
    builder.add("jsonata", move |ctx: Ctx<'js>, source: String, input: Js<'js>| {
        let scope = Scope::of(&ctx)?;
        let input = Reader::new(&scope).value(input)?.unwrap_or(Value::Undefined);
        match expression(&this.cx, &source, &input) {
            Ok(Some(value)) => scope.to_js(&value),
            Ok(None) => Ok(Js::new_undefined(ctx.clone())),
            Err(error) => Err(throw(&ctx, &error)),
        }
    })?;
    let this = Arc::clone(shared);
    builder.add("contextKeys", move |ctx: Ctx<'js>, kind: String, store: String| {
        let found = place::keys(&this.cx, &kind, &store).map_err(|error| throw(&ctx, &error))?;
        let keys = Array::new(ctx)?;
        for (at, key) in found.iter().enumerate() {
            keys.set(at, key.as_str())?;
        }
        Ok::<_, rquickjs::Error>(keys)
    })
}
