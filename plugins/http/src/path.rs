//! `Pattern`: the paths of `http in`, in the syntax of Express 4.
//!
//! `/items/:id`, `/:from-:to`, `/:id(\d+)`, `/:lang?`, `/files/*`, `/ab?cd`, `/(a|b)`:
//! case-insensitive, with or without a trailing slash.

use ferrowire::expression::javascript::decode_uri_component;
use ferrowire::expression::regexp::{self, RegExp};
use ferrowire::{Key, Map};

/// A path with parameters.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: RegExp,
    /// The names of the expression's groups; unnamed ones are numbered.
    names: Vec<Key>,
}

/// A parameter with invalid percent-encoding.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Malformed(pub(crate) String);

impl Pattern {
    /// Parses a path, which must begin with a slash.
    ///
    /// # Errors
    /// If the path is invalid.
    pub(crate) fn parse(path: &str) -> Result<Self, String> {
        let Translated { mut regex, named } = translate(path);
        let names = group_names(&regex, &named);
        regex.insert(0, '^');
        regex.push_str(if path.ends_with('/') { "?$" } else { "/?$" });
        let regex = regexp::compile_with(&regex, true)
            .map_err(|error| format!("invalid path `{path}`: {error}"))?;
        Ok(Pattern { regex, names })
    }

    /// The parameters of `path`, if it matches.
    pub(crate) fn fit(&self, path: &str) -> Option<Result<Map, Malformed>> {
        // Exceeding the step limit counts as no match.
        let groups = self.regex.captures_at(path, 0).ok()??;
        let mut params = Map::new();
        for (name, number) in self.names.iter().zip(1..) {
            let Some(text) = groups.group(number) else { continue };
            match decode_uri_component(text) {
                Some(value) => params.insert(name.clone(), value.into_owned()),
                None => return Some(Err(Malformed(text.to_owned()))),
            };
        }
        Some(Ok(params))
    }

    /// Whether `path` matches.
    pub(crate) fn fits(&self, path: &str) -> bool {
        self.regex.is_match(path).unwrap_or(false)
    }
}

struct Translated {
    regex: String,
    /// The start and name of each named group.
    named: Vec<(usize, Key)>,
}

/// Translates the path to a regular expression.
fn translate(path: &str) -> Translated {
    let mut out = Translated { regex: String::new(), named: Vec::new() };
    let mut rest = path;
    // The text between a parameter and the previous one in the same path segment.
    let mut between = String::new();
    while let Some(c) = rest.chars().next() {
        if let Some(parameter) = Parameter::at(rest) {
            if parameter.slash || parameter.dot {
                between.clear();
            }
            parameter.write(&mut out, &between);
            rest = rest.get(parameter.length..).unwrap_or_default();
            between.clear();
            continue;
        }
        let mut length = c.len_utf8();
        match c {
            '\\' => {
                length += rest.chars().nth(1).map_or(0, char::len_utf8);
                out.regex.push_str(rest.get(..length).unwrap_or_default());
            }
            '.' => out.regex.push_str("\\."),
            '*' => out.regex.push_str("(.*)"),
            '/' if rest.starts_with("/(") => {
                out.regex.push_str("/(?:");
                length = 2;
            }
            c => out.regex.push(c),
        }
        between.push_str(rest.get(..length).unwrap_or_default());
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// `/:name(expression)*?`, where everything but the colon and the name is optional.
struct Parameter<'a> {
    slash: bool,
    dot: bool,
    name: &'a str,
    expression: Option<&'a str>,
    repeated: bool,
    optional: bool,
    length: usize,
}

impl<'a> Parameter<'a> {
    fn at(text: &'a str) -> Option<Self> {
        let after_slash = text.strip_prefix('/').unwrap_or(text);
        let after_dot = after_slash.strip_prefix('.').unwrap_or(after_slash);
        let name = after_dot.strip_prefix(':')?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = name.find(|c| !is_word(c)).unwrap_or(name.len());
        let (name, mut rest) = name.split_at_checked(end)?;
        if name.is_empty() {
            return None;
        }
        let mut expression = None;
        if rest.starts_with('(')
            && let Some(end) = rest.find(')')
        {
            expression = rest.get(..=end);
            rest = rest.get(end + 1..)?;
        }
        let after_star = rest.strip_prefix('*').unwrap_or(rest);
        let after_mark = after_star.strip_prefix('?').unwrap_or(after_star);
        Some(Parameter {
            slash: after_slash.len() < text.len(),
            dot: after_dot.len() < after_slash.len(),
            name,
            expression,
            repeated: after_star.len() < rest.len(),
            optional: after_mark.len() < after_star.len(),
            length: text.len() - after_mark.len(),
        })
    }

    fn write(&self, out: &mut Translated, between: &str) {
        let dot = if self.dot { "\\." } else { "" };
        out.regex.push_str("(?:");
        out.regex.push_str(dot);
        out.regex.push_str(if self.slash { "/" } else { "" });
        out.named.push((out.regex.len(), self.name.into()));
        let mut letters = between.chars();
        match (self.expression, letters.next(), letters.next()) {
            (Some(expression), ..) => out.regex.push_str(&expression.replace('*', "(.*)")),
            // A parameter ends at the character between it and the previous parameter.
            (None, Some(letter), None) if !letter.is_alphanumeric() => {
                out.regex.push_str("([^/\\");
                out.regex.push(letter);
                out.regex.push_str("]+?)");
            }
            _ => {
                out.regex.push_str("([^/");
                out.regex.push_str(dot);
                out.regex.push_str("]+?)");
            }
        }
        if self.repeated {
            out.regex.push_str("((?:[/");
            out.regex.push_str(dot);
            out.regex.push_str("].+?)?)");
        }
        out.regex.push_str(if self.optional { ")?" } else { ")" });
    }
}

/// The names of all groups, in the order of their opening parentheses.
fn group_names(regex: &str, named: &[(usize, Key)]) -> Vec<Key> {
    let mut names = Vec::new();
    let mut unnamed = 0;
    let mut escaped = false;
    let mut in_class = false;
    for (at, c) in regex.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class && !regex.get(at + 1..).is_some_and(|rest| rest.starts_with('?')) => {
                let name = named.iter().find(|(start, _)| *start == at);
                names.push(name.map_or_else(
                    || {
                        unnamed += 1;
                        Key::from((unnamed - 1).to_string())
                    },
                    |(_, name)| name.clone(),
                ));
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferrowire::Value;

    fn fit(pattern: &str, path: &str) -> Option<String> {
        let params = Pattern::parse(pattern).unwrap().fit(path)?;
        Some(Value::from(params.unwrap()).to_json())
    }

    #[test]
    fn paths_fit_as_in_express() {
        for (pattern, path, params) in [
            ("/", "/", Some("{}")),
            ("/a", "/A/", Some("{}")),
            ("/a/", "/a", Some("{}")),
            ("/a", "/a/b", None),
            ("/a", "/aa", None),
            ("/items/:id", "/items/7", Some(r#"{"id":"7"}"#)),
            ("/items/:id", "/items/a%20b%2Fc", Some(r#"{"id":"a b/c"}"#)),
            ("/items/:id", "/items", None),
            ("/items/:id", "/items/7/8", None),
            ("/items/:id?", "/items", Some("{}")),
            ("/:a/x/:b", "/1/x/2", Some(r#"{"a":"1","b":"2"}"#)),
            ("/flights/:from-:to", "/flights/LAX-SFO", Some(r#"{"from":"LAX","to":"SFO"}"#)),
            ("/:name.:ext", "/a.txt", Some(r#"{"name":"a","ext":"txt"}"#)),
            (r"/user/:id(\d+)", "/user/42", Some(r#"{"id":"42"}"#)),
            (r"/user/:id(\d+)", "/user/x", None),
            ("/files/*", "/files/a/b.txt", Some(r#"{"0":"a/b.txt"}"#)),
            ("*", "/x/y", Some(r#"{"0":"/x/y"}"#)),
            ("/a/*/b/*", "/a/1/b/2", Some(r#"{"0":"1","1":"2"}"#)),
            ("/:all*", "/a/b", Some(r#"{"0":"/b","all":"a"}"#)),
            ("/ab?cd", "/acd", Some("{}")),
            ("/ab+cd", "/abbbcd", Some("{}")),
            ("/x(y)?z", "/xz", Some("{}")),
            ("/(one|two)", "/two", Some("{}")),
            ("/v1.0/x", "/v1.0/x", Some("{}")),
            ("/v1.0/x", "/v1a0/x", None),
        ] {
            assert_eq!(fit(pattern, path).as_deref(), params, "{pattern} {path}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_malformed() {
        let pattern = Pattern::parse("/:a").unwrap();
        assert_eq!(pattern.fit("/%zz"), Some(Err(Malformed("%zz".into()))));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        assert!(Pattern::parse("/a(").unwrap_err().starts_with("invalid path `/a(`: "));
        assert!(Pattern::parse("/(?=a)").is_err());
    }
}
