//! The host's side: turns a library's tables into node types.

mod aside;
mod language;
mod links;
mod log;
mod metrics;
mod node;
mod port;
mod table;
mod users;
mod values;

use std::cmp::Ordering;
use std::ffi::c_void;

use ferrowire_abi::declaration::Declaration;
use ferrowire_abi::failure::Failed;
use ferrowire_abi::{MAGIC, MAJOR, MINOR, message, raw};
use ferrowire_core::metric::RegisteredMetric;
use ferrowire_core::{
    BuildNode, BuiltNode, Credential, Editor, EditorPart, Links, Message, Node, NodeConfig,
    NodeType, Reference, Watches,
};
use node::{LoadedExclusive, LoadedNode, Table, call};
use table::HOST;

/// Why a library is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It speaks another ABI.
    #[error(
        "it was built for version {theirs} of the plugin ABI, this runtime has {MAJOR}; build it \
         with the `ferrowire` of this runtime"
    )]
    Major {
        /// Its major version.
        theirs: u16,
    },
    /// It needs a feature that this host does not have.
    #[error(
        "it was built for version {MAJOR}.{theirs} of the plugin ABI, this runtime has \
         {MAJOR}.{MINOR}; update the runtime, or build the plugin with an older `ferrowire`"
    )]
    TooNew {
        /// Its minor version.
        theirs: u16,
    },
    /// Its panics cannot be caught.
    #[error(
        "it was built with `panic = \"abort\"`, so that a panic in it would end the runtime; \
         build it with `panic = \"unwind\"`"
    )]
    Aborts,
    /// Its tables are invalid.
    #[error("its tables are damaged: {0}; build it again")]
    Damaged(&'static str),
    /// Its own preparations failed.
    #[error("it cannot be used: {0}")]
    Init(String),
    /// Its own preparations panicked.
    #[error("it panicked while it was loaded: {0}")]
    InitPanicked(String),
}

/// Whether a library that declares this runs in this host.
///
/// # Errors
/// Why not.
pub(crate) fn takes(declaration: &Declaration) -> Result<(), Refusal> {
    accepts(declaration.major, declaration.minor)?;
    if declaration.panics_abort { Err(Refusal::Aborts) } else { Ok(()) }
}

fn accepts(major: u16, minor: u16) -> Result<(), Refusal> {
    if major != MAJOR {
        return Err(Refusal::Major { theirs: major });
    }
    match minor.cmp(&MINOR) {
        Ordering::Less | Ordering::Equal => Ok(()),
        Ordering::Greater => Err(Refusal::TooNew { theirs: minor }),
    }
}

/// What a loaded library offers.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// Its node types.
    pub(crate) types: Vec<NodeType>,
    /// Its metrics.
    pub(crate) metrics: Vec<RegisteredMetric>,
    /// The threads of its runtime, if it says how many.
    pub(crate) threads: Option<u32>,
}

/// Starts a library and takes its node types.
///
/// # Errors
/// Why it is refused.
///
/// # Safety
/// `library` must be what the function [`ENTRY`](ferrowire_abi::ENTRY) of a library returned that stays
/// loaded for ever, and this must be the only call for it.
pub(crate) unsafe fn start(
    library: *const raw::Library,
    file: &'static str,
    name: &str,
) -> Result<Offer, Refusal> {
    if library.is_null() || !library.is_aligned() {
        return Err(Refusal::Damaged("there is no table"));
    }
    // SAFETY: the first fields are the same in every version; the magic number is checked before
    // the others count.
    let (magic, major, minor, size) = unsafe {
        (
            (&raw const (*library).magic).read(),
            (&raw const (*library).major).read(),
            (&raw const (*library).minor).read(),
            (&raw const (*library).size).read() as usize,
        )
    };
    if magic != MAGIC {
        return Err(Refusal::Damaged("the magic number is wrong"));
    }
    accepts(major, minor)?;
    if size < size_of::<raw::Library>() {
        return Err(Refusal::Damaged("the table is too short"));
    }
    // SAFETY: the library says that its table is long enough.
    let (init, threads) =
        unsafe { ((&raw const (*library).init).read(), (&raw const (*library).threads).read()) };
    let arguments = raw::Init {
        size: size_of::<raw::Init>(),
        abi: u32::from(MAJOR) << 16 | u32::from(MINOR),
        host: &raw const HOST,
        name: raw::Str::new(name),
    };
    let mut ready = raw::Ready {
        types: std::ptr::null(),
        type_size: 0,
        types_len: 0,
        nodes: std::ptr::null(),
        metrics: raw::List::new(&[]),
        read_metric: None,
        failure: raw::Failure::NONE,
    };
    // SAFETY: the only call; everything is lent for it, the host's functions for ever.
    unsafe { init(&raw const arguments, &raw mut ready) };
    // SAFETY: written by the library, or none.
    match unsafe { Failed::from_raw(ready.failure) } {
        Some(Failed { text, panicked: true, .. }) => return Err(Refusal::InitPanicked(text)),
        Some(Failed { text, .. }) => return Err(Refusal::Init(text)),
        None => {}
    }
    if ready.type_size < size_of::<raw::NodeType>() {
        return Err(Refusal::Damaged("the node types are too small"));
    }
    // SAFETY: lent for ever.
    let table = unsafe { Table::new(ready.nodes) }
        .ok_or(Refusal::Damaged("the functions of the nodes are too few"))?;
    let types = (0..ready.types_len).map(|index| {
        // SAFETY: `types_len` types lie behind each other, `type_size` bytes apart, for ever.
        unsafe {
            let raw = ready.types.add(index * ready.type_size).cast::<raw::NodeType>();
            node_type(raw, index, table, file)
        }
    });
    // SAFETY: lent for ever.
    let metrics = unsafe { metrics::of(ready.metrics, ready.read_metric) };
    Ok(Offer { types: types.collect(), metrics, threads: Some(threads) })
}

/// Reads a field that every version of a node type has.
macro_rules! first {
    ($raw:expr, $field:ident) => {
        (&raw const (*$raw).$field).read()
    };
}

/// # Safety
/// `raw` and everything in it must be lent for ever.
unsafe fn node_type(
    raw: *const raw::NodeType,
    index: usize,
    table: Table,
    file: &'static str,
) -> NodeType {
    // SAFETY: as above.
    unsafe {
        let plugin = first!(raw, plugin).get();
        let builder = Box::leak(Box::new(LoadedType { index, table, plugin }));
        let mut node_type = NodeType::loaded(first!(raw, name).get(), file, builder);
        node_type.plugin = plugin;
        node_type.summary = first!(raw, summary).get();
        node_type.category = first!(raw, category).get();
        node_type.version = first!(raw, version).get();
        node_type.receives_from = references(first!(raw, receives_from));
        node_type.sends_to = references(first!(raw, sends_to));
        node_type.uses = references(first!(raw, uses));
        node_type.unique = list(first!(raw, unique), |name| name.get());
        node_type.editor = editor(first!(raw, editor));
        node_type.credentials =
            list(first!(raw, credentials), |credential| match credential.secret {
                0 => Credential::Text(credential.name.get()),
                _ => Credential::Password(credential.name.get()),
            });
        node_type.watches = match first!(raw, watches) {
            1 => Watches::Errors,
            2 => Watches::Statuses,
            3 => Watches::Completions,
            _ => Watches::Nothing,
        };
        node_type.links = links(first!(raw, links), first!(raw, links_property).get());
        node_type
    }
}

fn links(kind: u32, property: &'static str) -> Links {
    match kind {
        1 => Links::Out(property),
        2 => Links::In(property),
        3 => Links::Call(property),
        4 => Links::Answers,
        _ => Links::None,
    }
}

/// # Safety
/// The list and its strings must be lent for ever.
unsafe fn references(references: raw::List<raw::Reference>) -> &'static [Reference] {
    // SAFETY: as above.
    unsafe { list(references, |raw| Reference::new(raw.property.get(), raw.node_type.get())) }
}

/// # Safety
/// Everything in `raw` must be lent for ever.
unsafe fn editor(raw: raw::Editor) -> Editor {
    // SAFETY: as above.
    unsafe {
        let base = raw.node_red.get();
        match raw.kind {
            1 => Editor::NodeRed(base),
            2 => Editor::Own(part(raw)),
            3 => Editor::Extended { base, part: part(raw) },
            _ => Editor::None,
        }
    }
}

/// # Safety
/// Everything in `raw` must be lent for ever.
unsafe fn part(raw: raw::Editor) -> &'static EditorPart {
    // SAFETY: as above.
    unsafe {
        let text = |raw: &raw::NamedText| (raw.name.get(), raw.text.get());
        let file = |raw: &raw::NamedBytes| (raw.name.get(), raw.bytes.get());
        let part = EditorPart::new(raw.name.get(), raw.html.get())
            .help(list(raw.help, text))
            .catalogs(list(raw.catalogs, text))
            .icons(list(raw.icons, file))
            .resources(list(raw.resources, file));
        Box::leak(Box::new(part))
    }
}

/// # Safety
/// The list must be lent for ever.
unsafe fn list<R: 'static, T: 'static>(raw: raw::List<R>, read: impl Fn(&R) -> T) -> &'static [T] {
    // SAFETY: as above.
    unsafe { raw.get() }.iter().map(read).collect::<Vec<_>>().leak()
}

/// Builds the nodes of one type of a library.
struct LoadedType {
    index: usize,
    table: Table,
    plugin: &'static str,
}

impl BuildNode for LoadedType {
    fn build(&self, config: &mut NodeConfig<'_>) -> BuiltNode {
        let built = self.call(config);
        if built.node.is_null() {
            // SAFETY: written by the library, or none.
            let failed = unsafe { Failed::from_raw(built.failure) };
            let Failed { text, panicked, .. } = failed.unwrap_or_else(Failed::unknown);
            let reason = match panicked {
                true => {
                    let plugin = self.plugin;
                    format!("the plugin `{plugin}` panicked while it built the node: {text}")
                }
                false => text,
            };
            config.problem("", reason);
            return BuiltNode::Shared(Box::new(NotBuilt));
        }
        // SAFETY: just built, and handed over.
        let node = unsafe { LoadedNode::new(built.node, self.table, self.plugin) };
        match built.exclusive {
            0 => BuiltNode::Shared(Box::new(node)),
            _ => BuiltNode::Exclusive(Box::new(LoadedExclusive(node))),
        }
    }
}

impl LoadedType {
    fn call(&self, config: &mut NodeConfig<'_>) -> raw::Built {
        let info = config.info().clone();
        let properties = Message::from(config.properties().clone());
        let arguments = raw::Config {
            size: size_of::<raw::Config>(),
            info: raw::Info {
                id: raw::Str::new(&info.id),
                node_type: raw::Str::new(&info.node_type),
                name: raw::Str::new(&info.name),
                flow: raw::Str::new(&info.flow),
            },
            properties: message::into_raw(properties),
            data: (&raw mut *config).cast(),
            find,
            problem,
            alias: raw::Str::new(&info.alias),
            path: raw::Str::new(&info.path),
        };
        let mut built =
            raw::Built { node: std::ptr::null_mut(), exclusive: 0, failure: raw::Failure::NONE };
        // SAFETY: the properties are handed over, all else is lent for the call.
        unsafe { call!(self.table, build(self.index, &raw const arguments, &raw mut built)) };
        built
    }
}

unsafe extern "C" fn find(data: *mut c_void, id: raw::Str) -> *mut raw::Message {
    // SAFETY: the configuration of the call that is under way, and a lent string.
    let (config, id) = unsafe { (&*data.cast::<NodeConfig<'_>>(), id.get()) };
    let found = config.find(id).map(Message::from);
    found.map_or(std::ptr::null_mut(), message::into_raw)
}

unsafe extern "C" fn problem(data: *mut c_void, property: raw::Str, text: raw::Str) {
    // SAFETY: as above; nobody else uses the configuration during the call.
    unsafe { (*data.cast::<NodeConfig<'_>>()).problem(property.get(), text.get()) };
}

/// In the place of a node that has a problem, which is never started.
struct NotBuilt;

impl Node for NotBuilt {}
