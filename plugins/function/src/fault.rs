//! Errors of the user's code as errors of the node.

use std::time::Duration;

use ferrowire::NodeError;
use rquickjs::{CatchResultExt, CaughtError, Ctx, Exception, Function, Object, Value};

use crate::convert::{Reader, Scope};
use crate::syntax::FILE;

/// The value that is thrown if there is no memory for an error.
pub(crate) const NOTHING: &str = "null";

/// A place in the user's code.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    line: u32,
    column: u32,
}

/// The innermost place of the user's code in a stack trace.
fn place(stack: &str) -> Option<Place> {
    let at = stack.lines().find_map(|frame| {
        let start = frame.find(&format!("{FILE}:"))?;
        frame.get(start + FILE.len() + 1..)
    })?;
    let mut numbers = at.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u32>().ok());
    // The first line is the wrapper's; a place in it means the whole code.
    let line = numbers.next()?.checked_sub(1).filter(|line| *line > 0)?;
    Some(Place { line, column: numbers.next().unwrap_or(0) })
}

fn name(exception: &Object<'_>) -> String {
    exception.get("name").unwrap_or_else(|_| "Error".to_owned())
}

/// Why code was not accepted.
pub(crate) fn syntax_error(error: CaughtError<'_>) -> String {
    let CaughtError::Exception(exception) = &error else {
        return format!("the code is no JavaScript: {error}");
    };
    let message = exception.message().unwrap_or_default();
    match exception.stack().as_deref().and_then(place) {
        Some(Place { line, column }) => {
            format!("syntax error in line {line}, column {column}: {message}")
        }
        None => format!("syntax error: {message}"),
    }
}

/// The error of the pending exception.
pub(crate) fn pending(ctx: &Ctx<'_>) -> NodeError {
    of(ctx, &ctx.catch())
}

/// The error of a thrown `value`, in Node-RED's words: an error object as its name
/// and message, a string as it is, anything else as JSON. A reference error has its place in the
/// text, other errors have it as their cause, so that a text that the user wrote stays as it is.
pub(crate) fn of<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> NodeError {
    if let Some(exception) = value.as_object().cloned().and_then(Exception::from_object) {
        return of_exception(ctx, &exception);
    }
    if let Some(Ok(text)) = value.as_string().map(rquickjs::String::to_string) {
        return NodeError::new(text);
    }
    if value.is_null() {
        let why = "the code threw `null`, or held more memory than it may for a moment";
        return NodeError::caused_by(NOTHING, why);
    }
    match ctx.json_stringify(value.clone()) {
        Ok(Some(text)) => NodeError::new(text.to_string().unwrap_or_default()),
        _ => {
            ctx.catch();
            NodeError::new("undefined")
        }
    }
}

/// The error that the code reports with a value that is neither a text nor an error. In Node-RED
/// catch nodes get it as a text, and `code`, `stack` and `cause` if it has them.
pub(crate) fn reported<'js>(
    ctx: &Ctx<'js>,
    value: Value<'js>,
    text: String,
) -> rquickjs::Result<NodeError> {
    let error = NodeError::new(text);
    let value = match Reader::new(&Scope::of(ctx)?).value(value) {
        Ok(Some(value)) => value,
        Ok(None) => return Ok(error),
        // A value that is nested too deeply is reported as text.
        Err(_) => {
            ctx.catch();
            return Ok(error);
        }
    };
    let detail = |error: NodeError, name| match value.get(name) {
        Some(detail) => error.with(name, detail.clone()),
        None => error,
    };
    let error = ["code", "stack", "cause"].into_iter().fold(error, detail);
    Ok(error.with_value(value))
}

fn of_exception<'js>(ctx: &Ctx<'js>, exception: &Exception<'js>) -> NodeError {
    let name = name(exception.as_object());
    let message = exception.message().unwrap_or_default();
    let text = if message.is_empty() { name.clone() } else { format!("{name}: {message}") };
    let stack = exception.stack().unwrap_or_default();
    let (heading, frames) = parts(stack.trim_end());
    let error = match place(frames) {
        Some(Place { line, column }) if name == "ReferenceError" => {
            NodeError::new(format!("{text} (line {line}, col {column})"))
        }
        Some(Place { line, column }) => {
            let place = format!("thrown in line {line}, col {column} of the function");
            NodeError::caused_by(text.clone(), place)
        }
        None => NodeError::new(text.clone()),
    };
    let details = ["code", "cause"].into_iter().filter_map(|detail| {
        let value: Value<'js> = exception.as_object().get(detail).ok()?;
        let scope = Scope::of(ctx).ok()?;
        Some((detail, Reader::new(&scope).value(value).ok()??.into_defined()?))
    });
    let error = details.fold(error, |error, (detail, value)| error.with(detail, value));
    let heading = if heading.is_empty() { &text } else { heading };
    error.with("stack", format!("{heading}\n{}", in_user_lines(frames)))
}

/// The first line of a stack trace, and its frames. The user's text may look like a frame.
fn parts(stack: &str) -> (&str, &str) {
    if stack.starts_with("    at ") {
        return ("", stack);
    }
    match stack.find("\n    at ") {
        Some(end) => {
            let (heading, frames) = stack.split_at(end);
            (heading, frames.trim_start_matches('\n'))
        }
        None => (stack, ""),
    }
}

/// An error of the runtime, as if the code had thrown it.
pub(crate) fn made(name: &str, message: &str) -> NodeError {
    let text = format!("{name}: {message}");
    NodeError::new(text.clone()).with("stack", text)
}

/// The error of code that takes longer than `limit`.
pub(crate) fn timed_out(limit: Duration) -> NodeError {
    let text = format!("Script execution timed out after {}ms", limit.as_millis());
    made("Error", &text).with("code", "ERR_SCRIPT_EXECUTION_TIMEOUT")
}

/// A stack trace with the line numbers of the user's code.
fn in_user_lines(stack: &str) -> String {
    let mark = format!("{FILE}:");
    let mut parts = stack.split(&mark);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (line, rest) = part.split_at(digits);
        text.push_str(&mark);
        match line.parse::<u32>() {
            Ok(line) => text.push_str(&line.saturating_sub(1).to_string()),
            Err(_) => text.push_str(line),
        }
        text.push_str(rest);
    }
    text
}

/// Calls a function; what it throws is the error.
pub(crate) fn call<'js, R: rquickjs::FromJs<'js>>(
    ctx: &Ctx<'js>,
    function: &Function<'js>,
    args: impl rquickjs::function::IntoArgs<'js>,
) -> Result<R, NodeError> {
    function.call(args).catch(ctx).map_err(|error| match error {
        CaughtError::Exception(exception) => of_exception(ctx, &exception),
        CaughtError::Value(value) => of(ctx, &value),
        CaughtError::Error(error) => NodeError::new(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_frame_of_the_users_code_is_the_place() {
        let stack =
            "    at from (native)\n    at f (function:4:7)\n    at <anonymous> (function:9:1)";
        assert_eq!(place(stack), Some(Place { line: 3, column: 7 }));
        assert_eq!(place("    at now (native)"), None);
        assert_eq!(place("    at <anonymous> (function:1:1)"), None);
        assert_eq!(
            in_user_lines(stack),
            "    at from (native)\n    at f (function:3:7)\n    at <anonymous> (function:8:1)"
        );
    }
}
