//! The JavaScript that is part of this crate, compiled once for the process. An interpreter then
//! only reads the bytecode, which takes a fraction of the time and holds no source text.

use std::sync::OnceLock;

use rquickjs::loader::Loader as _;
use rquickjs::loader::bundle::{Bundle, HasByteCode};
use rquickjs::{Context, Ctx, Exception, Function, Module, Result, Runtime, WriteOptions};

/// A file of the folder `js`: an expression, whose value is a function.
struct Library {
    source: &'static str,
    bytecode: OnceLock<&'static [u8]>,
}

macro_rules! libraries {
    ($count:literal: $($name:literal)*) => {
        static LIBRARIES: [(&str, Library); $count] = [$(($name, Library {
            source: include_str!(concat!("../js/", $name, ".js")),
            bytecode: OnceLock::new(),
        })),*];
    };
}

libraries! {
    23: "bounds" "buffer" "console" "date" "express" "inspect" "intl" "kept" "long" "modules" "node-util" "prelude"
        "shared" "url" "util"
        "modules/assert" "modules/crypto" "modules/events" "modules/os" "modules/path" "modules/plain"
        "modules/querystring" "modules/url"
}

impl HasByteCode<'static> for Library {
    fn get_bytecode(&self) -> &'static [u8] {
        self.bytecode.get_or_init(|| {
            // What is empty is refused where it is read.
            Box::leak(compile(self.source).unwrap_or_default().into_boxed_slice())
        })
    }
}

fn compile(source: &str) -> Result<Vec<u8>> {
    let context = Context::full(&Runtime::new()?)?;
    context.with(|ctx| {
        let module = Module::declare(ctx, "library", format!("export default {source}"))?;
        let options = WriteOptions { strip_source: true, strip_debug: true, ..Default::default() };
        module.write(options)
    })
}

/// The function that the file `name` holds.
///
/// # Errors
/// If the interpreter has no memory for it.
pub(crate) fn load<'js>(ctx: &Ctx<'js>, name: &str) -> Result<Function<'js>> {
    let module = Bundle(&LIBRARIES[..]).load(ctx, name, None)?;
    let (module, evaluated) = module.eval()?;
    // Without `await` in it, a module is evaluated at once.
    match evaluated.result::<()>() {
        Some(result) => result?,
        None => return Err(Exception::throw_internal(ctx, "the library was not evaluated")),
    }
    module.get("default")
}
