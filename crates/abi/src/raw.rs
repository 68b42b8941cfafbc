//! The shapes that cross: plain C data and tables of functions.
//!
//! In every table `size` is the number of bytes that its maker knows of.

pub mod language;
pub mod port;

use std::ffi::c_void;
use std::sync::atomic::AtomicPtr;

/// A string that is lent for a call, or for ever where documented.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    /// The first byte; dangling when the length is 0.
    pub ptr: *const u8,
    /// The number of bytes.
    pub len: usize,
}

impl Str {
    /// Lends `text`.
    pub const fn new(text: &str) -> Self {
        Str { ptr: text.as_ptr(), len: text.len() }
    }

    /// The string.
    ///
    /// # Safety
    /// `self` must come from the other side, and must still be lent during `'a`.
    pub const unsafe fn get<'a>(self) -> &'a str {
        if self.len == 0 {
            return "";
        }
        // SAFETY: not empty, so `ptr` points to `len` bytes that the caller knows to be lent;
        // the side that hands a string over guarantees UTF-8.
        unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(self.ptr, self.len)) }
    }
}

/// A string that is handed over. A null `owner` with a null `ptr` stands for "no string".
#[repr(C)]
#[derive(Debug)]
pub struct OwnedStr {
    /// The first byte, null for "no string".
    pub ptr: *const u8,
    /// The number of bytes.
    pub len: usize,
    /// Frees it.
    pub release: Option<unsafe extern "C" fn(*const u8, usize)>,
}

impl OwnedStr {
    /// No string.
    pub const NONE: OwnedStr = OwnedStr { ptr: std::ptr::null(), len: 0, release: None };

    /// Hands `text` over.
    pub fn new(text: String) -> Self {
        unsafe extern "C" fn release(ptr: *const u8, len: usize) {
            let text = std::ptr::slice_from_raw_parts_mut(ptr.cast_mut(), len);
            // SAFETY: only called once with what `Box::into_raw` gave below.
            drop(unsafe { Box::from_raw(text) });
        }
        let len = text.len();
        let text: *mut [u8] = Box::into_raw(text.into_bytes().into_boxed_slice());
        OwnedStr { ptr: text.cast::<u8>(), len, release: Some(release) }
    }

    /// Takes the string out and lets its maker free it.
    ///
    /// # Safety
    /// `self` must be as the other side handed it over, and is not used again.
    pub unsafe fn take(self) -> Option<String> {
        if self.ptr.is_null() {
            return None;
        }
        // SAFETY: handed over and not released yet.
        let text = unsafe { Str { ptr: self.ptr, len: self.len }.get() }.to_owned();
        if let Some(release) = self.release {
            // SAFETY: the one call that ends it.
            unsafe { release(self.ptr, self.len) };
        }
        Some(text)
    }
}

/// Why something failed.
#[repr(C)]
#[derive(Debug)]
pub struct Failure {
    /// The reason with all causes; none if nothing failed.
    pub text: OwnedStr,
    /// One of [`failure`].
    pub kind: u32,
}

/// Kinds of [`Failure`].
pub mod failure {
    /// An error.
    pub const ERROR: u32 = 0;
    /// A panic.
    pub const PANIC: u32 = 1;
    /// An error with details. In the place of the text's first byte is a message,
    /// which is handed over, with the properties `text` and `details`.
    pub const DETAILED: u32 = 2;
}

impl Failure {
    /// Nothing failed.
    pub const NONE: Failure = Failure { text: OwnedStr::NONE, kind: failure::ERROR };
}

/// Kinds of [`Value`].
pub mod kind {
    /// `null`, and any kind that a newer side may send and this one does not know.
    pub const NULL: u32 = 0;
    /// `false` or `true` in `number`.
    pub const BOOL: u32 = 1;
    /// `number`.
    pub const NUMBER: u32 = 2;
    /// A string at `ptr`.
    pub const STRING: u32 = 3;
    /// A buffer at `ptr`.
    pub const BUFFER: u32 = 4;
    /// An array of `len` elements, `owner` for `entry`.
    pub const ARRAY: u32 = 5;
    /// An object of `len` properties, `owner` for `entry`.
    pub const OBJECT: u32 = 6;
    /// `undefined`.
    pub const UNDEFINED: u32 = 7;
    /// A date: milliseconds since 1970 in `number`, NaN for an invalid one.
    pub const DATE: u32 = 8;
    /// A `BigInt`: its decimal digits at `ptr`, after a `-` when it is below 0.
    pub const BIG_INT: u32 = 9;
}

/// A value inside a message, lent as long as the message is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Value {
    /// One of [`kind`].
    pub kind: u32,
    /// The number, 0 and 1 for a boolean, or the milliseconds of a date.
    pub number: f64,
    /// The bytes of a string or buffer, or the digits of a `BigInt`.
    pub ptr: *const u8,
    /// The number of bytes, elements or properties.
    pub len: usize,
    /// What `entry` and `share` are called with.
    pub owner: *const c_void,
}

impl Value {
    /// `null`.
    pub const NULL: Value = Value {
        kind: kind::NULL,
        number: 0.0,
        ptr: std::ptr::null(),
        len: 0,
        owner: std::ptr::null(),
    };
}

/// An element of an array, or a property of an object.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The property's name; empty for an element.
    pub key: Str,
    /// The value.
    pub value: Value,
}

/// Bytes that are shared with their owner.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// The first byte.
    pub ptr: *const u8,
    /// How many.
    pub len: usize,
    /// One reference.
    pub owner: *const c_void,
    /// What can be done with it.
    pub table: *const BytesTable,
}

/// What can be done with a reference to shared bytes.
#[repr(C)]
#[derive(Debug)]
pub struct BytesTable {
    /// See the module.
    pub size: usize,
    /// Another reference.
    pub share: unsafe extern "C" fn(*const c_void) -> *const c_void,
    /// Ends a reference.
    pub release: unsafe extern "C" fn(*const c_void),
}

/// The head of a message that crosses; what follows it is known to its maker.
#[repr(C)]
#[derive(Debug)]
pub struct Message {
    /// The maker's functions.
    pub table: *const MessageTable,
    /// For the side that has the message; null whenever it crosses.
    pub cache: AtomicPtr<c_void>,
}

/// What can be done with a message.
#[repr(C)]
#[derive(Debug)]
pub struct MessageTable {
    /// See the module.
    pub size: usize,
    /// Ends it.
    pub release: unsafe extern "C" fn(*mut Message),
    /// Another one with equal contents.
    pub clone: unsafe extern "C" fn(*const Message) -> *mut Message,
    /// Its properties, as an object.
    pub open: unsafe extern "C" fn(*const Message, *mut Value),
    /// An entry of an array or object, which is lent by a message of this maker: kind, owner,
    /// index, where to.
    pub entry: unsafe extern "C" fn(u32, *const c_void, usize, *mut Entry),
    /// A reference to the bytes of a string or buffer: kind, owner, where to.
    pub share: unsafe extern "C" fn(u32, *const c_void, *mut Bytes),
}

/// Since 2.1: what a [`MessageTable`] is the beginning of, if its size says so.
#[repr(C)]
#[derive(Debug)]
pub struct MessageTable2_1 {
    /// The functions since 2.0.
    pub since_2_0: MessageTable,
    /// Whether its properties are known to have a `_msgid` (1).
    pub is_identified: unsafe extern "C" fn(*const Message) -> u32,
}

/// A future. A null `data` is one that has completed successfully.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Future {
    /// Its state.
    pub data: *mut c_void,
    /// What can be done with it.
    pub table: *const FutureTable,
}

impl Future {
    /// Over, and succeeded.
    pub const DONE: Future = Future { data: std::ptr::null_mut(), table: std::ptr::null() };
}

/// What can be done with a future.
#[repr(C)]
#[derive(Debug)]
pub struct FutureTable {
    /// See the module.
    pub size: usize,
    /// 0 while it is pending, 1 when it has completed; then it may have written a failure.
    pub poll: unsafe extern "C" fn(*mut c_void, *const Waker, *mut Failure) -> u32,
    /// Ends it.
    pub drop: unsafe extern "C" fn(*mut c_void),
}

/// A place for a value; handed over with a request. The other side fills it before its future is
/// over.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Its state.
    pub data: *mut c_void,
    /// What can be done with it.
    pub table: *const SlotTable,
}

/// What can be done with a [`Slot`].
#[repr(C)]
#[derive(Debug)]
pub struct SlotTable {
    /// See the module.
    pub size: usize,
    /// Fills it, once, with the property `value` of a message, which is handed over.
    pub fill: unsafe extern "C" fn(*mut c_void, *mut Message),
    /// Ends it.
    pub drop: unsafe extern "C" fn(*mut c_void),
}

/// Wakes the task that polled a future.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Waker {
    /// Its state.
    pub data: *const c_void,
    /// What can be done with it.
    pub table: *const WakerTable,
    /// Two wakers with the same identity wake the same task, as long as one of them lives.
    pub identity: [*const c_void; 2],
}

/// What can be done with a waker.
#[repr(C)]
#[derive(Debug)]
pub struct WakerTable {
    /// See the module.
    pub size: usize,
    /// An owned clone of a lent or owned one.
    pub clone: unsafe extern "C" fn(*const c_void) -> *const c_void,
    /// Wakes through a lent or owned one.
    pub wake_by_ref: unsafe extern "C" fn(*const c_void),
    /// Ends an owned one.
    pub drop: unsafe extern "C" fn(*const c_void),
}

/// How a message was handled; see [`ferrowire_core::Handled`].
pub mod handled {
    /// The message is in `message` again.
    pub const NOT_NOW: u32 = 0;
    /// It is complete.
    pub const DONE: u32 = 1;
    /// `failure` says why not.
    pub const FAILED: u32 = 2;
    /// `message` leaves through `port`.
    pub const SEND: u32 = 3;
    /// What was given to `emit` leaves.
    pub const SEND_ALL: u32 = 4;
    /// It is complete when `future` is.
    pub const LATER: u32 = 5;
    /// The node keeps it. The sender waits for `future`.
    pub const KEPT: u32 = 6;
}

/// What `on_message_now` did. Only the fields that [`handled`] names for the kind are written.
#[repr(C)]
#[derive(Debug)]
pub struct Handled {
    /// One of [`handled`].
    pub kind: u32,
    /// The output port.
    pub port: usize,
    /// The message.
    pub message: *mut Message,
    /// The future.
    pub future: Future,
    /// The failure.
    pub failure: Failure,
}

/// Takes a message for an output port.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Emit {
    /// For the caller.
    pub data: *mut c_void,
    /// Takes the message.
    pub emit: unsafe extern "C" fn(*mut c_void, usize, *mut Message),
}

/// Who a node is; see [`ferrowire_core::NodeInfo`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// The id.
    pub id: Str,
    /// The type.
    pub node_type: Str,
    /// The name.
    pub name: Str,
    /// The flow.
    pub flow: Str,
}

/// What a node is built from; see [`ferrowire_core::NodeConfig`].
#[repr(C)]
#[derive(Debug)]
pub struct Config {
    /// See the module.
    pub size: usize,
    /// Who the node is.
    pub info: Info,
    /// Its properties, handed over.
    pub properties: *mut Message,
    /// For the two functions.
    pub data: *mut c_void,
    /// The properties of another node, null if there is none.
    pub find: unsafe extern "C" fn(*mut c_void, Str) -> *mut Message,
    /// Reports a problem: property, text.
    pub problem: unsafe extern "C" fn(*mut c_void, Str, Str),
    /// Its id in the definition of a subflow; empty elsewhere.
    pub alias: Str,
    /// The flows that contain it.
    pub path: Str,
}

/// A node that was built.
#[repr(C)]
#[derive(Debug)]
pub struct Built {
    /// Null when it could not be built: then `failure` says why.
    pub node: *mut c_void,
    /// 1 when it handles one message at a time.
    pub exclusive: u32,
    /// Why it was not built.
    pub failure: Failure,
}

/// What a node finds around it at `bind`.
#[repr(C)]
#[derive(Debug)]
pub struct Binding {
    /// See the module.
    pub size: usize,
    /// Handed over: the node's way to its host, ended with [`HostTable::release`].
    pub host: *const c_void,
    /// Its endpoint's id; empty for none.
    pub endpoint: Str,
    /// The nodes that use it, handed over: an array in the property `value` of a message.
    pub users: *mut Message,
}

/// A status; see [`ferrowire_core::Status`].
#[repr(C)]
#[derive(Debug)]
pub struct Status {
    /// The colour.
    pub fill: Str,
    /// The shape.
    pub shape: Str,
    /// The text.
    pub text: Str,
    /// The details, handed over; null for none.
    pub details: *mut Message,
}

/// The functions of the host for a library, each called with a node's handle.
#[repr(C)]
#[derive(Debug)]
pub struct HostTable {
    /// See the module.
    pub size: usize,
    /// Ends the way.
    pub release: unsafe extern "C" fn(*const c_void),
    /// Sends a message, which is handed over, through a port.
    pub send: unsafe extern "C" fn(*const c_void, usize, *mut Message) -> Future,
    /// Shows a status below the node (0) or below its users (1).
    pub status: unsafe extern "C" fn(*const c_void, u32, *mut Status),
    /// Writes to the log; levels count from 0 for trace to 4 for error.
    pub log: unsafe extern "C" fn(*const c_void, u32, Str),
    /// Reports a failure, which is handed over.
    pub failed: unsafe extern "C" fn(*const c_void, Failure),
    /// Publishes the property `value` of a message, which is handed over.
    pub publish: unsafe extern "C" fn(*const c_void, Str, *mut Message),
    /// The variable as the property `value` of a message; null if it is not set.
    pub env: unsafe extern "C" fn(*const c_void, Str) -> *mut Message,
    /// Whether a wire leaves through the port.
    pub wired: unsafe extern "C" fn(*const c_void, usize) -> u32,
    /// Hands a message, which is handed over, to a node beside the wires.
    pub deliver: unsafe extern "C" fn(*const c_void, Str, *mut Message, *mut Failure) -> Future,
    /// The id of the node that a name means.
    pub find_linked: unsafe extern "C" fn(*const c_void, Str, *mut Failure) -> OwnedStr,
    /// Reports a failure with a message; both are handed over.
    pub failed_with: unsafe extern "C" fn(*const c_void, Failure, *mut Message) -> Future,
    /// Reports that a message, which is handed over, is complete.
    pub completed: unsafe extern "C" fn(*const c_void, *mut Message) -> Future,
    /// The property `value` of a message, null for `undefined`.
    pub context_get:
        unsafe extern "C" fn(*const c_void, *const Place, *mut Failure) -> *mut Message,
    /// Sets the value to the property `value` of a message, which is handed over, or
    /// removes it: null.
    pub context_set: unsafe extern "C" fn(*const c_void, *const Place, *mut Message, *mut Failure),
    /// The names of the values, as an array in the property `value` of a message.
    pub context_keys:
        unsafe extern "C" fn(*const c_void, *const Place, *mut Failure) -> *mut Message,
    /// Whether the host's log wants lines of this level and target.
    pub logs: unsafe extern "C" fn(u32, Str) -> u32,
    /// Writes a line of the library's own to the host's log: level, library, target,
    /// text.
    pub write_log: unsafe extern "C" fn(u32, Str, Str, Str),
    /// Runs a task of the node, which ends with it: handed over.
    pub spawn: unsafe extern "C" fn(*const c_void, Future),
    /// The prefix of every path of a part of the port: 0 flows, 1 the admin API. None when
    /// there is no port.
    pub port_root: unsafe extern "C" fn(*const c_void, u32) -> OwnedStr,
    /// Adds a route: part of the port, name, permission, handler, where the ids of the nodes with
    /// equal routes go (lines), where a failure goes. Returns its registration, null on failure.
    pub add_route: unsafe extern "C" fn(
        *const c_void,
        u32,
        Str,
        Str,
        port::Handler,
        *mut OwnedStr,
        *mut Failure,
    ) -> *mut c_void,
    /// Adds an upgrade at a path. Returns its registration, null on failure.
    pub add_upgrade:
        unsafe extern "C" fn(*const c_void, Str, port::Handler, *mut Failure) -> *mut c_void,
    /// Ends a registration.
    pub remove_route: unsafe extern "C" fn(*mut c_void),
    /// Sends a message, which is handed over, to a user or a configuration node.
    pub send_to: unsafe extern "C" fn(*const c_void, Str, *mut Message, *mut Failure) -> Future,
    /// Shows a status, whose details are handed over, at one user.
    pub status_of: unsafe extern "C" fn(*const c_void, Str, *mut Status, *mut Failure),
    /// Asks a configuration node; the request is the property `value` of a message. Both are handed
    /// over.
    pub ask: unsafe extern "C" fn(*const c_void, Str, *mut Message, Slot) -> Future,
    /// The value of a setting: the property `value` of a message, null if none was given. A number
    /// as its decimal digits in an array of one, a text as it is, a list as an object with `list`.
    pub setting: unsafe extern "C" fn(*const c_void, Str) -> *mut Message,
    /// As `log`, with a value for the debug sidebar: the property `value` of a message, which is
    /// handed over.
    pub log_value: unsafe extern "C" fn(*const c_void, u32, *mut Message, Str),
    /// Since 2.1: compiles a text of a [`language`]. Null on failure.
    pub compile: unsafe extern "C" fn(u32, Str, *mut Failure) -> *const c_void,
    /// Releases what `compile` returned.
    pub drop_compiled: unsafe extern "C" fn(*const c_void),
    /// Evaluates a JSONata expression for the node: the expression, a message, whether its property
    /// `value` is the input (1) or the message (0), the variables as the properties of a message or
    /// null. The messages are handed over. The property `value` of a message, null for `undefined`.
    pub evaluate: unsafe extern "C" fn(
        *const c_void,
        *const c_void,
        *mut Message,
        u32,
        *mut Message,
        *mut Failure,
    ) -> *mut Message,
    /// The names of the groups of a regular expression: an object of their numbers in the property
    /// `value` of a message.
    pub group_names: unsafe extern "C" fn(*const c_void) -> *mut Message,
    /// Finds the first match of a regular expression at or after a byte of a text, and says whether
    /// there is one. The groups go to [`language::Found`], unless it is null.
    pub find: unsafe extern "C" fn(
        *const c_void,
        Str,
        usize,
        *const language::Found,
        *mut Failure,
    ) -> u32,
    /// A date, in milliseconds since 1970, as JavaScript prints it.
    pub date_text: unsafe extern "C" fn(f64) -> OwnedStr,
    /// The present date in a format of `$moment`.
    pub now_as: unsafe extern "C" fn(Str, *mut Failure) -> OwnedStr,
    /// A number as JavaScript prints it.
    pub number_text: unsafe extern "C" fn(f64) -> OwnedStr,
    /// Calls the function once with its data, before it returns. This thread's worker, if it has one,
    /// is given to another thread before. The function must not unwind.
    pub run_aside: unsafe extern "C" fn(unsafe extern "C" fn(*mut c_void), *mut c_void),
    /// Whether this thread has given its worker away already, or has none (1).
    pub is_aside: unsafe extern "C" fn() -> u32,
}

/// Where a value of a context is. Lent for the call, apart from `rest`.
#[repr(C)]
#[derive(Debug)]
pub struct Place {
    /// See the module.
    pub size: usize,
    /// 0: of the node, 1: of its flow, 2: of all.
    pub scope: u32,
    /// The store's name; empty for the default one.
    pub store: Str,
    /// The first name of the path.
    pub first: Str,
    /// The rest of it, handed over; null for none. The property `value` of a message: an array
    /// of names, numbers (indices) and arrays (paths whose value is a name or an index).
    pub rest: *mut Message,
}

/// The functions of a library's nodes. `node` is what `build` returned.
#[repr(C)]
#[derive(Debug)]
pub struct NodeTable {
    /// See the module.
    pub size: usize,
    /// Builds a node: index of the type, configuration, where to.
    pub build: unsafe extern "C" fn(usize, *const Config, *mut Built),
    /// Ends a node. No other call for it is under way or follows.
    pub drop: unsafe extern "C" fn(*mut c_void, *mut Failure),
    /// Gives the node its context; once, before the calls below.
    pub bind: unsafe extern "C" fn(*mut c_void, *const Binding),
    /// Starts it.
    pub start: unsafe extern "C" fn(*mut c_void) -> Future,
    /// Hands a message over.
    pub on_message_now: unsafe extern "C" fn(*mut c_void, *mut Message, *const Emit, *mut Handled),
    /// Hands a message over.
    pub on_message: unsafe extern "C" fn(*mut c_void, *mut Message) -> Future,
    /// Stops it: 0 removed, 1 restarting, 2 shutting down.
    pub stop: unsafe extern "C" fn(*mut c_void, u32) -> Future,
    /// Cancels the tasks of the node. The future completes when they have ended.
    pub cancel: unsafe extern "C" fn(*mut c_void) -> Future,
    /// Says which nodes use it now, as in [`Binding`].
    pub users: unsafe extern "C" fn(*mut c_void, *mut Message),
    /// Switches it on (1) or off; returns 1 if it can be switched.
    pub set_active: unsafe extern "C" fn(*mut c_void, u32, *mut Failure) -> u32,
    /// Has it answer a request of the node of that id; the request is the property `value` of a
    /// message. Both are handed over.
    pub on_request: unsafe extern "C" fn(*mut c_void, Str, *mut Message, Slot) -> Future,
    /// Since 2.2: has it let its clients go within that many milliseconds.
    pub drain: unsafe extern "C" fn(*mut c_void, u64) -> Future,
}

/// A property that refers to a node.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// The property, lent for ever.
    pub property: Str,
    /// The type of the other node, lent for ever.
    pub node_type: Str,
}

/// A node type; see [`ferrowire_core::NodeType`]. Everything is lent for ever.
#[repr(C)]
#[derive(Debug)]
pub struct NodeType {
    /// The type.
    pub name: Str,
    /// One line.
    pub summary: Str,
    /// The section of the palette.
    pub category: Str,
    /// The crate.
    pub plugin: Str,
    /// Its version.
    pub version: Str,
    /// The references to the endpoint whose messages arrive at the nodes.
    pub receives_from: List<Reference>,
    /// The references to the endpoint that the nodes send to.
    pub sends_to: List<Reference>,
    /// Further references.
    pub uses: List<Reference>,
    /// Unique properties.
    pub unique: List<Str>,
    /// How the editor shows the nodes.
    pub editor: Editor,
    /// Properties that are kept out of flow files.
    pub credentials: List<Credential>,
    /// 0: watches nothing, 1: errors, 2: statuses, 3: completed messages.
    pub watches: u32,
    /// 0: no links, 1: out, 2: in, 3: call, 4: answers; hosts treat others as 0.
    pub links: u32,
    /// The property that lists them.
    pub links_property: Str,
}

/// A list, lent for ever.
#[repr(C)]
#[derive(Debug)]
pub struct List<T> {
    /// The first element.
    pub ptr: *const T,
    /// How many there are.
    pub len: usize,
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<T> {}

impl<T> List<T> {
    /// Lends `list`.
    pub const fn new(list: &'static [T]) -> Self {
        List { ptr: list.as_ptr(), len: list.len() }
    }

    /// The elements.
    ///
    /// # Safety
    /// `self` must come from the other side.
    pub const unsafe fn get(self) -> &'static [T] {
        match self.len {
            0 => &[],
            // SAFETY: lent for ever.
            _ => unsafe { std::slice::from_raw_parts(self.ptr, self.len) },
        }
    }
}

/// How the editor shows the nodes of a type; see [`ferrowire_core::Editor`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Editor {
    /// 0: not at all, 1: as Node-RED does, 2: with the plugin's own part, 3: as Node-RED does, with
    /// the part's additions.
    pub kind: u32,
    /// Node-RED's path, for 1 and 3.
    pub node_red: Str,
    /// The part's name.
    pub name: Str,
    /// The part's HTML.
    pub html: Str,
    /// Its help in other languages.
    pub help: List<NamedText>,
    /// Its texts by language.
    pub catalogs: List<NamedText>,
    /// Its icons.
    pub icons: List<NamedBytes>,
    /// Its other files.
    pub resources: List<NamedBytes>,
}

/// A metric of the library; see [`ferrowire_core::metric`]. Everything is lent for ever.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name.
    pub name: Str,
    /// One line.
    pub help: Str,
    /// The unit.
    pub unit: Str,
    /// The label.
    pub label: Str,
    /// The label's value.
    pub label_value: Str,
    /// 0: counter, 1: gauge, 2: histogram.
    pub kind: u32,
    /// The bounds of a histogram.
    pub bounds: List<f64>,
    /// The crate.
    pub plugin: Str,
    /// Its version.
    pub version: Str,
}

/// The value of a metric.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Of a counter, or the bits of the level of a gauge.
    pub number: u64,
    /// Of a histogram: the sum.
    pub sum: f64,
    /// Of a histogram: the reader's place for its counts.
    pub counts: *mut u64,
    /// How many counts the place has.
    pub counts_len: usize,
}

/// A text and its name.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NamedText {
    /// The name.
    pub name: Str,
    /// The text.
    pub text: Str,
}

/// The content of a file and its name.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NamedBytes {
    /// The name.
    pub name: Str,
    /// The content.
    pub bytes: List<u8>,
}

/// See [`ferrowire_core::Credential`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Credential {
    /// The property.
    pub name: Str,
    /// 1 if the editor only sees whether it is set.
    pub secret: u32,
}

/// The host's arguments of `init`.
#[repr(C)]
#[derive(Debug)]
pub struct Init {
    /// See the module.
    pub size: usize,
    /// The host's version of this ABI: major in the upper half, minor in the lower.
    pub abi: u32,
    /// The host's functions, lent for ever.
    pub host: *const HostTable,
    /// The library's name, for its threads.
    pub name: Str,
}

/// The library's results of `init`.
#[repr(C)]
#[derive(Debug)]
pub struct Ready {
    /// The node types, `types_len` of `type_size` bytes each, lent for ever.
    pub types: *const u8,
    /// The size of one of them.
    pub type_size: usize,
    /// How many.
    pub types_len: usize,
    /// What the nodes can do, lent for ever.
    pub nodes: *const NodeTable,
    /// The metrics.
    pub metrics: List<Metric>,
    /// Reads the metric of that index.
    pub read_metric: Option<unsafe extern "C" fn(usize, *mut Reading)>,
    /// Why it cannot be used.
    pub failure: Failure,
}

/// What [`ENTRY`](crate::ENTRY) returns, lent for ever. The first five fields are the same in
/// every version.
#[repr(C)]
#[derive(Debug)]
pub struct Library {
    /// [`MAGIC`](crate::MAGIC).
    pub magic: u64,
    /// [`MAJOR`](crate::MAJOR) of the library.
    pub major: u16,
    /// [`MINOR`](crate::MINOR) of the library.
    pub minor: u16,
    /// See the module.
    pub size: u32,
    /// The version of this crate.
    pub core_version: Str,
    /// The compiler.
    pub rustc: Str,
    /// Starts the library; once. `ready` comes with `Failure::NONE` in it and all else zero.
    pub init: unsafe extern "C" fn(*const Init, *mut Ready),
    /// The number of threads that the library's runtime has, for `plugin list`.
    pub threads: u32,
}

// SAFETY: tables of functions and strings that live for ever and never change.
unsafe impl Sync for Library {}

// Shared data without interior mutability, apart from the cache, which is atomic.
// SAFETY: all functions of a table may be called from any thread.
unsafe impl Send for Bytes {}
// SAFETY: as above.
unsafe impl Sync for Bytes {}
// SAFETY: as above.
unsafe impl Send for Waker {}
// SAFETY: as above.
unsafe impl Sync for Waker {}
// SAFETY: as above.
unsafe impl Send for Future {}
