//! `settings.js` is run, in the JavaScript engine of function nodes, without anything that changes the machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use rquickjs::context::EvalOptions;
use rquickjs::promise::PromiseState;
use rquickjs::{
    CatchResultExt as _, CaughtError, Context, Ctx, Function, Object, Promise, Runtime,
};
use serde::Deserialize;

use super::found::{Found, ReadFile};

/// How long the settings may take.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The bytes of memory that they may hold.
const MEMORY_LIMIT: usize = 64 << 20;

/// How much of the stack of the main thread JavaScript may use.
const STACK: usize = 768 << 10;

/// The largest file that is read, and the bytes of all of them.
const LARGEST_FILE: u64 = 8 << 20;

/// The characters of an error that are shown.
const LONGEST_ERROR: usize = 500;

/// The environment of a settings file.
const NODE: &str = include_str!("node.js");

/// What the settings may know of the process and the machine.
pub(super) struct Given {
    pub(super) variables: Vec<(String, String)>,
    /// What relative paths are in.
    pub(super) folder: PathBuf,
}

/// What the settings are.
pub(super) struct Evaluated {
    /// An object.
    pub(super) settings: Found,
    /// What was not done, each a line.
    pub(super) notes: Vec<String>,
    /// The files that were read, beside the settings themselves.
    pub(super) files: Vec<ReadFile>,
}

/// The result as the environment writes it.
#[derive(Deserialize)]
struct Written {
    settings: Found,
    notes: Vec<String>,
}

type Files = Arc<Mutex<Vec<ReadFile>>>;

/// Runs the settings file.
///
/// # Errors
/// Why there are no settings: what was thrown and where, or which limit was exceeded.
pub(super) fn evaluate(file: &Path, given: &Given) -> Result<Evaluated, String> {
    let failed = |error: rquickjs::Error| format!("the JavaScript engine does not start: {error}");
    let runtime = Runtime::new().map_err(failed)?;
    runtime.set_memory_limit(MEMORY_LIMIT);
    runtime.set_max_stack_size(STACK);
    let (until, is_late) = (Instant::now() + TIME_LIMIT, Arc::new(AtomicBool::new(false)));
    let late = Arc::clone(&is_late);
    runtime.set_interrupt_handler(Some(Box::new(move || {
        let is_over = Instant::now() > until;
        late.fetch_or(is_over, Ordering::Relaxed);
        is_over
    })));
    let context = Context::full(&runtime).map_err(failed)?;
    let files = Files::default();
    let written = context.with(|ctx| run(&ctx, file, given, &files));
    if is_late.load(Ordering::Relaxed) {
        return Err(format!("it did not end within {} seconds", TIME_LIMIT.as_secs()));
    }
    let Written { settings, notes } = serde_json::from_str(&written?)
        .map_err(|error| format!("the settings cannot be described: {error}"))?;
    let mut files = std::mem::take(&mut *files.lock().unwrap_or_else(PoisonError::into_inner));
    files.retain(|(path, _)| path != file);
    Ok(Evaluated { settings, notes, files })
}

/// The description of the settings.
fn run(ctx: &Ctx<'_>, file: &Path, given: &Given, files: &Files) -> Result<String, String> {
    let explained = |error: CaughtError<'_>| explain(&error, file.parent().unwrap_or(file));
    let set_up = || -> rquickjs::Result<(Promise<'_>, Function<'_>)> {
        let node: Function<'_> = ctx.eval(NODE)?;
        let node: Object<'_> = node.call((described(ctx, given)?, host(ctx, files)?))?;
        let run: Function<'_> = node.get("run")?;
        Ok((run.call((file.to_string_lossy().into_owned(),))?, node.get("next")?))
    };
    let (promise, next) = set_up().catch(ctx).map_err(explained)?;
    while promise.state() == PromiseState::Pending {
        if !ctx.execute_pending_job() && !next.call::<_, bool>(()).catch(ctx).map_err(explained)? {
            return Err("it waits for something that does not happen here".to_owned());
        }
    }
    let result = promise.result::<String>();
    result.unwrap_or(Err(rquickjs::Error::Unknown)).catch(ctx).map_err(explained)
}

/// What was thrown, and where in the files of the folder.
fn explain(error: &CaughtError<'_>, folder: &Path) -> String {
    let (text, stack) = match error {
        CaughtError::Exception(exception) => {
            let name: String = exception.get("name").unwrap_or_else(|_| "Error".to_owned());
            let message = exception.message().unwrap_or_default();
            (format!("{name}: {message}"), exception.stack().unwrap_or_default())
        }
        CaughtError::Value(value) => {
            let text = value.as_string().and_then(|text| text.to_string().ok());
            (text.unwrap_or_else(|| "a value that is no error".to_owned()), String::new())
        }
        CaughtError::Error(error) => (error.to_string(), String::new()),
    };
    if text.contains("out of memory") {
        return format!("it holds more than {} MiB of memory", MEMORY_LIMIT >> 20);
    }
    let text: String =
        text.lines().next().unwrap_or_default().chars().take(LONGEST_ERROR).collect();
    match place(&stack, folder) {
        Some(place) => format!("{text} (in `{place}`)"),
        None => text,
    }
}

/// The first place of a stack that is in a file of the folder: its path there, the line and the column.
fn place<'a>(stack: &'a str, folder: &Path) -> Option<&'a str> {
    let folder = format!("{}/", folder.display());
    let (_, rest) = stack.split_once(&folder)?;
    let end = rest.find([')', '\n']).unwrap_or(rest.len());
    rest.get(..end)
}

/// The facts of process and machine.
fn described<'js>(ctx: &Ctx<'js>, given: &Given) -> rquickjs::Result<Object<'js>> {
    let env = Object::new(ctx.clone())?;
    for (name, value) in &given.variables {
        env.set(name.as_str(), value.as_str())?;
    }
    let home = given.variables.iter().find(|(name, _)| name == "HOME");
    let object = Object::new(ctx.clone())?;
    object.set("env", env)?;
    object.set("cwd", given.folder.to_string_lossy().into_owned())?;
    object.set("home", home.map_or("/", |(_, home)| home.as_str()))?;
    object.set("hostname", sysinfo::System::host_name().unwrap_or_default())?;
    object.set("arch", if cfg!(target_arch = "x86_64") { "x64" } else { "arm64" })?;
    Ok(object)
}

/// The functions of the environment that JavaScript lacks.
fn host<'js>(ctx: &Ctx<'js>, files: &Files) -> rquickjs::Result<Object<'js>> {
    let host = Object::new(ctx.clone())?;
    let files = Arc::clone(files);
    host.set(
        "read",
        Function::new(ctx.clone(), move |ctx: Ctx<'js>, path: String| {
            let found = Object::new(ctx)?;
            match read(Path::new(&path), &files) {
                Ok(text) => found.set("text", text)?,
                Err(error) => found.set("code", code_of(&error))?,
            }
            rquickjs::Result::Ok(found)
        })?,
    )?;
    host.set("kind", Function::new(ctx.clone(), |path: String| kind(Path::new(&path)))?)?;
    host.set(
        "decode",
        Function::new(ctx.clone(), |text: String, of: String| decoded(&text, &of))?,
    )?;
    host.set(
        "encode",
        Function::new(ctx.clone(), |text: String, as_: String| encoded(&text, &as_))?,
    )?;
    host.set("compile", Function::new(ctx.clone(), compile)?)?;
    Ok(host)
}

/// A module's code as the function that Node.js makes of it. The wrapper is on the first line, so lines keep their numbers.
fn compile<'js>(ctx: Ctx<'js>, text: String, file: String) -> rquickjs::Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(file);
    let comment = if text.starts_with("#!") { "//" } else { "" };
    let code = format!(
        "(function (exports, require, module, __filename, __dirname) {{{comment}{text}\n}})"
    );
    ctx.eval_with_options(code, options)
}

fn read(path: &Path, files: &Files) -> io::Result<String> {
    let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
    let so_far: usize = files.iter().map(|(_, text)| text.len()).sum();
    let kind = fs::metadata(path)?;
    if !kind.is_file() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if kind.len() + so_far as u64 > LARGEST_FILE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
    files.push((path.to_owned(), text.clone()));
    Ok(text)
}

/// Node.js's name for an error.
fn code_of(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "ENOENT",
        io::ErrorKind::PermissionDenied => "EACCES",
        io::ErrorKind::IsADirectory => "EISDIR",
        io::ErrorKind::FileTooLarge => "EFBIG",
        _ => "EIO",
    }
}

fn kind(path: &Path) -> &'static str {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => "folder",
        Ok(found) if found.is_file() => "file",
        _ => "",
    }
}

fn decoded(text: &str, encoding: &str) -> String {
    let bytes = match encoding.to_ascii_lowercase().as_str() {
        "base64" => BASE64.decode(text.as_bytes()).ok(),
        "base64url" => BASE64URL_NOPAD.decode(text.as_bytes()).ok(),
        "hex" => HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok(),
        _ => None,
    };
    bytes.map_or(text.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn encoded(text: &str, encoding: &str) -> String {
    match encoding.to_ascii_lowercase().as_str() {
        "base64" => BASE64.encode(text.as_bytes()),
        "base64url" => BASE64URL_NOPAD.encode(text.as_bytes()),
        "hex" => HEXLOWER_PERMISSIVE.encode(text.as_bytes()),
        _ => text.to_owned(),
    }
}
