//! The user's code, wrapped as functions, and the check that it is JavaScript.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use ferrowire::NodeConfig;
use rquickjs::{CatchResultExt, Context, Ctx, Function, Runtime, context::EvalOptions};

use crate::fault;
use crate::limit::Limit;
use crate::spread;

/// The name of the user's code in stack traces. The wrapper's line comes first, so the user's
/// line numbers are one less than those that the interpreter counts.
pub(crate) const FILE: &str = "function";

// The semicolons make a directive such as `'use strict'` an ordinary statement, as in Node-RED.

pub(crate) fn message_code(code: &str, is_async: bool) -> String {
    let keyword = if is_async { "async " } else { "" };
    format!("({keyword}function (msg, node) {{;\n{code}\n}})")
}

pub(crate) fn initialize_code(code: &str) -> String {
    format!("(async function (node) {{;\n{code}\n}})")
}

pub(crate) fn finalize_code(code: &str) -> String {
    format!("(function (node) {{;\n{code}\n}})")
}

/// Whether the code contains a call of `node.done()`, outside of comments.
pub(crate) fn calls_done(code: &str) -> bool {
    let Some((before, after)) = code.split_once("node.done") else { return false };
    let line = before.rsplit('\n').next().unwrap_or_default();
    let in_comment = line.contains("//") && !line.contains("://")
        || before.rsplit_once("/*").is_some_and(|(_, comment)| !comment.contains("*/"));
    let call =
        after.trim_start().strip_prefix('(').is_some_and(|it| it.trim_start().starts_with(')'));
    (call && !in_comment) || calls_done(after)
}

/// Makes a function of wrapped code, without running any of it.
fn compile<'js>(ctx: &Ctx<'js>, code: &str) -> rquickjs::Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(FILE.to_owned());
    ctx.eval_with_options(code, options)
}

/// Makes a function of the user's code, wrapped, without running any of it.
pub(crate) fn compile_own<'js>(ctx: &Ctx<'js>, code: &str) -> rquickjs::Result<Function<'js>> {
    if let Some(rewritten) = spread::rewritten(code) {
        match compile(ctx, &rewritten) {
            Ok(function) => return Ok(function),
            // It was not a spread after all.
            Err(_) => drop(ctx.catch()),
        }
    }
    compile(ctx, code)
}

thread_local! {
    /// An empty interpreter. Code that breaks out of its wrapper would run in it, but not long.
    static CHECKER: OnceCell<Option<(Context, Arc<Limit>)>> = const { OnceCell::new() };
}

const TIME_LIMIT: Duration = Duration::from_millis(100);

fn checker() -> Option<(Context, Arc<Limit>)> {
    let runtime = Runtime::new().ok()?;
    let limit = Limit::new();
    let watch = Arc::clone(&limit);
    runtime.set_memory_limit(64 << 20);
    runtime.set_interrupt_handler(Some(Box::new(move || watch.is_over())));
    Some((Context::full(&runtime).ok()?, limit))
}

/// Reports invalid JavaScript as a problem of `property`; returns whether the code is valid.
pub(crate) fn check(config: &mut NodeConfig<'_>, property: &str, code: &str) -> bool {
    let problem = CHECKER.with(|context| {
        let (context, limit) = context.get_or_init(checker).as_ref()?;
        limit.begin(TIME_LIMIT);
        context.with(|ctx| {
            let error = compile(&ctx, code).catch(&ctx).err()?;
            // Code that takes too long here, perhaps on a busy machine, is checked at the first message.
            (!limit.exceeded()).then(|| fault::syntax_error(error))
        })
    });
    let is_valid = problem.is_none();
    if let Some(problem) = problem {
        config.problem(property, problem);
    }
    is_valid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_done_is_found_outside_of_comments() {
        for code in [
            "node.done()",
            "a; node.done ( );",
            "// node.done()\nnode.done()",
            "/* x */ node.done()",
        ] {
            assert!(calls_done(code), "{code}");
        }
        for code in ["", "// node.done()", "/* node.done() */", "node.done", "node.done(error)"] {
            assert!(!calls_done(code), "{code}");
        }
    }
}
