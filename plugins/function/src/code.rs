//! `Code`: what is known about a function node's code, determined once for equal code.
//!
//! A deploy reads the configuration of all nodes, most of which it does not change. Reading the code
//! takes longer than everything else about a function node, so what is known about the code of running
//! nodes is reused.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Weak};

use ferrowire::{Key, MutexExt as _, NodeConfig};

use crate::changes::{changes_after_set, changes_in_place};
use crate::http;
use crate::lasting::leaves_something;
use crate::syntax;
use crate::visible::visible;

/// The code of a node, and what is known about it.
#[derive(Debug)]
pub(crate) struct Code {
    texts: Texts,
    /// Whether the code waits for anything.
    pub(crate) is_async: bool,
    /// Whether the code may use `node`.
    pub(crate) uses_node: bool,
    /// Whether the code itself reports when a message is complete.
    pub(crate) calls_done: bool,
    /// Whether the code may call `link in` nodes.
    pub(crate) calls_links: bool,
    /// Whether the code may change values of contexts that it has got.
    pub(crate) changes_in_place: bool,
    /// Whether the code may change a value that it has put into a context.
    pub(crate) changes_after_set: bool,
    /// Whether the code may use a request or its response.
    pub(crate) uses_http: bool,
    /// Whether a run may leave something in the interpreter that a later one finds.
    pub(crate) leaves_something: bool,
    /// The only properties of a message that the code can see, if that is known.
    pub(crate) visible: Option<Arc<[Key]>>,
}

#[derive(Debug, PartialEq, Hash)]
struct Texts {
    message: String,
    initialize: String,
    finalize: String,
}

/// The code that nodes have, by the hash of its texts.
static KNOWN: LazyLock<Mutex<HashMap<u64, Weak<Code>>>> = LazyLock::new(Mutex::default);
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

fn known() -> MutexGuard<'static, HashMap<u64, Weak<Code>>> {
    KNOWN.locked()
}

impl Code {
    /// Reads the code; invalid JavaScript is a problem of the configuration.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Arc<Self> {
        let texts = Texts {
            message: config.text("func"),
            initialize: config.text("initialize").trim().to_owned(),
            finalize: config.text("finalize").trim().to_owned(),
        };
        let hash = HASHER.hash_one(&texts);
        let found = known().get(&hash).and_then(Weak::upgrade);
        if let Some(found) = found.filter(|found| found.texts == texts) {
            return found;
        }
        let is_valid = check(config, &texts);
        let code = Arc::new(Code::read(texts));
        if is_valid {
            known().insert(hash, Arc::downgrade(&code));
        }
        code
    }

    fn read(texts: Texts) -> Self {
        let Texts { message, initialize, finalize } = &texts;
        let has = |word| message.contains(word);
        let uses_http = http::is_used_in(message) || http::is_used_in(initialize);
        let has_around = !initialize.is_empty() || !finalize.is_empty();
        Code {
            is_async: has("await"),
            uses_node: has("node") || has("eval") || has("arguments"),
            calls_done: syntax::calls_done(message),
            calls_links: has("linkcall") || initialize.contains("linkcall"),
            changes_in_place: changes_in_place([message, initialize, finalize]),
            changes_after_set: has_around || changes_after_set(message),
            uses_http,
            leaves_something: uses_http || leaves_something([message, initialize, finalize]),
            visible: visible(message, [initialize, finalize]).map(with_request),
            texts,
        }
    }

    /// The code for messages, as a function.
    pub(crate) fn message(&self) -> String {
        syntax::message_code(&self.texts.message, self.is_async)
    }

    /// The code for the start, as a function; `None` if there is none.
    pub(crate) fn initialize(&self) -> Option<String> {
        let code = &self.texts.initialize;
        self.has_initialize().then(|| syntax::initialize_code(code))
    }

    /// The code for the end, as a function; `None` if there is none.
    pub(crate) fn finalize(&self) -> Option<String> {
        let code = &self.texts.finalize;
        self.has_finalize().then(|| syntax::finalize_code(code))
    }

    pub(crate) fn has_initialize(&self) -> bool {
        !self.texts.initialize.is_empty()
    }

    pub(crate) fn has_finalize(&self) -> bool {
        !self.texts.finalize.is_empty()
    }
}

/// A response needs its request, to redirect as the client accepts it.
fn with_request(mut visible: Vec<Key>) -> Arc<[Key]> {
    let has = |name: &str| visible.iter().any(|key| key == name);
    if has("res") && !has("req") {
        visible.push(Key::new_static("req"));
    }
    visible.into()
}

fn check(config: &mut NodeConfig<'_>, texts: &Texts) -> bool {
    let is_async = texts.message.contains("await");
    let message = syntax::message_code(&texts.message, is_async);
    let mut is_valid = syntax::check(config, "func", &message);
    is_valid &= http::check(config, "func", &texts.message);
    if !texts.initialize.is_empty() {
        let code = syntax::initialize_code(&texts.initialize);
        is_valid &= syntax::check(config, "initialize", &code);
    }
    if !texts.finalize.is_empty() {
        let code = syntax::finalize_code(&texts.finalize);
        is_valid &= syntax::check(config, "finalize", &code);
    }
    is_valid
}

impl Drop for Code {
    fn drop(&mut self) {
        let hash = HASHER.hash_one(&self.texts);
        let mut known = known();
        if known.get(&hash).is_some_and(|code| code.strong_count() == 0) {
            known.remove(&hash);
        }
    }
}
