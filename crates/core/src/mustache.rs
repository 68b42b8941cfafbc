//! Mustache templates over messages, as mustache.js reads them: variables, sections, inverted
//! sections, comments and other delimiters. There are no partials and no functions to call.

use crate::{Message, Value, javascript};

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

/// A mistake in a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at position {position} of the template")]
pub struct InvalidTemplate {
    reason: String,
    position: usize,
}

/// A template that makes too much of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the template makes more than {MOST} bytes of this message, it is cut off")]
pub struct TooLong;

/// The longest text that a template may make, and the most steps that it may take.
const MOST: usize = 64 << 20;

/// How deep sections may be nested.
const DEPTH: usize = 100;

/// How a template is filled in.
pub struct Filling<'a> {
    /// Writes control characters and backslashes in values of the message as JSON does, for
    /// templates that make JSON.
    pub escape_strings: bool,
    /// The value of a name that the message does not have.
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
    /// When a tag or a section is not closed, or a section is closed that was not opened.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let mut parser = Parser::new(text);
        parser.tokens()?;
        nest(parser.tokens, text.len()).map(|parts| Template { parts })
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

    /// The template, filled in for `msg`.
    ///
    /// # Errors
    /// When the result, or the way to it, is out of all proportion.
    pub fn render(&self, msg: &Message, filling: &Filling<'_>) -> Result<String, TooLong> {
        let root = Value::from(msg.properties().clone());
        let mut renderer = Renderer { stack: vec![root], filling, out: String::new(), steps: 0 };
        renderer.parts(&self.parts)?;
        Ok(renderer.out)
    }
}

#[derive(Debug)]
enum Token {
    Text(String),
    Variable { name: String, escape: bool },
    Open { name: String, inverted: bool, position: usize },
    Close { name: String, position: usize },
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    open: String,
    close: String,
    tokens: Vec<Token>,
    /// The first token of the line, and whether it has tags, and anything else.
    line: usize,
    has_tag: bool,
    has_content: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Parser {
            text,
            at: 0,
            open: "{{".to_owned(),
            close: "}}".to_owned(),
            tokens: Vec::new(),
            line: 0,
            has_tag: false,
            has_content: false,
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn tokens(&mut self) -> Result<(), InvalidTemplate> {
        loop {
            let rest = self.rest();
            let end = rest.find(self.open.as_str());
            self.plain(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default());
            let Some(end) = end else { break };
            let position = self.at + end;
            self.at = position + self.open.len();
            self.tag(position)?;
        }
        self.end_of_line();
        Ok(())
    }

    fn plain(&mut self, text: &str) {
        for piece in text.split_inclusive('\n') {
            self.has_content |= piece.contains(|c: char| !c.is_whitespace());
            self.tokens.push(Token::Text(piece.to_owned()));
            if piece.ends_with('\n') {
                self.end_of_line();
            }
        }
    }

    /// A line that has nothing but tags without a value of their own leaves no trace.
    fn end_of_line(&mut self) {
        if self.has_tag && !self.has_content {
            let mut at = 0;
            let line = self.line;
            self.tokens.retain(|token| {
                at += 1;
                at <= line || !matches!(token, Token::Text(_))
            });
        }
        (self.line, self.has_tag, self.has_content) = (self.tokens.len(), false, false);
    }

    fn tag(&mut self, position: usize) -> Result<(), InvalidTemplate> {
        self.has_tag = true;
        let trimmed = self.rest().trim_start();
        self.at = self.text.len() - trimmed.len();
        let kind = trimmed.chars().next().filter(|c| "#^/>{&=!".contains(*c));
        self.at += kind.map_or(0, char::len_utf8);
        let end = match kind {
            Some('=') => format!("={}", self.close),
            Some('{') => format!("}}{}", self.close),
            _ => self.close.clone(),
        };
        let rest = self.rest();
        let unclosed = || InvalidTemplate { reason: "a tag is not closed".to_owned(), position };
        let length = rest.find(&end).ok_or_else(unclosed)?;
        let content = rest.get(..length).unwrap_or_default().trim();
        self.at += length + end.len();
        let name = content.to_owned();
        match kind {
            None | Some('{' | '&') => {
                self.has_content = true;
                self.tokens.push(Token::Variable { name, escape: kind.is_none() });
            }
            Some(c @ ('#' | '^')) => {
                self.tokens.push(Token::Open { name, inverted: c == '^', position });
            }
            Some('/') => self.tokens.push(Token::Close { name, position }),
            Some('=') => self.delimiters(content, position)?,
            // A comment, or a partial, of which there are none.
            Some(_) => {}
        }
        Ok(())
    }

    fn delimiters(&mut self, content: &str, position: usize) -> Result<(), InvalidTemplate> {
        let mut words = content.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(open), Some(close), None) => {
                (self.open, self.close) = (open.to_owned(), close.to_owned());
                Ok(())
            }
            _ => Err(InvalidTemplate { reason: format!("invalid tags `{content}`"), position }),
        }
    }
}

/// A section that is being read.
struct Opened {
    name: String,
    inverted: bool,
    outside: Vec<Part>,
    position: usize,
}

fn nest(tokens: Vec<Token>, end: usize) -> Result<Vec<Part>, InvalidTemplate> {
    let fail = |reason: String, position| Err(InvalidTemplate { reason, position });
    let (mut opened, mut parts): (Vec<Opened>, Vec<Part>) = (Vec::new(), Vec::new());
    for token in tokens {
        match token {
            Token::Text(text) => match parts.last_mut() {
                Some(Part::Text(before)) => before.push_str(&text),
                _ => parts.push(Part::Text(text)),
            },
            Token::Variable { name, escape } => parts.push(Part::Variable { name, escape }),
            Token::Open { name, inverted, position } => {
                if opened.len() == DEPTH {
                    return fail(format!("more than {DEPTH} nested sections"), position);
                }
                let outside = std::mem::take(&mut parts);
                opened.push(Opened { name, inverted, outside, position });
            }
            Token::Close { name, position } => match opened.pop() {
                None => return fail(format!("unopened section `{name}`"), position),
                Some(section) if section.name != name => {
                    return fail(format!("unclosed section `{}`", section.name), position);
                }
                Some(Opened { name, inverted, mut outside, .. }) => {
                    outside.push(Part::Section { name, inverted, parts });
                    parts = outside;
                }
            },
        }
    }
    match opened.pop() {
        None => Ok(parts),
        Some(section) => {
            fail(format!("unclosed section `{}`", section.name), section.position.min(end))
        }
    }
}

struct Renderer<'a> {
    /// The message, and what the sections around have put before it.
    stack: Vec<Value>,
    filling: &'a Filling<'a>,
    out: String,
    steps: usize,
}

impl Renderer<'_> {
    fn parts(&mut self, parts: &[Part]) -> Result<(), TooLong> {
        for part in parts {
            self.steps += 1;
            if self.out.len() > MOST || self.steps > MOST {
                return Err(TooLong);
            }
            match part {
                Part::Text(text) => self.out.push_str(text),
                Part::Variable { name, escape } => self.variable(name, *escape),
                Part::Section { name, inverted, parts } => self.section(name, *inverted, parts)?,
            }
        }
        Ok(())
    }

    fn variable(&mut self, name: &str, escape: bool) {
        match self.lookup(name) {
            None | Some(Value::Null) => {}
            Some(value @ Value::Number(_)) => self.out.push_str(&javascript::text(Some(&value))),
            Some(value) => {
                let text = javascript::text(Some(&value));
                if escape { escape_html(&text, &mut self.out) } else { self.out.push_str(&text) }
            }
        }
    }

    fn section(&mut self, name: &str, inverted: bool, parts: &[Part]) -> Result<(), TooLong> {
        let value = self.lookup(name).unwrap_or_default();
        let empty = !value.is_truthy() || value.as_array().is_some_and(<[Value]>::is_empty);
        if inverted {
            return if empty { self.parts(parts) } else { Ok(()) };
        }
        match value {
            _ if empty => Ok(()),
            Value::Array(items) => {
                items.iter().try_for_each(|item| self.inside(item.clone(), parts))
            }
            Value::Bool(_) => self.parts(parts),
            value => self.inside(value, parts),
        }
    }

    fn inside(&mut self, value: Value, parts: &[Part]) -> Result<(), TooLong> {
        self.stack.push(value);
        let result = self.parts(parts);
        self.stack.pop();
        result
    }

    fn lookup(&self, name: &str) -> Option<Value> {
        if name == "." {
            return self.stack.last().cloned();
        }
        let found = self.stack.iter().rev().find_map(|context| find(context, name));
        match found {
            Some(Value::String(text)) if self.filling.escape_strings && self.stack.len() == 1 => {
                Some(escape_json(&text).into())
            }
            Some(value) => Some(value),
            None => (self.filling.missing)(name),
        }
    }
}

/// The value of a dotted name, if all of it is there.
fn find(context: &Value, name: &str) -> Option<Value> {
    let mut names = name.split('.');
    let first = member(context, names.next()?)?;
    names.try_fold(first, |value, name| member(&value, name))
}

fn member(value: &Value, name: &str) -> Option<Value> {
    let index = || name.parse::<usize>().ok();
    match value {
        Value::Object(map) => map.get(name).cloned(),
        Value::Array(items) if name == "length" => Some(items.len().into()),
        Value::Array(items) => items.get(index()?).cloned(),
        Value::Buffer(bytes) if name == "length" => Some(bytes.len().into()),
        Value::Buffer(bytes) => Some(u32::from(*bytes.get(index()?)?).into()),
        Value::String(text) if name == "length" => Some(text.encode_utf16().count().into()),
        _ => None,
    }
}

fn escape_html(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '/' => out.push_str("&#x2F;"),
            '`' => out.push_str("&#x60;"),
            '=' => out.push_str("&#x3D;"),
            c => out.push(c),
        }
    }
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
    use serde_json::json;

    fn render(template: &str, msg: serde_json::Value) -> String {
        let Value::Object(map) = Value::from(msg) else { panic!("no object") };
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
        .collect::<crate::Map>()
        .into();
        let filling = Filling { escape_strings: false, missing: &|_| None };
        assert_eq!(Template::parse(&template).unwrap().render(&msg, &filling), Err(TooLong));
    }
}
