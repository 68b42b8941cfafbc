//! The path and format of a context's file.

use std::path::{Path, PathBuf};

use ferrowire_core::ContextPlace;

/// The file of `place`; `None` for ids that are not valid file names.
pub(crate) fn file_of(folder: &Path, place: &str) -> Option<PathBuf> {
    let (outer, inner) = match ContextPlace::parse(place) {
        ContextPlace::Node { id, flow } => (flow, id),
        ContextPlace::Global => ("global", "global"),
        ContextPlace::Flow(id) => (id, "flow"),
    };
    let safe = |id: &str| !id.is_empty() && !id.starts_with('.') && !id.contains(['/', '\\', '\0']);
    (safe(outer) && safe(inner)).then(|| folder.join(outer).join(format!("{inner}.json")))
}

/// The place of a file; the inverse of [`file_of`].
pub(crate) fn place_of(folder: &str, file: &str) -> Option<String> {
    let name = file.strip_suffix(".json")?;
    let place = match (folder, name) {
        ("global", _) => ContextPlace::Global,
        (flow, "flow") => ContextPlace::Flow(flow),
        (flow, id) => ContextPlace::Node { id, flow },
    };
    Some(place.text().into_owned())
}

/// JSON formatted like `JSON.stringify(value, null, 4)`.
pub(crate) fn indented(compact: &str) -> String {
    let (mut out, mut depth) = (String::with_capacity(compact.len() * 2), 0_usize);
    let (mut in_text, mut escaped) = (false, false);
    let mut chars = compact.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth * 4));
    };
    while let Some(c) = chars.next() {
        if in_text {
            out.push(c);
            in_text = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '{' | '[' => {
                out.push(c);
                if let Some(close) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_text = c == '"';
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_where_node_red_has_them() {
        let base = Path::new("/b");
        for (place, path) in
            [("global", "/b/global/global.json"), ("f", "/b/f/flow.json"), ("n:f", "/b/f/n.json")]
        {
            assert_eq!(file_of(base, place), Some(path.into()));
            let relative = path.strip_prefix("/b/").and_then(|rest| rest.split_once('/'));
            let found = relative.and_then(|(folder, file)| place_of(folder, file));
            assert_eq!(found.as_deref(), Some(place));
        }
        for place in ["..", "a/b", ":f", "n:", "n:../x", ".x", "a:b\\c"] {
            assert_eq!(file_of(base, place), None, "{place}");
        }
    }

    #[test]
    fn json_is_indented_as_javascript_does() {
        let compact = r#"{"a":[1,{"b":"x:{,\"\\"}],"c":{},"d":[]}"#;
        let expected = "{\n    \"a\": [\n        1,\n        {\n            \
                        \"b\": \"x:{,\\\"\\\\\"\n        }\n    ],\n    \"c\": {},\n    \"d\": []\n}";
        assert_eq!(indented(compact), expected);
    }
}
