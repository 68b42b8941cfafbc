//! Evaluates the cases of JSONata's own test suite and prints a JSON array of results, which
//! `cargo xtask jsonata` turns into a table.
//!
//! The argument is the suite's folder: `test/test-suite` in a clone of JSONata.
#![expect(clippy::print_stdout, reason = "the results are the output")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use ferrowire_core::{NodeContext, Value};
use ferrowire_expression::Jsonata;
use ferrowire_testkit::idle_node;
use serde_json::json;

/// How often a case is evaluated that takes too long: a few need a large part of the time limit without
/// optimization.
const ATTEMPTS: usize = 3;

/// The end of the error of an evaluation that takes too long.
const LATE: &str = "(D1012)";

type Datasets = BTreeMap<String, Value>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let suite = PathBuf::from(std::env::args_os().nth(1).ok_or("expected the suite's folder")?);
    // Expressions read context and environment of a node.
    let node = idle_node("flow", &[]);
    let results = run(&suite, node.context())?;
    println!("{}", serde_json::Value::from(results));
    Ok(())
}

fn run(suite: &Path, cx: &NodeContext) -> Result<Vec<serde_json::Value>, Box<dyn Error>> {
    let datasets = datasets(&suite.join("datasets"))?;
    let mut results = Vec::new();
    for folder in sorted(&suite.join("groups"))? {
        let files = sorted(&folder)?;
        for file in files.iter().filter(|file| file.extension() == Some("json".as_ref())) {
            run_file(file, &datasets, cx, &mut results)
                .map_err(|error| format!("`{}`: {error}", file.display()))?;
        }
    }
    Ok(results)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let entries = fs::read_dir(folder).map_err(|e| format!("`{}`: {e}", folder.display()))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|it| it.path())).collect::<Result<_, _>>()?;
    paths.sort_unstable();
    Ok(paths)
}

fn datasets(folder: &Path) -> Result<Datasets, Box<dyn Error>> {
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, Value::from_json(&fs::read(path)?)?))
    };
    sorted(folder)?.into_iter().map(read).collect()
}

/// Runs the cases of a file, which is one case or an array of them.
fn run_file(
    file: &Path,
    datasets: &Datasets,
    cx: &NodeContext,
    results: &mut Vec<serde_json::Value>,
) -> Result<(), Box<dyn Error>> {
    let (folder, name) = (file.parent().unwrap_or(file), file.file_name().unwrap_or_default());
    let group = folder.file_name().unwrap_or_default().to_string_lossy();
    let content = Value::from_json(&fs::read(file)?)?;
    let (cases, several) = match &content {
        Value::Array(cases) => (&cases[..], true),
        case => (std::slice::from_ref(case), false),
    };
    for (number, case) in cases.iter().enumerate() {
        let name = name.to_string_lossy();
        let key = if several { format!("{name} {number}") } else { name.into_owned() };
        let source = match text(case, "expr-file") {
            Some(file) => fs::read_to_string(folder.join(file))?,
            None => text(case, "expr").unwrap_or_default().to_owned(),
        };
        let mut failed = None;
        for _ in 0..ATTEMPTS {
            failed = failure(case, &outcome(&source, case, datasets, cx));
            if !failed.as_ref().is_some_and(|text| text.ends_with(LATE)) {
                break;
            }
        }
        results.push(json!({"group": group, "case": key, "expr": source, "failure": failed}));
    }
    Ok(())
}

fn text<'a>(case: &'a Value, key: &str) -> Option<&'a str> {
    case.get(key).and_then(Value::as_str)
}

/// The result of an expression; `None` for `undefined`.
fn outcome(
    source: &str,
    case: &Value,
    datasets: &Datasets,
    cx: &NodeContext,
) -> Result<Option<Value>, String> {
    let expression = Jsonata::compile(source).map_err(|error| error.to_string())?;
    let data = match (case.get("data"), text(case, "dataset")) {
        (Some(data), _) => data.clone(),
        (None, Some(name)) => {
            datasets.get(name).ok_or_else(|| format!("no dataset `{name}`"))?.clone()
        }
        (None, None) => Value::Undefined,
    };
    let bindings = case.get("bindings").and_then(Value::as_object);
    let bindings = bindings.into_iter().flat_map(|all| all.iter());
    let bindings: Vec<(&str, Value)> =
        bindings.map(|(name, value)| (name.as_str(), value.clone())).collect();
    let found =
        expression.evaluate_with(&data, &bindings, cx).map_err(|error| error.to_string())?;
    Ok(found.and_then(Value::into_defined))
}

/// The code of the suite's own limits, which it sets for a few cases.
const OWN_LIMIT: &str = "U1001";

/// Why a case failed; `None` if it passed. The code of an error counts where its text has one, except
/// for a limit of the suite's: here another limit applies.
fn failure(case: &Value, found: &Result<Option<Value>, String>) -> Option<String> {
    let code = text(case, "code").or_else(|| text(case.get("error")?, "code"));
    match (code, found) {
        (Some(code), Err(text)) => match code_of(text) {
            Some(found) if found != code && code != OWN_LIMIT => {
                Some(format!("expected error {code}, found: {text}"))
            }
            _ => None,
        },
        (Some(code), Ok(value)) => Some(format!("expected error {code}, found {}", shown(value))),
        (None, Err(text)) => Some(format!("expected {}, found: {text}", expected(case))),
        (None, Ok(value)) => {
            let equal = match (case.get("result"), value) {
                (None, value) => value.is_none(),
                (Some(expected), Some(value)) => is_equal(expected, value),
                (Some(_), None) => false,
            };
            (!equal).then(|| format!("expected {}, found {}", expected(case), shown(value)))
        }
    }
}

/// The code at the end of an error's text.
fn code_of(text: &str) -> Option<&str> {
    let code = text.strip_suffix(')')?.rsplit_once('(')?.1;
    let mut letters = code.chars();
    let is_code = letters.next().is_some_and(|c| c.is_ascii_uppercase())
        && code.len() == 5
        && letters.all(|c| c.is_ascii_digit());
    is_code.then_some(code)
}

fn expected(case: &Value) -> String {
    shown(&case.get("result").cloned())
}

fn shown(value: &Option<Value>) -> String {
    value.as_ref().map_or("undefined".to_owned(), Value::to_json)
}

/// Compares JSON: the order of members does not matter.
fn is_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other.iter()).all(|(a, b)| is_equal(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, it)| other.get(key).is_some_and(|found| is_equal(it, found)))
        }
        _ => one == other,
    }
}
