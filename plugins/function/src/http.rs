//! Requests of `http in` nodes that wait for a response: what code may do with `msg.req` and
//! `msg.res`, and what happens to a request when the code fails.

use ferrowire::{Links, Map, Message, NodeConfig, Value};

use crate::effects::Effect;
use crate::tokens::{Token, located};

/// Whether the code may use `msg.req` or `msg.res`.
pub(crate) fn is_used_in(code: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    ["req", "res"].into_iter().any(|name| {
        code.match_indices(name).any(|(at, _)| {
            let (before, after) = (code.get(..at), code.get(at + name.len()..));
            let is_separate = |c: Option<char>| !c.is_some_and(is_part);
            is_separate(before.and_then(|text| text.chars().next_back()))
                && is_separate(after.and_then(|text| text.chars().next()))
        })
    })
}

/// What Express offers that is not available here, and why.
const MISSING: [(&str, &[&str], &str); 4] = [
    (
        "req",
        &["pipe", "unpipe", "read", "resume", "pause", "setEncoding", "destroy", "setTimeout"],
        "the body was received before the message was sent; it is in `msg.req.body`",
    ),
    (
        "req",
        &["on", "once", "addListener", "removeListener", "off"],
        "a message is data, without events; the body is in `msg.req.body`",
    ),
    (
        "res",
        &["on", "once", "addListener", "removeListener", "off", "setTimeout", "destroy"],
        "a message is data, without events",
    ),
    (
        "res",
        &["write", "render", "flushHeaders", "pipe", "addTrailers", "cork", "uncork"],
        "a response is sent as a whole, with `msg.res.send`, or by an `http response`; for a stream \
         of messages use a WebSocket",
    ),
];

/// Reports calls on `msg.req` and `msg.res` that are not available as problems of `property`, and
/// returns whether there are none.
pub(crate) fn check(config: &mut NodeConfig<'_>, property: &str, code: &str) -> bool {
    let mut is_valid = true;
    if !is_used_in(code) {
        return is_valid;
    }
    let tokens = located(code).unwrap_or_default();
    for at in 0..tokens.len() {
        let Some((object, name)) = called(&tokens[at..]) else { continue };
        let missing = MISSING.iter().find(|(of, names, _)| *of == object && names.contains(&name));
        let is_member = at > 0 && tokens[at - 1].1 == Token::Mark('.');
        if let (Some((_, _, why)), false) = (missing, is_member) {
            let before = code.get(..tokens[at].0).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            config.problem(
                property,
                format!("line {line}: `msg.{object}.{name}()` is not available: {why}"),
            );
            is_valid = false;
        }
    }
    is_valid
}

/// The method that is called on `msg.req`, `msg.res` or `msg.res._res`.
fn called<'a>(tokens: &[(usize, Token<'a>)]) -> Option<(&'a str, &'a str)> {
    let mut tokens = tokens.iter().map(|(_, token)| *token).filter(|it| *it != Token::Mark('?'));
    if tokens.next()? != Token::Word("msg") {
        return None;
    }
    let mut member = || match (tokens.next()?, tokens.next()?) {
        (Token::Mark('.'), Token::Word(name)) => Some(name),
        _ => None,
    };
    let object = member()?;
    let name = member()?;
    let name = if matches!(name, "_res" | "_req") { member()? } else { name };
    (tokens.next()? == Token::Mark('(')).then_some((object, name))
}

/// `msg.res` of a message with a request that waits for a response.
pub(crate) fn request_of(msg: &Message) -> Option<Value> {
    let res = msg.get("res")?;
    receiver(res).is_some().then(|| res.clone())
}

/// The id of the `http in` node that received the request. It is part of the request's name,
/// whose validity only that node can check.
fn receiver(res: &Value) -> Option<&str> {
    res.get("_res")?.as_str()?.split_once('@').map(|(_, id)| id)
}

/// Tells the `http in` node what the code responds, or that it failed; `more` says which.
pub(crate) fn answer(res: Value, more: Map) -> Option<Effect> {
    let address = format!("{}{}", Links::ANSWER, receiver(&res)?);
    let mut msg = Message::from(more);
    msg.set("res", res);
    Some(Effect::Answer(address, msg))
}

/// The code failed with a request. Unless a catch node leads to a response soon, the `http in` node
/// responds.
pub(crate) fn failed(res: Value) -> Option<Effect> {
    answer(res, Map::from_iter([("failed", true)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_stand_alone() {
        for code in ["msg.req", "req.get('x')", "let {res} = msg", "msg['res']"] {
            assert!(is_used_in(code), "{code}");
        }
        for code in ["", "require(x)", "msg.response", "result", "$res", "res_1", "pre.required"] {
            assert!(!is_used_in(code), "{code}");
        }
    }

    #[test]
    fn calls_are_found_on_the_request_and_the_response_of_a_message() {
        let of = |code| called(&located(code).unwrap());
        assert_eq!(of("msg.res.write('x')"), Some(("res", "write")));
        assert_eq!(of("msg.res._res.write('x')"), Some(("res", "write")));
        assert_eq!(of("msg.req?.on('close')"), Some(("req", "on")));
        for code in ["msg.res.write", "msg.res = 1", "res.write('x')", "msg.res"] {
            assert_eq!(of(code), None, "{code}");
        }
    }
}
