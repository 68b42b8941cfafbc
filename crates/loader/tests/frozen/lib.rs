//! A plugin library against version 2.0 of the ABI, with a copy of its shapes and without any
//! dependency. It never changes: every host of the major version 2 loads it.

#![crate_type = "cdylib"]

use std::ffi::c_void;
use std::ptr::{null, null_mut};

#[repr(C)]
#[derive(Clone, Copy)]
struct Str {
    ptr: *const u8,
    len: usize,
}

const fn text(text: &str) -> Str {
    Str { ptr: text.as_ptr(), len: text.len() }
}

#[repr(C)]
struct Failure {
    ptr: *const u8,
    len: usize,
    release: Option<unsafe extern "C" fn(*const u8, usize)>,
    kind: u32,
}

const NO_FAILURE: Failure = Failure { ptr: null(), len: 0, release: None, kind: 0 };

#[repr(C)]
#[derive(Clone, Copy)]
struct List {
    ptr: *const c_void,
    len: usize,
}

const NO_LIST: List = List { ptr: std::ptr::dangling(), len: 0 };

#[repr(C)]
struct Future {
    data: *mut c_void,
    table: *const c_void,
}

const DONE: Future = Future { data: null_mut(), table: null() };

#[repr(C)]
struct Editor {
    kind: u32,
    path: Str,
    name: Str,
    html: Str,
    help: List,
    catalogs: List,
    icons: List,
    resources: List,
}

#[repr(C)]
struct NodeType {
    name: Str,
    summary: Str,
    category: Str,
    plugin: Str,
    version: Str,
    receives_from: List,
    sends_to: List,
    uses: List,
    unique: List,
    editor: Editor,
    credentials: List,
    watches: u32,
    links: u32,
    links_property: Str,
}

#[repr(C)]
struct Built {
    node: *mut c_void,
    exclusive: u32,
    failure: Failure,
}

#[repr(C)]
struct Binding {
    size: usize,
    host: *const c_void,
    endpoint: Str,
    users: *mut c_void,
}

#[repr(C)]
struct HostTable {
    size: usize,
    release: unsafe extern "C" fn(*const c_void),
    send: unsafe extern "C" fn(*const c_void, usize, *mut c_void) -> Future,
    status: unsafe extern "C" fn(*const c_void, u32, *mut c_void),
    log: unsafe extern "C" fn(*const c_void, u32, Str),
    failed: unsafe extern "C" fn(*const c_void, Failure),
    publish: unsafe extern "C" fn(*const c_void, Str, *mut c_void),
    env: unsafe extern "C" fn(*const c_void, Str) -> *mut c_void,
}

#[repr(C)]
struct Handled {
    kind: u32,
    port: usize,
    message: *mut c_void,
    future: Future,
    failure: Failure,
}

#[repr(C)]
struct NodeTable {
    size: usize,
    build: unsafe extern "C" fn(usize, *const c_void, *mut Built),
    drop: unsafe extern "C" fn(*mut c_void, *mut Failure),
    bind: unsafe extern "C" fn(*mut c_void, *const Binding),
    start: unsafe extern "C" fn(*mut c_void) -> Future,
    on_message_now: unsafe extern "C" fn(*mut c_void, *mut c_void, *const c_void, *mut Handled),
    on_message: unsafe extern "C" fn(*mut c_void, *mut c_void) -> Future,
    stop: unsafe extern "C" fn(*mut c_void, u32) -> Future,
    cancel: unsafe extern "C" fn(*mut c_void) -> Future,
    users: unsafe extern "C" fn(*mut c_void, *mut c_void),
    set_active: unsafe extern "C" fn(*mut c_void, u32, *mut Failure) -> u32,
    on_request: unsafe extern "C" fn(*mut c_void, Str, *mut c_void, Slot) -> Future,
}

#[repr(C)]
struct Slot {
    data: *mut c_void,
    table: *const SlotTable,
}

#[repr(C)]
struct SlotTable {
    size: usize,
    fill: unsafe extern "C" fn(*mut c_void, *mut c_void),
    drop: unsafe extern "C" fn(*mut c_void),
}

#[repr(C)]
struct Init {
    size: usize,
    abi: u32,
    host: *const HostTable,
    name: Str,
}

#[repr(C)]
struct Ready {
    types: *const NodeType,
    type_size: usize,
    types_len: usize,
    nodes: *const NodeTable,
    metrics: List,
    read_metric: Option<unsafe extern "C" fn(usize, *mut c_void)>,
    failure: Failure,
}

#[repr(C)]
struct Library {
    magic: u64,
    major: u16,
    minor: u16,
    size: u32,
    core_version: Str,
    rustc: Str,
    init: unsafe extern "C" fn(*const Init, *mut Ready),
    threads: u32,
}

/// Data that never changes.
struct Constant<T>(T);

// SAFETY: it never changes.
unsafe impl<T> Sync for Constant<T> {}

static LIBRARY: Constant<Library> = Constant(Library {
    magic: u64::from_le_bytes(*b"FERROWIR"),
    major: 2,
    minor: 0,
    size: size_of::<Library>() as u32,
    core_version: text("0.1.0"),
    rustc: text("frozen"),
    init,
    threads: 0,
});

static TYPE: Constant<NodeType> = Constant(NodeType {
    name: text("frozen"),
    summary: text("hands messages on"),
    category: text("network"),
    plugin: text("frozen"),
    version: text("1.0.0"),
    receives_from: NO_LIST,
    sends_to: NO_LIST,
    uses: NO_LIST,
    unique: NO_LIST,
    editor: Editor {
        kind: 0,
        path: text(""),
        name: text(""),
        html: text(""),
        help: NO_LIST,
        catalogs: NO_LIST,
        icons: NO_LIST,
        resources: NO_LIST,
    },
    credentials: NO_LIST,
    watches: 0,
    links: 0,
    links_property: text(""),
});

static NODES: NodeTable = NodeTable {
    size: size_of::<NodeTable>(),
    build,
    drop: drop_node,
    bind,
    start,
    on_message_now,
    on_message,
    stop,
    cancel,
    users,
    set_active,
    on_request,
};

#[unsafe(no_mangle)]
extern "C" fn ferrowire_plugin() -> *const Library {
    std::hint::black_box((&RECORDS, &INDEX));
    &raw const LIBRARY.0
}

static HOST: std::sync::atomic::AtomicPtr<HostTable> =
    std::sync::atomic::AtomicPtr::new(null_mut());

fn host() -> &'static HostTable {
    unsafe { &*HOST.load(std::sync::atomic::Ordering::Acquire) }
}

unsafe extern "C" fn init(init: *const Init, ready: *mut Ready) {
    HOST.store(unsafe { (*init).host }.cast_mut(), std::sync::atomic::Ordering::Release);
    let answer = Ready {
        types: &raw const TYPE.0,
        type_size: size_of::<NodeType>(),
        types_len: 1,
        nodes: &raw const NODES,
        metrics: NO_LIST,
        read_metric: None,
        failure: NO_FAILURE,
    };
    unsafe { ready.write(answer) };
}

/// The way to the host, which `bind` writes.
type Node = *const c_void;

unsafe extern "C" fn build(_: usize, _: *const c_void, built: *mut Built) {
    let node = Box::into_raw(Box::<Node>::new(null())).cast();
    unsafe { built.write(Built { node, exclusive: 0, failure: NO_FAILURE }) };
}

unsafe extern "C" fn drop_node(node: *mut c_void, _: *mut Failure) {
    let way = unsafe { *Box::from_raw(node.cast::<Node>()) };
    if !way.is_null() {
        unsafe { (host().release)(way) };
    }
}

unsafe extern "C" fn bind(node: *mut c_void, binding: *const Binding) {
    unsafe {
        node.cast::<Node>().write((*binding).host);
        release((*binding).users);
    }
}

unsafe extern "C" fn start(node: *mut c_void) -> Future {
    unsafe { (host().log)(*node.cast::<Node>(), 2, text("started")) };
    DONE
}

unsafe extern "C" fn on_message_now(
    _: *mut c_void,
    message: *mut c_void,
    _: *const c_void,
    handled: *mut Handled,
) {
    const SEND: u32 = 3;
    unsafe {
        (&raw mut (*handled).port).write(0);
        (&raw mut (*handled).message).write(message);
        (&raw mut (*handled).kind).write(SEND);
    }
}

unsafe extern "C" fn on_message(node: *mut c_void, message: *mut c_void) -> Future {
    unsafe { (host().send)(*node.cast::<Node>(), 0, message) }
}

unsafe extern "C" fn stop(_: *mut c_void, _: u32) -> Future {
    DONE
}

unsafe extern "C" fn cancel(_: *mut c_void) -> Future {
    DONE
}

/// A list of users is a message, whose owner is the host.
unsafe extern "C" fn users(_: *mut c_void, users: *mut c_void) {
    unsafe { release(users) };
}

/// Fills the place with the request.
unsafe extern "C" fn on_request(
    _: *mut c_void,
    _: Str,
    request: *mut c_void,
    slot: Slot,
) -> Future {
    unsafe {
        ((*slot.table).fill)(slot.data, request);
        ((*slot.table).drop)(slot.data);
    }
    DONE
}

#[repr(C)]
struct MessageTable {
    size: usize,
    release: unsafe extern "C" fn(*mut c_void),
}

unsafe fn release(message: *mut c_void) {
    unsafe { ((**message.cast::<*const MessageTable>()).release)(message) };
}

unsafe extern "C" fn set_active(_: *mut c_void, _: u32, _: *mut Failure) -> u32 {
    0
}

// The declaration: the library, its node type and its setting, with checksums and an index.

const LIBRARY_PARTS: &[&[u8]] = &[&[2, 0, 0, 0], b"0.1.0", b"frozen", b"unwind", b"indexed"];
const NODE_PARTS: &[&[u8]] = &[b"frozen", b"frozen", b"1.0.0", b"network", b"hands messages on"];
const SETTING_PARTS: &[&[u8]] = &[
    b"frozen-pace", b"frozen", b"1.0.0", b"choice", b"PACE", b"yes", b"slow", b"", b"", b"",
    b"How fast it is", b"Frozen", b"", b"slow", b"fast",
];
const FIRST: usize = len(LIBRARY_PARTS);
const SECOND: usize = len(NODE_PARTS);
const THIRD: usize = len(SETTING_PARTS);
const ENTRY: usize = len(&[&[0; 8]]);

#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__ferrowire"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".ferrowire"))]
static RECORDS: [u8; FIRST + SECOND + THIRD] = {
    let mut out = [0; FIRST + SECOND + THIRD];
    put(&mut out, 0, &record::<FIRST>(b"FWL1", LIBRARY_PARTS));
    put(&mut out, FIRST, &record::<SECOND>(b"FWN1", NODE_PARTS));
    put(&mut out, FIRST + SECOND, &record::<THIRD>(b"FWT1", SETTING_PARTS));
    out
};

#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__ferrowire_idx"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".ferrowire_index"))]
static INDEX: [u8; 3 * ENTRY] = {
    let mut out = [0; 3 * ENTRY];
    let ends = [FIRST, FIRST + SECOND, FIRST + SECOND + THIRD];
    let mut at = 0;
    while at < ends.len() {
        let sum = RECORDS.split_at(ends[at]).0.split_at(ends[at] - 8).1;
        put(&mut out, at * ENTRY, &record::<ENTRY>(b"FWI1", &[sum]));
        at += 1;
    }
    out
};

const fn len(parts: &[&[u8]]) -> usize {
    let (mut len, mut at) = (8 + 20, 0);
    while at < parts.len() {
        len += 4 + parts[at].len();
        at += 1;
    }
    len
}

const fn record<const N: usize>(magic: &[u8; 4], parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    put(&mut out, 0, magic);
    put(&mut out, 4, &((N - 28) as u32).to_le_bytes());
    let (mut at, mut part) = (8, 0);
    while part < parts.len() {
        put(&mut out, at, &(parts[part].len() as u32).to_le_bytes());
        put(&mut out, at + 4, parts[part]);
        at += 4 + parts[part].len();
        part += 1;
    }
    let (mut sum, mut i) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while i < at {
        sum = (sum ^ out[i] as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    put(&mut out, at, b"FWS1\x0c\0\0\0\x08\0\0\0");
    put(&mut out, at + 12, &sum.to_le_bytes());
    out
}

const fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    let mut i = 0;
    while i < bytes.len() {
        out[at + i] = bytes[i];
        i += 1;
    }
}
