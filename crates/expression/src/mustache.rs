//! Mustache templates over messages, compatible with mustache.js: variables, sections, inverted
//! sections, comments and custom delimiters. Partials and functions are not supported.

mod parse;

use std::borrow::Cow;

use ferrowire_core::{Map, Message, Value, number_to_string};

use crate::javascript;

/// A parsed template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Variable { name: String, escape: bool },
    Section { name: String, inverted: bool, parts: Vec<Part> },
}

/// A syntax error in a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at position {position} of the template")]
pub struct InvalidTemplate {
    reason: String,
    position: usize,
}

/// Rendering a template exceeded a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the template creates more than {MOST} bytes for this message, or takes more than {STEPS} steps"
)]
pub struct TooLong;

/// The maximum length of the result in bytes.
const MOST: usize = 64 << 20;

/// The maximum number of tags and texts to process, including repetitions in sections.
const STEPS: usize = 8 << 20;

/// Options for rendering a template.
pub struct Filling<'a> {
    /// Escapes control characters and backslashes in values of the message as in JSON, for
    /// templates that create JSON.
    pub escape_strings: bool,
    /// The value of a name that is missing in the message.
    pub missing: &'a dyn Fn(&str) -> Option<Value>,
}

impl std::fmt::Debug for Filling<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filling").field("escape_strings", &self.escape_strings).finish()
    }
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// If a tag or section is not closed, or a section is closed that was not opened.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        parse::parts(text).map(|parts| Template { parts })
    }

    /// All names in the template.
    pub fn names(&self) -> Vec<&str> {
        fn collect<'a>(parts: &'a [Part], names: &mut Vec<&'a str>) {
            for part in parts {
                match part {
                    Part::Text(_) => {}
                    Part::Variable { name, .. } => names.push(name),
                    Part::Section { name, parts, .. } => {
                        names.push(name);
                        collect(parts, names);
                    }
                }
            }
        }
        let mut names = Vec::new();
        collect(&self.parts, &mut names);
        names
    }

    /// Renders the template for `msg`.
    ///
    /// # Errors
    /// If the result or the number of steps exceeds the limit.
    pub fn render(&self, msg: &Message, filling: &Filling<'_>) -> Result<String, TooLong> {
        let mut renderer = Renderer { filling, out: String::new(), steps: 0 };
        let message = Frame { here: Here::Message(msg.properties()), outer: None };
        renderer.parts(&self.parts, &message)?;
        Ok(renderer.out)
    }
}

/// The scope of names: the message, or the value of a section.
#[derive(Clone, Copy)]
enum Here<'a> {
    Message(&'a Map),
    Value(&'a Value),
}

/// A section, and the enclosing ones.
struct Frame<'a> {
    here: Here<'a>,
    outer: Option<&'a Frame<'a>>,
}

struct Renderer<'a> {
    filling: &'a Filling<'a>,
    out: String,
    steps: usize,
}

impl Renderer<'_> {
    fn parts(&mut self, parts: &[Part], frame: &Frame<'_>) -> Result<(), TooLong> {
        for part in parts {
            self.steps += 1;
            if self.out.len() > MOST || self.steps > STEPS {
                return Err(TooLong);
            }
            match part {
                Part::Text(text) => self.out.push_str(text),
                Part::Variable { name, escape } => self.variable(name, *escape, frame),
                Part::Section { name, inverted, parts } => {
                    self.section(name, *inverted, parts, frame)?;
                }
            }
        }
        Ok(())
    }

    fn variable(&mut self, name: &str, escape: bool, frame: &Frame<'_>) {
        let value = self.lookup(name, frame);
        let text = match value.as_deref() {
            None | Some(Value::Null | Value::Undefined) => return,
            Some(Value::Number(number)) => return self.out.push_str(&number_to_string(*number)),
            Some(Value::String(text)) => Cow::Borrowed(text.as_str()),
            value => Cow::Owned(javascript::text(value)),
        };
        if escape { escape_html(&text, &mut self.out) } else { self.out.push_str(&text) }
    }

    fn section(
        &mut self,
        name: &str,
        inverted: bool,
        parts: &[Part],
        frame: &Frame<'_>,
    ) -> Result<(), TooLong> {
        let value = self.lookup(name, frame);
        let value = value.as_deref().unwrap_or(&Value::Null);
        let empty = !value.is_truthy() || value.as_array().is_some_and(<[Value]>::is_empty);
        if inverted {
            return if empty { self.parts(parts, frame) } else { Ok(()) };
        }
        let inside = |value| Frame { here: Here::Value(value), outer: Some(frame) };
        match value {
            _ if empty => Ok(()),
            Value::Array(items) => {
                items.iter().try_for_each(|item| self.parts(parts, &inside(item)))
            }
            Value::Bool(_) => self.parts(parts, frame),
            value => self.parts(parts, &inside(value)),
        }
    }

    fn lookup<'v>(&self, name: &str, frame: &Frame<'v>) -> Option<Cow<'v, Value>> {
        if name == "." {
            return Some(match frame.here {
                Here::Message(message) => Cow::Owned(message.clone().into()),
                Here::Value(value) => Cow::Borrowed(value),
            });
        }
        let mut found = None;
        let mut next = Some(frame);
        while let (None, Some(frame)) = (&found, next) {
            found = find(frame.here, name);
            next = frame.outer;
        }
        let is_outermost = frame.outer.is_none();
        match found.as_deref() {
            None => (self.filling.missing)(name).map(Cow::Owned),
            Some(Value::String(text)) if self.filling.escape_strings && is_outermost => {
                Some(Cow::Owned(escape_json(text).into()))
            }
            Some(_) => found,
        }
    }
}

/// The value of a dotted name, if all of its parts exist.
fn find<'v>(here: Here<'v>, name: &str) -> Option<Cow<'v, Value>> {
    let mut names = name.split('.');
    let first = names.next()?;
    let first = match here {
        Here::Message(message) => Cow::Borrowed(message.get(first)?),
        Here::Value(value) => member(value, first)?,
    };
    names.try_fold(first, |value, name| match value {
        Cow::Borrowed(value) => member(value, name),
        Cow::Owned(value) => member(&value, name).map(|found| Cow::Owned(found.into_owned())),
    })
}

fn member<'v>(value: &'v Value, name: &str) -> Option<Cow<'v, Value>> {
    let index = || name.parse::<usize>().ok();
    Some(match value {
        Value::Object(map) => Cow::Borrowed(map.get(name)?),
        Value::Array(items) if name == "length" => Cow::Owned(items.len().into()),
        Value::Array(items) => Cow::Borrowed(items.get(index()?)?),
        Value::Buffer(bytes) if name == "length" => Cow::Owned(bytes.len().into()),
        Value::Buffer(bytes) => Cow::Owned(u32::from(*bytes.get(index()?)?).into()),
        Value::String(text) if name == "length" => Cow::Owned(text.encode_utf16().count().into()),
        _ => return None,
    })
}

fn escape_html(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| entity(byte).is_some()) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        out.push_str(special.bytes().next().and_then(entity).unwrap_or_default());
        rest = special.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

fn entity(byte: u8) -> Option<&'static str> {
    Some(match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'"' => "&quot;",
        b'\'' => "&#39;",
        b'/' => "&#x2F;",
        b'`' => "&#x60;",
        b'=' => "&#x3D;",
        _ => return None,
    })
}

fn escape_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{c}' => out.push_str("\\f"),
            '\u{8}' => out.push_str("\\b"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        #[test]
        fn any_text_is_a_template_or_a_mistake(
            text in "([a{}#^/>&!= .\n\u{e9}-]|\\{\\{|\\}\\}|\\{\\{#a\\}\\}|\\{\\{/a\\}\\}){0,40}",
            any in any::<String>(),
        ) {
            for text in [text, any] {
                let Ok(template) = Template::parse(&text) else { continue };
                let msg = Message::from(Map::from_iter([("a", Value::from(vec![Value::from(1)]))]));
                let filling = Filling { escape_strings: true, missing: &|_| None };
                prop_assert!(template.render(&msg, &filling).is_ok());
            }
        }

        #[test]
        fn text_without_tags_is_left_alone(text in "[^{]*") {
            prop_assert_eq!(render(&text, json!({})), text);
        }

        #[test]
        fn escaped_text_holds_nothing_that_html_reads(text in any::<String>()) {
            let escaped = render("{{a}}", json!({"a": text}));
            prop_assert!(!escaped.contains(['<', '>', '"', '\'', '`', '=', '/']));
        }
    }

    fn render(template: &str, msg: serde_json::Value) -> String {
        let Value::Object(map) = Value::from(msg) else { panic!("not an object") };
        let missing = |name: &str| (name == "env.WHO").then(|| Value::from("<Joe>"));
        let filling = Filling { escape_strings: false, missing: &missing };
        let msg = Message::from((*map).clone());
        Template::parse(template).unwrap().render(&msg, &filling).unwrap()
    }

    #[test]
    fn variables_are_looked_up_and_escaped() {
        let msg =
            json!({"a": "<b>&\"'/`=", "n": 5, "o": {"x": [1, {"y": "z"}]}, "t": true, "e": null});
        for (template, expected) in [
            ("{{a}}", "&lt;b&gt;&amp;&quot;&#39;&#x2F;&#x60;&#x3D;"),
            ("{{{a}}}|{{&a}}|{{& a }}", "<b>&\"'/`=|<b>&\"'/`=|<b>&\"'/`="),
            ("{{n}}{{ o.x.1.y }}{{o.x.length}}{{t}}{{e}}{{none}}{{o.none.x}}", "5z2true"),
            ("{{o}} {{o.x}}", "[object Object] 1,[object Object]"),
            ("{{env.WHO}}{{{env.WHO}}}", "&lt;Joe&gt;<Joe>"),
            ("a{{! comment }}b{{> partial}}c", "abc"),
            ("{{=<% %>=}}<% n %>{{n}}<%={{ }}=%>{{n}}", "5{{n}}5"),
        ] {
            assert_eq!(render(template, msg.clone()), expected, "{template}");
        }
    }

    #[test]
    fn sections_repeat_or_choose() {
        let msg = json!({"list": [{"n": 1}, {"n": 2}], "words": ["a", "b"], "o": {"n": 3}, "n": 0,
            "yes": true, "none": [], "text": "t"});
        for (template, expected) in [
            ("{{#list}}{{n}},{{/list}}", "1,2,"),
            ("{{#words}}<{{.}}>{{/words}}", "<a><b>"),
            ("{{#o}}{{n}}{{text}}{{/o}}", "3t"),
            ("{{#yes}}y{{/yes}}{{^yes}}n{{/yes}}", "y"),
            ("{{#none}}y{{/none}}{{^none}}n{{/none}}{{^n}}0{{/n}}", "n0"),
            ("{{#list}}{{#words}}{{n}}{{.}} {{/words}}{{/list}}", "1a 1b 2a 2b "),
            ("{{#text}}{{.}}{{length}}{{/text}}", "t1"),
        ] {
            assert_eq!(render(template, msg.clone()), expected, "{template}");
        }
    }

    #[test]
    fn lines_with_nothing_but_sections_leave_no_trace() {
        let template =
            "<ul>\n  {{#l}}\n  <li>{{.}}</li>\n  {{/l}}\n</ul>\n{{! gone }}\nend {{^l}} {{/l}}\n";
        assert_eq!(
            render(template, json!({"l": [1, 2]})),
            "<ul>\n  <li>1</li>\n  <li>2</li>\n</ul>\nend \n"
        );
    }

    #[test]
    fn mistakes_have_a_position() {
        for (template, error) in [
            ("ab{{c", "a tag is not closed at position 2 of the template"),
            ("{{#a}}x", "unclosed section `a` at position 0 of the template"),
            ("{{/a}}", "unopened section `a` at position 0 of the template"),
            ("{{#a}}{{/b}}", "unclosed section `a` at position 6 of the template"),
            ("{{=x=}}", "invalid tags `x` at position 0 of the template"),
        ] {
            assert_eq!(Template::parse(template).unwrap_err().to_string(), error);
        }
        assert!(Template::parse(&"{{#a}}".repeat(1000)).is_err());
    }

    #[test]
    fn a_template_that_multiplies_without_end_is_cut_off() {
        let list: Vec<u8> = vec![1; 1000];
        let template = "{{#l}}".repeat(4) + &"x".repeat(100) + &"{{/l}}".repeat(4);
        let msg: Message = [(
            "l",
            Value::from(list.into_iter().map(|n| Value::from(u32::from(n))).collect::<Vec<_>>()),
        )]
        .into_iter()
        .collect::<Map>()
        .into();
        let filling = Filling { escape_strings: false, missing: &|_| None };
        assert_eq!(Template::parse(&template).unwrap().render(&msg, &filling), Err(TooLong));
    }
}
