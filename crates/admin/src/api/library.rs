//! `/library`: flows, functions and templates that are stored in `lib` of the user directory.

use std::io;
use std::path::{Path, PathBuf};

use ferrowire_core::{Map, Value};
use ferrowire_files::Folder;
use hyper::StatusCode;

use crate::Reply;
use crate::call::Call;

/// A path in the library.
struct Entry {
    /// Relative to the folder of the library.
    path: PathBuf,
    /// `flows`, `functions`, `templates`, or another name that a dialog uses.
    kind: String,
    is_folder: bool,
}

fn entry(call: &Call) -> Result<Entry, Reply> {
    let (library, kind, path) = (call.param(0), call.param(1), call.param(2));
    if library != "local" {
        return Err(Reply::unexpected(&format!("Unknown library: {library}")));
    }
    let parts = || std::iter::once(kind).chain(path.split('/'));
    let is_forbidden = |part: &str| part.contains("..") || part.contains(['\\', '\0', '/']);
    if kind.starts_with('.') || kind.is_empty() || parts().any(is_forbidden) {
        return Err(Reply::error(StatusCode::FORBIDDEN, "forbidden", "Error"));
    }
    let inside = parts().filter(|part| !part.is_empty() && *part != ".").collect();
    let is_folder = path.is_empty() || path.ends_with('/');
    Ok(Entry { path: inside, kind: kind.to_owned(), is_folder })
}

/// The list of a folder, or the content of a file.
pub(crate) fn get(call: &Call) -> Reply {
    let entry = match entry(call) {
        Ok(entry) => entry,
        Err(refusal) => return refusal,
    };
    let found = Folder::open(&call.admin.storage().library()).and_then(|library| {
        match entry.is_folder || library.has_folder(&entry.path) {
            true => list(&library, &entry).map(Reply::json),
            false => read(&library, &entry),
        }
    });
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound && entry.is_folder => {
            Reply::json(Vec::<Value>::new())
        }
        found => found.unwrap_or_else(|error| failed(&error)),
    }
}

fn failed(error: &io::Error) -> Reply {
    match error.kind() {
        io::ErrorKind::NotFound => {
            let text = "ENOENT: no such file or directory";
            Reply::error(StatusCode::BAD_REQUEST, "ENOENT", text)
        }
        io::ErrorKind::PermissionDenied => {
            Reply::error(StatusCode::FORBIDDEN, "forbidden", &error.to_string())
        }
        _ => Reply::unexpected(&error.to_string()),
    }
}

/// The folders, and then the files with the properties in their first lines.
fn list(library: &Folder, entry: &Entry) -> io::Result<Vec<Value>> {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    let entries = library.list(&entry.path)?;
    for item in entries.iter().filter(|item| !item.name.starts_with('.')) {
        if item.is_folder {
            folders.push(Value::from(item.name.as_str()));
            continue;
        }
        let mut about = Map::new();
        if entry.kind != "flows" {
            let path = entry.path.join(&item.name);
            let text = library.read_to_string(&path).unwrap_or_default();
            for (key, value) in split(&text).0 {
                about.insert(key, value);
            }
        }
        about.insert("fn", item.name.as_str());
        files.push(about.into());
    }
    folders.extend(files);
    Ok(folders)
}

fn read(library: &Folder, entry: &Entry) -> io::Result<Reply> {
    if entry.kind != "flows" {
        let text = library.read_to_string(&entry.path)?;
        let body = split(&text).1.to_owned();
        return Ok(Reply::new(StatusCode::OK, "text/plain; charset=utf-8", body));
    }
    let text = library.read_to_string(&entry.path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => library.read_to_string(&with_json(&entry.path)),
        _ => Err(error),
    })?;
    Ok(Reply::json_text(text))
}

fn with_json(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name.ends_with(".json") {
        true => path.to_owned(),
        false => path.with_file_name(format!("{name}.json")),
    }
}

/// The lines `// key: value` at the beginning of a file, and the rest.
fn split(text: &str) -> (Vec<(&str, String)>, &str) {
    let (mut about, mut rest) = (Vec::new(), text);
    while let Some((line, after)) = rest.split_once('\n') {
        let pair = line.strip_prefix("// ").and_then(|line| line.split_once(": "));
        let Some((key, value)) = pair.filter(|(key, _)| is_word(key)) else { break };
        about.push((key, from_line(value.trim_end_matches('\r'))));
        rest = after;
    }
    (about, rest)
}

/// Encodes a value as one line, in Node-RED's format.
fn to_line(value: &str) -> String {
    value.replace('\\', r"\\").replace('\n', r"\n")
}

fn from_line(line: &str) -> String {
    let mut value = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\\') {
        value.push_str(before);
        rest = after;
        match after.chars().next() {
            Some(c @ ('\\' | 'n')) => {
                value.push(if c == 'n' { '\n' } else { c });
                rest = after.get(1..).unwrap_or_default();
            }
            _ => value.push('\\'),
        }
    }
    value.push_str(rest);
    value
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Saves a file.
pub(crate) fn save(call: &Call) -> Reply {
    save_entry(call).unwrap_or_else(|refusal| refusal)
}

fn save_entry(call: &Call) -> Result<Reply, Reply> {
    let entry = entry(call)?;
    if entry.is_folder {
        return Err(Reply::unexpected("expected the name of a file"));
    }
    let body = call.json();
    let (path, text) = match entry.kind.as_str() {
        "flows" => (with_json(&entry.path), call.admin.storage().print_flows(&body)),
        _ => (entry.path, with_header(&body)?),
    };
    let library = Folder::create(&call.admin.storage().library());
    match library.and_then(|library| library.replace(&path, text.as_bytes())) {
        Ok(()) => Ok(Reply::no_content()),
        Err(error) => Err(failed(&error)),
    }
}

fn with_header(body: &Value) -> Result<String, Reply> {
    let Some(text) = body.get("text").and_then(Value::as_str) else {
        return Err(Reply::unexpected("Error"));
    };
    let mut file = String::new();
    let about = body.as_object().into_iter().flat_map(Map::iter);
    for (key, value) in about.filter(|(key, _)| *key != "text") {
        if !is_word(key) {
            let text = format!("invalid name `{key}`: expected letters, digits and `_`");
            return Err(Reply::unexpected(&text));
        }
        let value = match value {
            Value::String(value) => to_line(value),
            // The values of a stored file are always text.
            other => to_line(&other.to_json()),
        };
        file.push_str(&format!("// {key}: {value}\n"));
    }
    file.push_str(text);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_about_itself_is_told_from_its_text() {
        let (about, text) = split("// name: f\n// outputs: 1\nreturn msg;\n// not: this\n");
        assert_eq!(about, [("name", "f".to_owned()), ("outputs", "1".to_owned())]);
        assert_eq!(text, "return msg;\n// not: this\n");
    }

    #[test]
    fn a_value_of_several_lines_is_one_line_in_the_file() {
        let value = "// Code\n\\n\\\\ \\x\\";
        assert_eq!(to_line(value), r"// Code\n\\n\\\\ \\x\\");
        assert_eq!(from_line(&to_line(value)), value);
        assert_eq!(from_line(r"\x\"), r"\x\");
    }
}
