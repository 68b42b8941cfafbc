//! `PathPattern`: the path of an endpoint, with parameters (`/ocpp/:id`) or a trailing wildcard
//! (`/live/*`).

use std::cmp::Ordering;

use ferrowire_core::{Key, Map};

/// The name under which a wildcard's part of the path is a parameter.
const REST: &str = "*";

/// A path, split at its slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
}

// In the order of precedence.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// Decoded text.
    Literal(String),
    /// `:name`: one segment, which is not empty.
    Parameter(Key),
    /// `*`: everything below.
    Rest,
}

impl Segment {
    fn rank(&self) -> u8 {
        match self {
            Segment::Literal(_) => 0,
            Segment::Parameter(_) => 1,
            Segment::Rest => 2,
        }
    }

    /// Whether some text matches both.
    fn meets(&self, other: &Segment) -> bool {
        match (self, other) {
            (Segment::Literal(a), Segment::Literal(b)) => a == b,
            (Segment::Literal(text), Segment::Parameter(_))
            | (Segment::Parameter(_), Segment::Literal(text)) => !text.is_empty(),
            _ => true,
        }
    }
}

/// Why a path is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// The name after a colon.
    #[error(
        "invalid parameter `:{0}`: expected a letter or `_`, then letters, digits and `_`, up to \
         the next `/`"
    )]
    Name(String),
    /// Two parameters have the same name.
    #[error("the parameter `:{0}` is there twice; give one of them a different name")]
    Twice(String),
    /// A wildcard before the end.
    #[error("invalid `*`: a wildcard stands only at the end of a path, after a `/`")]
    Wildcard,
    /// Invalid percent-encoding.
    #[error("invalid percent-encoding in `{0}`")]
    Encoding(String),
}

impl PathPattern {
    /// Parses `path`. A missing leading slash is added.
    ///
    /// # Errors
    /// If a parameter's name is invalid or there twice, or a wildcard is not at the end.
    pub fn parse(path: &str) -> Result<Self, InvalidPath> {
        let mut segments = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for part in path.strip_prefix('/').unwrap_or(path).split('/') {
            if segments.last() == Some(&Segment::Rest) {
                return Err(InvalidPath::Wildcard);
            }
            segments.push(match part.strip_prefix(':') {
                Some(name) if !is_name(name) => return Err(InvalidPath::Name(name.to_owned())),
                Some(name) if names.contains(&name) => {
                    return Err(InvalidPath::Twice(name.to_owned()));
                }
                Some(name) => {
                    names.push(name);
                    Segment::Parameter(name.into())
                }
                None if part == REST => Segment::Rest,
                None => {
                    let text = decoded(part).ok_or_else(|| InvalidPath::Encoding(part.into()))?;
                    Segment::Literal(text)
                }
            });
        }
        Ok(PathPattern { segments })
    }

    /// The parameters of `path`, which begins with a slash, if it matches; `*` is what a wildcard
    /// stands for. Paths with invalid percent-encoding match nothing.
    pub fn matched(&self, path: &str) -> Option<Map> {
        let mut rest = path.strip_prefix('/')?;
        let mut params = Map::new();
        for (at, segment) in self.segments.iter().enumerate() {
            let is_last = at + 1 == self.segments.len();
            let (part, after) = match rest.split_once('/') {
                _ if *segment == Segment::Rest => (rest, None),
                Some((part, after)) => (part, Some(after)),
                None => (rest, None),
            };
            if is_last != after.is_none() {
                return None;
            }
            let part = decoded(part)?;
            match segment {
                Segment::Literal(text) if *text != part => return None,
                Segment::Literal(_) => {}
                Segment::Parameter(_) if part.is_empty() => return None,
                Segment::Parameter(name) => drop(params.insert(name.clone(), part)),
                Segment::Rest => drop(params.insert(REST, part)),
            }
            rest = after.unwrap_or_default();
        }
        Some(params)
    }

    /// Whether it has parameters or a wildcard.
    pub fn has_variables(&self) -> bool {
        self.segments.iter().any(|segment| segment.rank() > 0)
    }

    /// Whether exactly the same paths match `other`: the names of parameters do not matter.
    pub fn is_same(&self, other: &PathPattern) -> bool {
        let same = |(a, b): (&Segment, &Segment)| match (a, b) {
            (Segment::Parameter(_), Segment::Parameter(_)) => true,
            (a, b) => a == b,
        };
        self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(same)
    }

    /// Whether some path matches both.
    pub fn overlaps(&self, other: &PathPattern) -> bool {
        let (mut ours, mut theirs) = (self.segments.iter(), other.segments.iter());
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(Segment::Rest), Some(_)) | (Some(_), Some(Segment::Rest)) => return true,
                (Some(a), Some(b)) if a.meets(b) => {}
                _ => return false,
            }
        }
    }

    /// Less is more exact: segment by segment, a literal comes before a parameter, and that before
    /// a wildcard. Of all patterns that match a path, the first in this order applies.
    pub fn precedence(&self, other: &PathPattern) -> Ordering {
        let ranks = |it: &PathPattern| it.segments.iter().map(Segment::rank).collect::<Vec<_>>();
        ranks(self).cmp(&ranks(other))
    }

    /// How many bytes of `path` come before the first parameter or wildcard.
    pub fn literal_length(path: &str) -> usize {
        let mut before = 0;
        for part in path.split_inclusive('/') {
            let part_text = part.trim_end_matches('/');
            if part_text.starts_with(':') || part_text == REST {
                return before;
            }
            before += part.len();
        }
        before
    }
}

fn is_name(name: &str) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_start) && name.chars().all(|c| is_start(c) || c.is_ascii_digit())
}

/// `None` if the encoding is invalid.
fn decoded(text: &str) -> Option<String> {
    let after_percent = text.split('%').skip(1);
    let is_encoded =
        |rest: &str| rest.len() >= 2 && rest.as_bytes().iter().take(2).all(u8::is_ascii_hexdigit);
    if !after_percent.into_iter().all(is_encoded) {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(path: &str) -> PathPattern {
        PathPattern::parse(path).unwrap()
    }

    fn matched(path: &str, request: &str) -> Option<String> {
        let params = pattern(path).matched(request)?;
        Some(ferrowire_core::Value::from(params).to_json())
    }

    #[test]
    fn parameters_and_wildcards_take_their_part_of_a_path() {
        let cases = [
            ("/ocpp/:id", "/ocpp/CP%201", Some(r#"{"id":"CP 1"}"#)),
            ("/ocpp/:id", "/ocpp/a%2Fb", Some(r#"{"id":"a/b"}"#)),
            ("/ocpp/:id", "/ocpp/", None),
            ("/ocpp/:id", "/ocpp", None),
            ("/ocpp/:id", "/ocpp/a/b", None),
            ("/ocpp/:id", "/ocpp/%zz", None),
            ("/ocpp/:id", "/ocpp/%", None),
            ("/ocpp/:id", "/ocpp/%ff", None),
            ("/ocpp/:id", "/ocpp/a/", None),
            (":id", "/a", Some(r#"{"id":"a"}"#)),
            ("/:a/x/:b", "/1/x/2", Some(r#"{"a":"1","b":"2"}"#)),
            ("/live/*", "/live/a/b%20c", Some(r#"{"*":"a/b c"}"#)),
            ("/live/*", "/live/", Some(r#"{"*":""}"#)),
            ("/live/*", "/live", None),
            ("/*", "/", Some(r#"{"*":""}"#)),
            ("/", "/", Some("{}")),
            ("/", "/a", None),
            ("/caf%C3%A9", "/caf%c3%a9", Some("{}")),
            ("/a:b/c*", "/a:b/c*", Some("{}")),
        ];
        for (path, request, expected) in cases {
            assert_eq!(matched(path, request).as_deref(), expected, "{request} at {path}");
        }
    }

    #[test]
    fn an_invalid_pattern_says_what_is_wrong() {
        for (path, expected) in [
            ("/:", InvalidPath::Name(String::new())),
            ("/:1", InvalidPath::Name("1".to_owned())),
            ("/:a-b", InvalidPath::Name("a-b".to_owned())),
            ("/:a/:a", InvalidPath::Twice("a".to_owned())),
            ("/*/a", InvalidPath::Wildcard),
            ("/a%2", InvalidPath::Encoding("a%2".to_owned())),
        ] {
            assert_eq!(PathPattern::parse(path), Err(expected), "{path}");
        }
    }

    #[test]
    fn the_most_exact_comes_first_segment_by_segment() {
        let ordered = ["/a/b", "/a/:x", "/a/*", "/:x/b", "/:x/:y", "/:x/*", "/*"];
        for (at, first) in ordered.iter().enumerate() {
            for later in &ordered[at + 1..] {
                let order = pattern(first).precedence(&pattern(later));
                assert_eq!(order, Ordering::Less, "{first} before {later}");
                assert!(!pattern(first).is_same(&pattern(later)));
            }
        }
        assert!(pattern("/a/:x").is_same(&pattern("a/:y")));
    }

    #[test]
    fn patterns_overlap_if_a_path_matches_both() {
        for (a, b, expected) in [
            ("/a/:x", "/a/b", true),
            ("/a/:x", "/:y/b", true),
            ("/a/:x", "/b/:x", false),
            ("/a/:x", "/a/b/c", false),
            ("/a/*", "/a/b/c", true),
            ("/a/*", "/a", false),
            ("/a/*", "/a/", true),
            ("/a/:x", "/a/", false),
            ("/*", "/:x/:y", true),
        ] {
            assert_eq!(pattern(a).overlaps(&pattern(b)), expected, "{a} and {b}");
            assert_eq!(pattern(b).overlaps(&pattern(a)), expected, "{b} and {a}");
        }
    }
}
