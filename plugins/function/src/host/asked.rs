//! `Asked`: what the code has asked context stores that answer later.

use std::collections::HashSet;
use std::sync::Arc;

use ferrowire::Atomic;
use rquickjs::{Ctx, Exception, Result, Value as Js};

use super::{Builder, Shared, throw};
use crate::convert::{Reader, Scope};
use crate::place::{Answer, Place};

/// How many answers a function may wait for.
const MOST: usize = 1024;

/// Questions by number. The numbers of an interpreter that is gone are not used again.
#[derive(Default)]
pub(crate) struct Asked {
    last: u32,
    waiting: HashSet<u32>,
    /// Those of this run.
    new: Vec<(u32, Answer)>,
}

impl Asked {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The questions of a run.
    pub(crate) fn take_new(&mut self) -> Vec<(u32, Answer)> {
        std::mem::take(&mut self.new)
    }

    /// Whether the interpreter that asked still waits for the answer.
    pub(crate) fn answer(&mut self, number: u32) -> bool {
        self.waiting.remove(&number)
    }

    /// Forgets the questions of an interpreter that is gone.
    pub(crate) fn forget(&mut self) {
        self.waiting.clear();
        self.new.clear();
    }
}

impl Shared {
    fn ask(&self, ctx: &Ctx<'_>, answer: Answer) -> Result<u32> {
        let mut state = self.state();
        if state.asked.waiting.len() >= MOST {
            drop(state);
            let text =
                format!("a function must not wait for more than {MOST} answers of context stores");
            return Err(Exception::throw_range(ctx, &text));
        }
        state.asked.last += 1;
        let number = state.asked.last;
        state.asked.waiting.insert(number);
        state.asked.new.push((number, answer));
        state.waits_changed = true;
        Ok(number)
    }

    /// The number of the answer that tells when what was set is durable; 0 if it is.
    fn ask_written(&self, ctx: &Ctx<'_>, place: &Place) -> Result<u32> {
        match place.written(&self.cx).map_err(|error| throw(ctx, &error))? {
            Some(answer) => self.ask(ctx, answer),
            None => Ok(0),
        }
    }

    fn ask_change(&self, ctx: &Ctx<'_>, place: &Place, change: Atomic) -> Result<u32> {
        let answer = place.change(&self.cx, change).map_err(|error| throw(ctx, &error))?;
        self.ask(ctx, answer)
    }
}

pub(super) fn add<'js>(builder: &Builder<'_, 'js>, shared: &Arc<Shared>) -> Result<()> {
    let this = Arc::clone(shared);
    builder.add(
        "contextWritten",
        move |ctx: Ctx<'js>, scope: String, path: String, store: String| {
            let place = super::context::place(&ctx, &scope, &path, store)?;
            this.ask_written(&ctx, &place)
        },
    )?;
    let this = Arc::clone(shared);
    builder.add(
        "contextAdd",
        move |ctx: Ctx<'js>, scope: String, path: String, store: String, number: f64| {
            let place = super::context::place(&ctx, &scope, &path, store)?;
            this.ask_change(&ctx, &place, Atomic::Add(number))
        },
    )?;
    let this = Arc::clone(shared);
    builder.add(
        "contextCompareAndSet",
        move |ctx: Ctx<'js>,
              scope: String,
              path: String,
              store: String,
              expected: Js<'js>,
              value: Js<'js>| {
            let place = super::context::place(&ctx, &scope, &path, store)?;
            let scope = Scope::of(&ctx)?;
            let mut reader = Reader::new(&scope);
            let change = Atomic::CompareAndSet(reader.value(expected)?, reader.value(value)?);
            this.ask_change(&ctx, &place, change)
        },
    )
}
