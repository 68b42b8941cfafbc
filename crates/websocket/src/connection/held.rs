//! `Held`: whole messages that wait for a slow peer before its outbox, so that some can be dropped.
//!
//! A partly written frame cannot be dropped, and the outbox no longer knows its frames. So while the
//! socket takes nothing, messages wait here, and move to the outbox when it is empty.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use ferrowire_core::Text;
use tokio::io::AsyncWrite;

use crate::connection::Io;
use crate::connection::outbox::Outbox;
use crate::frame::Payload;
use crate::frame::header::{MAX_HEADER, frame_end};
use crate::metrics::{DROPPED_REPLACED, DROPPED_SLOW};

/// What happens to messages for a peer whose queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The new message is refused.
    #[default]
    Refuse,
    /// The oldest ones are dropped.
    DropOldest,
    /// A new message replaces one that waits with the same topic; when the queue is full, the oldest
    /// ones are dropped.
    Latest,
}

/// So much moves to the outbox at once: little, since it can no longer be dropped there.
const PART: usize = 16 * 1024;

/// A message that waits.
#[derive(Clone, Debug)]
pub(crate) enum Waiting {
    /// For this peer alone.
    Own(Payload),
    /// A whole frame that other peers get as well.
    Shared(Bytes),
}

impl Waiting {
    /// The number of bytes that it takes in the queue.
    fn length(&self) -> usize {
        match self {
            Waiting::Own(payload) => payload.as_bytes().len() + MAX_HEADER,
            Waiting::Shared(frame) => frame.len(),
        }
    }

    /// The number of bytes in memory that only this peer needs.
    fn own(&self) -> usize {
        match self {
            Waiting::Own(payload) => payload.as_bytes().len(),
            Waiting::Shared(_) => 0,
        }
    }
}

#[derive(Debug)]
struct Entry {
    message: Waiting,
    topic: Option<Text>,
}

/// Messages in their order.
#[derive(Debug)]
pub(crate) struct Held {
    overflow: Overflow,
    max_messages: usize,
    entries: VecDeque<Entry>,
    /// How many entries have left.
    gone: u64,
    /// The place of each topic that waits, counted from the first entry that there ever was.
    topics: HashMap<Text, u64>,
    bytes: usize,
    own: usize,
}

impl Held {
    /// An empty queue for at most `max_messages`; `None` if none is needed.
    pub(crate) fn new(overflow: Overflow, max_messages: usize) -> Option<Box<Self>> {
        let is_needed = overflow != Overflow::Refuse || max_messages != usize::MAX;
        is_needed.then(|| {
            Box::new(Held {
                overflow,
                max_messages,
                entries: VecDeque::new(),
                gone: 0,
                topics: HashMap::new(),
                bytes: 0,
                own: 0,
            })
        })
    }

    pub(crate) fn overflow(&self) -> Overflow {
        self.overflow
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether one more message stays within the number that may wait.
    pub(crate) fn has_room(&self) -> bool {
        self.entries.len() < self.max_messages
    }

    /// The number of queued bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of bytes in memory that are not shared with other peers.
    pub(crate) fn own(&self) -> usize {
        self.own + self.entries.capacity() * size_of::<Entry>()
    }

    /// Adds a message. If it replaces an older one, it takes its place, so that a topic that changes
    /// often is not put off by others.
    pub(crate) fn push(&mut self, message: Waiting, topic: Option<&Text>) {
        let topic = topic.filter(|_| self.overflow == Overflow::Latest);
        self.bytes += message.length();
        self.own += message.own();
        if let Some(entry) = topic.and_then(|topic| self.waiting_about(topic)) {
            let older = std::mem::replace(&mut entry.message, message);
            DROPPED_REPLACED.increment();
            return self.subtract(&older);
        }
        if let Some(topic) = topic {
            self.topics.insert(topic.clone(), self.gone + self.entries.len() as u64);
        }
        self.entries.push_back(Entry { message, topic: topic.cloned() });
    }

    /// Adds whole frames of a server, one behind the other. Those with a topic are a single one.
    pub(crate) fn push_frames(&mut self, frames: &Bytes, topic: Option<&Text>) {
        let mut rest = frames.clone();
        while !rest.is_empty() {
            let end = frame_end(&rest).unwrap_or(rest.len());
            self.push(Waiting::Shared(rest.split_to(end.min(rest.len()))), topic);
        }
    }

    fn waiting_about(&mut self, topic: &Text) -> Option<&mut Entry> {
        let at = self.topics.get(topic)? - self.gone;
        self.entries.get_mut(usize::try_from(at).ok()?)
    }

    /// Drops the oldest messages beyond the number that may wait, and beyond `limit` bytes. The last
    /// one stays.
    pub(crate) fn trim(&mut self, limit: usize) {
        while (self.bytes > limit || self.entries.len() > self.max_messages)
            && self.entries.len() > 1
        {
            self.pop();
            DROPPED_SLOW.increment();
        }
    }

    fn pop(&mut self) -> Option<Waiting> {
        let Entry { message, topic } = self.entries.pop_front()?;
        self.gone += 1;
        if let Some(topic) = topic {
            self.topics.remove(&topic);
        }
        self.subtract(&message);
        if self.entries.is_empty() {
            // A queue that nobody needs holds no memory.
            (self.entries, self.topics) = (VecDeque::new(), HashMap::new());
        }
        Some(message)
    }

    pub(crate) fn clear(&mut self) {
        while self.pop().is_some() {}
    }

    fn subtract(&mut self, message: &Waiting) {
        self.bytes -= message.length();
        self.own -= message.own();
    }

    /// Moves messages to `outbox`, which is empty: a part of them, or all. Returns whether there were
    /// any.
    pub(crate) fn refill(&mut self, outbox: &mut Outbox, all: bool) -> bool {
        let had_any = !self.is_empty();
        while (all || outbox.waiting() < PART)
            && let Some(message) = self.pop()
        {
            match message {
                Waiting::Own(payload) => outbox.push(payload),
                Waiting::Shared(frame) => outbox.push_encoded(&frame),
            }
        }
        had_any
    }
}

impl<S> Io<S> {
    /// The bytes that wait for the peer.
    pub(crate) fn waiting(&self) -> usize {
        self.outbox.waiting() + self.held.as_ref().map_or(0, |held| held.bytes())
    }

    /// The bytes in memory that wait for this peer alone.
    pub(crate) fn own(&self) -> usize {
        self.outbox.own() + self.held.as_ref().map_or(0, |held| held.own())
    }

    /// Whether everything was passed to the system.
    pub(crate) fn is_drained(&self) -> bool {
        self.outbox.is_empty() && self.held.as_ref().is_none_or(|held| held.is_empty())
    }

    /// Whether there is room for a message of `length` bytes without dropping another.
    pub(crate) fn has_room(&self, length: usize) -> bool {
        match &self.held {
            Some(held) if self.blocked => {
                let (waiting, limit) = (self.waiting(), self.outbox.limit());
                held.has_room() && (waiting == 0 || waiting + length + MAX_HEADER <= limit)
            }
            _ => self.outbox.has_room(length),
        }
    }

    /// Whether messages that wait may be dropped for new ones.
    pub(crate) fn may_drop(&self) -> bool {
        self.holds() && self.held.as_ref().is_some_and(|held| held.overflow() != Overflow::Refuse)
    }

    /// Whether a new message has to wait before the outbox.
    fn holds(&self) -> bool {
        self.blocked && self.held.is_some()
    }

    /// Where a new message waits, if not in the outbox.
    pub(crate) fn holding(&mut self) -> Option<&mut Held> {
        if self.holds() { self.held.as_deref_mut() } else { None }
    }

    /// Drops messages until the others are within the limits.
    pub(crate) fn trim(&mut self) {
        let room = self.outbox.limit().saturating_sub(self.outbox.waiting());
        if let Some(held) = self.held.as_mut().filter(|held| held.overflow() != Overflow::Refuse) {
            held.trim(room);
        }
    }

    /// Moves all messages to the outbox.
    pub(crate) fn release(&mut self) {
        if let Some(held) = &mut self.held {
            held.refill(&mut self.outbox, true);
        }
    }

    /// Drops what waits.
    pub(crate) fn clear(&mut self) {
        self.outbox.clear();
        if let Some(held) = &mut self.held {
            held.clear();
        }
    }
}

/// Writes until nothing waits in the outbox and before it, or the socket blocks.
pub(crate) fn poll_flush<S: AsyncWrite + Unpin>(
    (outbox, held): (&mut Outbox, &mut Option<Box<Held>>),
    stream: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    loop {
        ready!(outbox.poll_flush(stream, cx))?;
        let Some(held) = held else { return Poll::Ready(Ok(())) };
        if !held.refill(outbox, false) {
            return Poll::Ready(Ok(()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::pin::Pin;
    use std::task::Waker;

    use bytes::BytesMut;
    use proptest::prelude::*;

    use super::*;
    use crate::frame::reader::{Incoming, Reader};
    use crate::frame::{Role, put_frame};

    /// Takes `budget` bytes, and no more until it is raised.
    #[derive(Default)]
    struct Slow {
        written: BytesMut,
        budget: usize,
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            data: &[u8],
        ) -> Poll<io::Result<usize>> {
            let taken = data.len().min(self.budget);
            if taken == 0 {
                return Poll::Pending;
            }
            self.budget -= taken;
            self.written.extend_from_slice(&data[..taken]);
            Poll::Ready(Ok(taken))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// A message about the topic with that number; 0 is none.
        Send {
            topic: u64,
            size: usize,
            is_shared: bool,
        },
        /// Frames of a batch.
        Batch(Vec<usize>),
        Read(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let size = || prop_oneof![4 => 16usize..300, 1 => 2_000usize..40_000];
        prop_oneof![
            4 => (0u64..4, size(), any::<bool>())
                .prop_map(|(topic, size, is_shared)| Step::Send { topic, size, is_shared }),
            1 => proptest::collection::vec(size(), 1..5).prop_map(Step::Batch),
            2 => (0usize..60_000).prop_map(Step::Read),
        ]
    }

    /// A payload that names its message.
    fn payload(number: u64, topic: u64, size: usize) -> Payload {
        let mut bytes = vec![0; size];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes[8..16].copy_from_slice(&topic.to_be_bytes());
        Payload::Binary(bytes.into())
    }

    fn frame(out: &mut BytesMut, payload: &Payload) {
        put_frame(out, Role::Server, payload.opcode(), payload.as_bytes());
    }

    /// Sends to a slow peer; the topics of all messages, and the numbers and topics of those that it
    /// got.
    fn run(
        held: &mut Option<Box<Held>>,
        steps: &[Step],
        limit: usize,
    ) -> (Vec<u64>, Vec<(u64, u64)>) {
        let mut outbox = Outbox::new(Role::Server, limit);
        let (mut slow, mut sent) = (Slow::default(), Vec::new());
        let mut flush = |held: &mut Option<Box<Held>>, slow: &mut Slow| {
            let mut cx = Context::from_waker(Waker::noop());
            poll_flush((&mut outbox, held), slow, &mut cx).is_ready()
        };
        for step in steps {
            let queue = held.as_mut().unwrap();
            match step {
                Step::Send { topic, size, is_shared } => {
                    let message = payload(sent.len() as u64, *topic, *size);
                    sent.push(*topic);
                    let name = (*topic > 0).then(|| Text::from(topic.to_string()));
                    if *is_shared {
                        let mut bytes = BytesMut::new();
                        frame(&mut bytes, &message);
                        queue.push_frames(&bytes.freeze(), name.as_ref());
                    } else {
                        queue.push(Waiting::Own(message), name.as_ref());
                    }
                    queue.trim(limit);
                }
                Step::Batch(sizes) => {
                    let mut bytes = BytesMut::new();
                    for size in sizes {
                        frame(&mut bytes, &payload(sent.len() as u64, 0, *size));
                        sent.push(0);
                    }
                    queue.push_frames(&bytes.freeze(), None);
                    queue.trim(limit);
                }
                Step::Read(budget) => {
                    slow.budget = *budget;
                    let _all = flush(held, &mut slow);
                }
            }
            let queue = held.as_ref().unwrap();
            assert!(queue.bytes() <= limit || queue.entries.len() == 1);
            assert!(queue.entries.len() <= queue.max_messages);
            let (bytes, own) = queue.entries.iter().fold((0, 0), |(bytes, own), entry| {
                (bytes + entry.message.length(), own + entry.message.own())
            });
            assert_eq!((bytes, own), (queue.bytes, queue.own));
        }
        slow.budget = usize::MAX;
        assert!(flush(held, &mut slow));
        let mut reader = Reader::new(Role::Client, usize::MAX);
        let mut got = Vec::new();
        while let Some(incoming) = reader.next(&mut slow.written).unwrap() {
            let Incoming::Message(Payload::Binary(bytes)) = incoming else { unreachable!() };
            let number = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
            got.push((number(0), number(8)));
        }
        assert!(slow.written.is_empty(), "a frame is torn");
        (sent, got)
    }

    proptest! {
        #[test]
        fn the_oldest_whole_messages_are_dropped_and_the_rest_keeps_its_order(
            steps in proptest::collection::vec(step(), 1..60),
            limit in 1_000usize..50_000, most in prop_oneof![1usize..20, Just(usize::MAX)],
        ) {
            let mut held = Held::new(Overflow::DropOldest, most);
            let (sent, got) = run(&mut held, &steps, limit);
            prop_assert!(got.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert_eq!(got.last().map(|last| last.0 + 1).unwrap_or(0), sent.len() as u64);
            let again = run(&mut Held::new(Overflow::DropOldest, usize::MAX), &steps, usize::MAX);
            prop_assert_eq!(again.1.len(), sent.len(), "without a limit nothing is dropped");
        }

        #[test]
        fn of_each_topic_the_newest_arrives_and_never_after_an_older_one(
            steps in proptest::collection::vec(step(), 1..60),
            limit in prop_oneof![1_000usize..50_000, Just(usize::MAX)],
        ) {
            let mut held = Held::new(Overflow::Latest, usize::MAX);
            let (sent, got) = run(&mut held, &steps, limit);
            let mut last = BTreeMap::new();
            for (number, topic) in &got {
                let before = last.insert(*topic, *number);
                prop_assert!(before.is_none_or(|before| before < *number));
            }
            if limit == usize::MAX {
                let of = |topic: u64| sent.iter().filter(move |other| **other == topic).count();
                prop_assert_eq!(got.iter().filter(|(_, topic)| *topic == 0).count(), of(0));
                for topic in 1..4 {
                    let newest = sent.iter().rposition(|other| *other == topic);
                    prop_assert_eq!(last.get(&topic).map(|at| *at as usize), newest);
                }
            }
            prop_assert!(held.unwrap().topics.is_empty());
        }
    }

    #[test]
    fn a_topic_that_waits_holds_one_message_in_the_place_of_the_first() {
        let mut held = Held::new(Overflow::Latest, usize::MAX);
        let send = |topic| Step::Send { topic, size: 16, is_shared: false };
        let (_, got) = run(&mut held, &[send(1), send(0), send(2), send(1), send(1)], usize::MAX);
        assert_eq!(got, [(4, 1), (1, 0), (2, 2)]);
    }
}
