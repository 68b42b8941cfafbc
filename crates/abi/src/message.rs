//! Messages across the border.

use std::cell::Cell;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use ::bytes::Bytes;
use bytestring::ByteString;

use crate::{SHARE_FROM, bytes, contained, raw};
use ferrowire_core::trace::Decision;
use ferrowire_core::{
    BigInt, Date, INLINE_LEN, Key, Map, Message, Text, Unopened, UnopenedTable, Value,
};

/// A message of this side in the block that crosses.
#[repr(C)]
struct Block {
    head: raw::Message,
    properties: Map,
    /// Known to have a `_msgid`: the content of a block does not change.
    identified: bool,
    /// Only this side reads it.
    decision: Decision,
}

static OURS: raw::MessageTable2_1 = raw::MessageTable2_1 {
    since_2_0: functions(size_of::<raw::MessageTable2_1>(), share),
    is_identified,
};

/// The functions of a table of `size` bytes.
const fn functions(
    size: usize,
    share: unsafe extern "C" fn(u32, *const c_void, *mut raw::Bytes),
) -> raw::MessageTable {
    raw::MessageTable { size, release, clone, open, entry, share }
}

/// The table of this side's messages.
const fn ours() -> *const raw::MessageTable {
    (&raw const OURS).cast()
}

thread_local! {
    /// The block of the last message that returned. A message that passes through a node of the other side
    /// needs a block until it returns; the next message then reuses it.
    static SPARE: Cell<Option<Box<MaybeUninit<Block>>>> = const { Cell::new(None) };
}

/// Hands a message over.
#[inline]
pub fn into_raw(msg: Message) -> *mut raw::Message {
    let decision = msg.decision();
    match msg.into_parts() {
        Ok((properties, identified)) => block(properties, (identified, decision), ours()),
        Err(unopened) if unopened.belongs_to(&UNOPENED) => {
            drop(Foreign::of(&unopened).take_cache());
            unopened.into_pointer().cast()
        }
        Err(unopened) => block(Message::from_unopened(unopened).into(), (false, decision), ours()),
    }
}

/// Hands over a message that goes to other nodes, with its `_msgid`: the host would have to copy the
/// message of a library to see whether it has one.
#[inline]
pub(crate) fn sent_into_raw(mut msg: Message) -> *mut raw::Message {
    msg.ensure_id();
    into_raw(msg)
}

fn block(
    properties: Map,
    (identified, decision): (bool, Decision),
    table: *const raw::MessageTable,
) -> *mut raw::Message {
    let head = raw::Message { table, cache: AtomicPtr::default() };
    let spare = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_else(Box::new_uninit);
    Box::into_raw(Box::write(spare, Block { head, properties, identified, decision })).cast()
}

/// Takes a block's content out of it.
///
/// # Safety
/// It must be one of this side's, and is given up.
unsafe fn take(message: *mut raw::Message) -> Block {
    // SAFETY: as above; `block` made it in a box.
    let place = unsafe { Box::from_raw(message.cast::<MaybeUninit<Block>>()) };
    // SAFETY: `block` wrote it, and from here on the place counts as empty.
    let block = unsafe { place.assume_init_read() };
    // Without the thread's variables, at its end, the memory is freed.
    let _ending = SPARE.try_with(|spare| spare.set(Some(place)));
    block
}

/// Takes a message over: one of this side's as it was, another one unopened.
///
/// # Safety
/// `message` must be as the other side handed it over.
#[inline]
pub unsafe fn from_raw(message: *mut raw::Message) -> Message {
    // SAFETY: the caller says that it is a message, whose head is always readable.
    if std::ptr::eq(unsafe { (*message).table }, ours()) {
        // SAFETY: the table says that this side made the block.
        let block = unsafe { take(message) };
        let mut msg = Message::from_parts(block.properties, block.identified);
        msg.decide(block.decision);
        return msg;
    }
    Message::from_unopened(Unopened::new(message.cast(), &UNOPENED))
}

/// A single value as a message, because messages can cross.
pub fn value_into_raw(value: Value) -> *mut raw::Message {
    let mut msg = Message::new();
    msg.set(Key::new_static("value"), value);
    into_raw(msg)
}

/// What [`value_into_raw`] made; `None` for null.
///
/// # Safety
/// As [`from_raw`], or null.
pub unsafe fn value_from_raw(message: *mut raw::Message) -> Option<Value> {
    if message.is_null() {
        return None;
    }
    // SAFETY: passed on to the caller.
    unsafe { from_raw(message) }.remove("value")
}

// The functions of this side's messages.

unsafe extern "C" fn release(message: *mut raw::Message) {
    // SAFETY: a block of this side, given up with this call.
    let block = unsafe { take(message) };
    let _contained = contained(|| drop(block));
}

unsafe extern "C" fn clone(message: *const raw::Message) -> *mut raw::Message {
    // SAFETY: a block of this side that lives during the call.
    let Block { head, properties, identified, decision } = unsafe { &*message.cast::<Block>() };
    block(properties.clone(), (*identified, decision.clone()), head.table)
}

unsafe extern "C" fn is_identified(message: *const raw::Message) -> u32 {
    // SAFETY: a block of this side that lives during the call.
    unsafe { (*message.cast::<Block>()).identified }.into()
}

unsafe extern "C" fn open(message: *const raw::Message, to: *mut raw::Value) {
    // SAFETY: a block of this side that lives during the call.
    let properties = unsafe { &(*message.cast::<Block>()).properties };
    // SAFETY: the caller's place for it.
    unsafe { to.write(lend_map(properties)) };
}

unsafe extern "C" fn entry(kind: u32, owner: *const c_void, at: usize, to: *mut raw::Entry) {
    let found = match kind {
        raw::kind::OBJECT => {
            // SAFETY: an object that was lent by a message of this side, which still lives.
            let map = unsafe { &*owner.cast::<Map>() };
            map.iter().nth(at).map(|(key, value)| (key.as_str(), value))
        }
        // SAFETY: the same with an array.
        _ => unsafe { &*owner.cast::<Vec<Value>>() }.get(at).map(|value| ("", value)),
    };
    let (key, value) = found.map_or(("", raw::Value::NULL), |(key, value)| (key, lend(value)));
    // SAFETY: the caller's place for it.
    unsafe { to.write(raw::Entry { key: raw::Str::new(key), value }) };
}

unsafe extern "C" fn share(kind: u32, owner: *const c_void, to: *mut raw::Bytes) {
    let shared = match kind {
        // SAFETY: a string that was lent by a message of this side, which still lives.
        raw::kind::STRING => unsafe { &*owner.cast::<Text>() }.to_bytes(),
        // SAFETY: the same with a buffer.
        _ => unsafe { &*owner.cast::<Bytes>() }.clone(),
    };
    // SAFETY: the caller's place for it.
    unsafe { to.write(bytes::lend(shared)) };
}

fn lend_map(map: &Map) -> raw::Value {
    let owner = (&raw const *map).cast();
    raw::Value { kind: raw::kind::OBJECT, len: map.len(), owner, ..raw::Value::NULL }
}

fn lend(value: &Value) -> raw::Value {
    use raw::kind;
    let number = |kind, number| raw::Value { kind, number, ..raw::Value::NULL };
    let block = |kind, bytes: &[u8], owner: *const c_void| raw::Value {
        kind,
        ptr: bytes.as_ptr(),
        len: bytes.len(),
        owner,
        ..raw::Value::NULL
    };
    match value {
        Value::Null => raw::Value::NULL,
        Value::Undefined => raw::Value { kind: kind::UNDEFINED, ..raw::Value::NULL },
        Value::Bool(value) => number(kind::BOOL, f64::from(u8::from(*value))),
        Value::Number(value) => number(kind::NUMBER, *value),
        Value::Date(date) => number(kind::DATE, date.millis()),
        Value::BigInt(number) => block(kind::BIG_INT, number.as_str().as_bytes(), std::ptr::null()),
        Value::String(text) => block(kind::STRING, text.as_bytes(), (&raw const *text).cast()),
        Value::Buffer(bytes) => block(kind::BUFFER, bytes, (&raw const *bytes).cast()),
        Value::Array(items) => {
            let owner = Arc::as_ptr(items).cast();
            raw::Value { kind: kind::ARRAY, len: items.len(), owner, ..raw::Value::NULL }
        }
        Value::Object(map) => lend_map(map),
    }
}

/// What this side does with the messages of the other one. The table is private, so that every
/// `Unopened` with it was made by [`from_raw`].
static UNOPENED: UnopenedTable = UnopenedTable {
    properties: |unopened| Foreign::of(unopened).properties(),
    take: |unopened| {
        let foreign = Foreign::of(unopened);
        foreign.take_cache().unwrap_or_else(|| foreign.copy())
    },
    is_identified: |unopened| Foreign::of(unopened).is_identified(),
    clone: |unopened| Foreign::of(unopened).another(),
    drop: |unopened| Foreign::of(unopened).release(),
};

/// A message of the other side, which is copied when it is first looked into. It stays a pointer:
/// the maker reads what follows the head, which a reference to the head does not reach.
#[derive(Clone, Copy)]
struct Foreign<'a>(*mut raw::Message, PhantomData<&'a Unopened>);

impl<'a> Foreign<'a> {
    fn of(unopened: &'a Unopened) -> Self {
        Foreign(unopened.pointer().cast(), PhantomData)
    }

    fn head(self) -> &'a raw::Message {
        // SAFETY: `from_raw` made it of a message, which lives until `unopened` is dropped and
        // which is not borrowed mutably.
        unsafe { &*self.0 }
    }

    fn table(self) -> &'static raw::MessageTable {
        // SAFETY: tables live for ever.
        unsafe { &*self.head().table }
    }

    /// Whether its maker knows that it has a `_msgid`. One of 2.0 does not tell.
    fn is_identified(self) -> bool {
        let table = self.head().table;
        // SAFETY: a table begins with its size.
        let size = unsafe { (&raw const (*table).size).read() };
        if size < size_of::<raw::MessageTable2_1>() {
            return false;
        }
        // SAFETY: its size says that it is one.
        let table = unsafe { &*table.cast::<raw::MessageTable2_1>() };
        // SAFETY: the message lives.
        unsafe { (table.is_identified)(self.0) != 0 }
    }

    /// The properties, copied at the first call.
    fn properties(self) -> &'a Map {
        let cache = &self.head().cache;
        let mut copy = cache.load(Ordering::Acquire).cast::<Map>();
        if copy.is_null() {
            let new = Box::into_raw(Box::new(self.copy()));
            let set = cache.compare_exchange(
                std::ptr::null_mut(),
                new.cast(),
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            copy = match set {
                Ok(_) => new,
                Err(first) => {
                    // SAFETY: made above and shown to nobody.
                    drop(unsafe { Box::from_raw(new) });
                    first.cast()
                }
            };
        }
        // SAFETY: set once while this side holds the message; freed with it.
        unsafe { &*copy }
    }

    fn take_cache(self) -> Option<Map> {
        if self.head().cache.load(Ordering::Acquire).is_null() {
            // Nearly always, and a load costs less than a swap.
            return None;
        }
        let copy = self.head().cache.swap(std::ptr::null_mut(), Ordering::AcqRel).cast::<Map>();
        // SAFETY: set by `properties` and taken out here, by the owner of the message.
        (!copy.is_null()).then(|| *unsafe { Box::from_raw(copy) })
    }

    fn copy(self) -> Map {
        let table = self.table();
        let mut object = raw::Value::NULL;
        // SAFETY: the message lives, and `object` is a place for its answer.
        unsafe { (table.open)(self.0, &raw mut object) };
        copy_object(table, object)
    }

    /// Another message, still unopened.
    fn another(self) -> Unopened {
        // SAFETY: the message lives; its maker returns another one.
        let copy = unsafe { (self.table().clone)(self.0) };
        Unopened::new(copy.cast(), &UNOPENED)
    }

    /// Ends it. Nothing uses it afterwards.
    fn release(self) {
        drop(self.take_cache());
        let release = self.table().release;
        // SAFETY: the one call that ends the message, by its owner.
        unsafe { release(self.0) };
    }
}

/// An array or object that is being copied.
struct Frame {
    from: raw::Value,
    at: usize,
    to: Map,
    items: Vec<Value>,
    /// The name that it has in the one around it.
    key: Key,
}

impl Frame {
    fn new(from: raw::Value, key: Key) -> Self {
        let (mut to, mut items) = (Map::new(), Vec::new());
        match from.kind {
            raw::kind::ARRAY => items.reserve_exact(from.len),
            _ => to = Map::with_capacity(from.len),
        }
        Frame { from, at: 0, to, items, key }
    }

    fn add(&mut self, key: Key, value: Value) {
        match self.from.kind {
            raw::kind::ARRAY => self.items.push(value),
            _ => drop(self.to.insert(key, value)),
        }
    }
}

/// Copies an object. Not recursive: a deeply nested one must not overflow the stack here.
fn copy_object(table: &raw::MessageTable, object: raw::Value) -> Map {
    let mut outer: Vec<Frame> = Vec::new();
    let mut frame = Frame::new(object, Key::default());
    loop {
        if frame.at == frame.from.len {
            let Some(mut around) = outer.pop() else { return frame.to };
            let value = match frame.from.kind {
                raw::kind::ARRAY => Value::from(frame.items),
                _ => Value::from(frame.to),
            };
            around.add(frame.key, value);
            frame = around;
            continue;
        }
        let mut entry = raw::Entry { key: raw::Str::new(""), value: raw::Value::NULL };
        // SAFETY: lent by a message that lives, at an index below its length.
        unsafe { (table.entry)(frame.from.kind, frame.from.owner, frame.at, &raw mut entry) };
        frame.at += 1;
        // SAFETY: lent as long as the message.
        let key = key(unsafe { entry.key.get() });
        if matches!(entry.value.kind, raw::kind::ARRAY | raw::kind::OBJECT) {
            outer.push(std::mem::replace(&mut frame, Frame::new(entry.value, key)));
        } else {
            frame.add(key, copy_scalar(table, entry.value));
        }
    }
}

fn key(name: &str) -> Key {
    match name {
        // The most frequent ones; short names are stored without an allocation anyway.
        "payload" => Key::new_static("payload"),
        "_msgid" => Key::new_static("_msgid"),
        other => Key::new(other),
    }
}

fn copy_scalar(table: &raw::MessageTable, value: raw::Value) -> Value {
    match value.kind {
        raw::kind::BOOL => Value::Bool(value.number != 0.0),
        raw::kind::NUMBER => Value::Number(value.number),
        raw::kind::UNDEFINED => Value::Undefined,
        raw::kind::DATE => Value::Date(Date::from_millis(value.number)),
        raw::kind::BIG_INT => copy_big_int(&value),
        raw::kind::STRING => Value::String(copy_text(table, value)),
        raw::kind::BUFFER if value.len >= SHARE_FROM => Value::Buffer(shared(table, value)),
        raw::kind::BUFFER => Value::Buffer(Bytes::copy_from_slice(slice(&value))),
        _ => Value::Null,
    }
}

fn copy_text(table: &raw::MessageTable, value: raw::Value) -> Text {
    const { assert!(SHARE_FROM > INLINE_LEN, "short strings are never shared") };
    if value.len >= SHARE_FROM {
        // SAFETY: whoever hands a string over vouches for UTF-8.
        let text = unsafe { ByteString::from_bytes_unchecked(shared(table, value)) };
        return text.into();
    }
    // SAFETY: lent as long as the message.
    Text::from(unsafe { raw::Str { ptr: value.ptr, len: value.len }.get() })
}

/// What is damaged counts as unknown.
fn copy_big_int(value: &raw::Value) -> Value {
    let digits = std::str::from_utf8(slice(value)).unwrap_or_default();
    BigInt::parse(digits).map_or(Value::Null, Value::BigInt)
}

fn slice(value: &raw::Value) -> &[u8] {
    if value.len == 0 {
        return &[];
    }
    // SAFETY: lent as long as the message.
    unsafe { std::slice::from_raw_parts(value.ptr, value.len) }
}

fn shared(table: &raw::MessageTable, value: raw::Value) -> Bytes {
    let mut to = raw::Bytes { ptr: value.ptr, len: 0, owner: value.owner, table: std::ptr::null() };
    // SAFETY: the string or buffer is lent by a message that lives.
    unsafe { (table.share)(value.kind, value.owner, &raw mut to) };
    // SAFETY: just given.
    unsafe { bytes::receive(to) }
}

#[cfg(any(test, fuzzing))]
pub mod tests {
    //! Another side for tests and for fuzzing: the same functions behind other tables.

    use super::*;

    static THEIRS: raw::MessageTable2_1 = raw::MessageTable2_1 {
        since_2_0: functions(size_of::<raw::MessageTable2_1>(), share_theirs),
        is_identified,
    };

    /// The table of a library for 2.0.
    static THEIRS_2_0: raw::MessageTable = functions(size_of::<raw::MessageTable>(), share_theirs);

    unsafe extern "C" fn share_theirs(kind: u32, owner: *const c_void, to: *mut raw::Bytes) {
        // SAFETY: passed on; what was written is then said to be theirs.
        unsafe {
            share(kind, owner, to);
            (&raw mut (*to).table).write(bytes::tests::theirs());
        }
    }

    /// The message as one of the other side.
    pub fn from_there(msg: Message) -> Message {
        from(msg, (&raw const THEIRS).cast())
    }

    /// The message as one of a library for 2.0.
    pub fn from_2_0(msg: Message) -> Message {
        from(msg, &raw const THEIRS_2_0)
    }

    /// Whether nothing of the other side's message was copied so far.
    pub fn is_unread(msg: Message) -> bool {
        let unread =
            |unopened| Foreign::of(&unopened).head().cache.load(Ordering::Acquire).is_null();
        msg.into_parts().is_err_and(unread)
    }

    fn from(msg: Message, table: *const raw::MessageTable) -> Message {
        let (properties, identified) =
            msg.into_parts().unwrap_or_else(|other| (Message::from_unopened(other).into(), false));
        // SAFETY: just made, and handed over.
        unsafe { from_raw(block(properties, (identified, Decision::Open), table)) }
    }

    /// The message after it was handed over and came back.
    pub fn there_and_back(msg: Message) -> Message {
        // SAFETY: just made, and handed over.
        unsafe { from_raw(into_raw(msg)) }
    }
}
