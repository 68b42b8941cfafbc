//! What crosses, with another side made of this one: the same functions behind other tables.
//! Small enough for Miri, which `cargo xtask memory` runs them under.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use ::bytes::Bytes;

use crate::failure::Failed;
use crate::future::Foreign;
use crate::message::tests::{from_2_0, from_there, is_unread, there_and_back};
use crate::{SHARE_FROM, bytes, future, message, raw};
use ferrowire_core::{BigInt, Date, Key, Map, Message, NodeError, Value};

/// A message with every kind of value, some of them large enough to be shared.
fn everything() -> Message {
    let mut inner = Map::new();
    inner.insert("list", vec![Value::Null, true.into(), 1.5.into(), "text".into()]);
    inner.insert("empty", Map::new());
    inner.insert("nothing", Value::Undefined);
    let dates = [Date::from_millis(1.5e12), Date::INVALID].map(Value::from);
    let numbers = [BigInt::from(-7), BigInt::parse(&"9".repeat(SHARE_FROM)).unwrap()];
    inner.insert("dates", dates.to_vec());
    inner.insert(
        "numbers",
        vec![Value::Undefined, numbers[0].clone().into(), numbers[1].clone().into()],
    );
    let mut msg = Message::new();
    msg.set("_msgid", "id");
    msg.set("payload", "x".repeat(SHARE_FROM));
    msg.set("bytes", Bytes::from(vec![7; SHARE_FROM + 1]));
    msg.set("short", Bytes::from_static(b"abc"));
    msg.set("inner", inner);
    msg
}

fn copy_of(msg: &Message) -> Message {
    Message::from(msg.properties().clone())
}

#[test]
fn a_message_of_the_other_side_is_read_passed_on_and_changed() {
    let msg = everything();
    let foreign = from_there(copy_of(&msg));
    let (first, second) = (foreign.clone(), foreign.clone());
    assert_eq!(first, msg);
    assert_eq!(first.clone(), msg, "one that was read already");
    // Home again, unread and read.
    for foreign in [second, first] {
        assert_eq!(there_and_back(foreign), msg);
    }
    let mut changed = foreign;
    changed.set("payload", 1);
    assert_ne!(changed, msg);
    drop(from_there(msg));
}

#[test]
fn a_message_that_has_an_id_passes_unread() {
    let received = || Message::received("text".into(), Map::new().into());
    let mut passing = from_there(received());
    passing.ensure_id();
    assert!(is_unread(passing));
    // A library for 2.0 cannot tell, and a new message has none.
    for mut other in [from_2_0(received()), from_there(Message::with_payload("text"))] {
        let before = other.clone().get("_msgid").cloned();
        other.ensure_id();
        let after = other.get("_msgid").cloned();
        assert!(after.is_some() && (before.is_none() || before == after));
        assert!(!is_unread(other));
    }
}

#[test]
fn one_message_of_the_other_side_is_opened_by_several_threads() {
    let msg = from_there(everything());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(msg.id(), Some("id")));
        }
    });
}

#[test]
fn shared_bytes_outlive_their_message_and_go_back_as_what_they_were() {
    let mut foreign = from_there(everything());
    let Some(Value::Buffer(shared)) = foreign.remove("bytes") else { panic!("no buffer") };
    drop(foreign);
    assert_eq!(shared[..], [7; SHARE_FROM + 1]);
    let part = shared.slice(5..SHARE_FROM);
    let lent = bytes::lend(part.clone());
    assert!(std::ptr::eq(lent.ptr, part.as_ptr()));
    drop((shared, part));
    // SAFETY: just lent, and given up.
    let back = unsafe { bytes::receive(lent) };
    assert_eq!(back[..], [7; SHARE_FROM - 5]);
}

#[test]
fn a_value_crosses_alone_and_its_absence_too() {
    for value in [
        Value::Null,
        Value::Undefined,
        Date::INVALID.into(),
        5.into(),
        "x".repeat(SHARE_FROM).into(),
    ] {
        // SAFETY: just made, and handed over.
        let crossed = unsafe { message::value_from_raw(message::value_into_raw(value.clone())) };
        assert_eq!(crossed, Some(value));
    }
    // SAFETY: null stands for no value.
    assert_eq!(unsafe { message::value_from_raw(std::ptr::null_mut()) }, None);
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll(foreign: &mut Foreign, waker: &Waker) -> Poll<Result<(), Failed>> {
    std::pin::Pin::new(foreign).poll(&mut Context::from_waker(waker))
}

fn crossing(
    work: impl Future<Output = Result<(), NodeError>> + Send + 'static,
) -> (Foreign, Arc<Count>, Waker) {
    let raw = future::into_raw(Box::pin(work), |work| work());
    let count = Arc::new(Count::default());
    // SAFETY: just made, and handed over.
    (unsafe { Foreign::new(raw) }.unwrap(), Arc::clone(&count), Waker::from(count))
}

#[test]
fn a_future_is_woken_across_the_border_after_its_poll_and_from_another_thread() {
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let (mut foreign, count, waker) = crossing(async move {
        receiver.await.map_err(|_| NodeError::new("no sender"))?;
        Err(NodeError::new("why").with("code", "E1"))
    });
    assert!(poll(&mut foreign, &waker).is_pending());
    assert!(poll(&mut foreign, &waker).is_pending());
    std::thread::spawn(move || sender.send(())).join().unwrap().unwrap();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    let Poll::Ready(Err(failed)) = poll(&mut foreign, &waker) else { panic!("not over") };
    let error = NodeError::from(failed);
    assert_eq!((error.chain().as_str(), error.details().len()), ("why", 1));
}

#[test]
fn a_future_that_panics_or_is_dropped_early_harms_nobody() {
    let (mut foreign, _, waker) = crossing(async { panic!("on purpose") });
    let Poll::Ready(Err(failed)) = poll(&mut foreign, &waker) else { panic!("not over") };
    assert_eq!((failed.text.as_str(), failed.panicked), ("on purpose", true));
    let (mut foreign, count, waker) = crossing(std::future::pending());
    assert!(poll(&mut foreign, &waker).is_pending());
    drop((foreign, waker));
    assert_eq!(Arc::strong_count(&count), 1, "no waker is left");
}

#[test]
fn a_failure_crosses_with_its_details() {
    let details = Map::from_iter([(Key::new_static("code"), Value::from("E1"))]);
    for (details, panicked, value) in [
        (details, false, None),
        (Map::new(), false, None),
        (Map::new(), true, None),
        (Map::new(), false, Some(Value::from(vec![Value::from(1)]))),
    ] {
        let (text, kept) = ("why".to_owned(), value.clone());
        let first = value.is_some();
        let details_sent = details.clone();
        let failed = Failed { text, causes: None, panicked, details: details_sent, value, first };
        // SAFETY: just made, and handed over.
        let crossed = unsafe { Failed::from_raw(failed.into_raw()) }.unwrap();
        assert_eq!((crossed.text.as_str(), crossed.panicked), ("why", panicked));
        assert_eq!((crossed.details, crossed.value, crossed.first), (details, kept, first));
    }
    // SAFETY: there is none.
    assert!(unsafe { Failed::from_raw(raw::Failure::NONE) }.is_none());
    // SAFETY: it is over.
    assert!(unsafe { Foreign::new(raw::Future::DONE) }.is_none());
}
