//! Bounded waiting: messages that a node holds until the rest of their sequence has arrived, or
//! until a time has come.
//!
//! - [`Sequences`] is the one store for messages that wait, with one bound for each node.
//!   `batch`, `join`, `sort` and `switch` use it. [`Gathered`] is a sequence of plain messages.
//! - [`Parts`] reads `msg.parts`, which says where a message belongs.
//! - [`drop_then`], [`fail_last`] and [`send_and_complete`] report what became of messages that
//!   the node had [kept](ferrowire_core::Handled::Kept).
//! - [`Alarm`] wakes the task of a node at the time that is due next.
//!
//! # What happens at the bound
//!
//! A message that arrives when the node holds as many messages as it may does not wait for room:
//! the room would have to come from a message behind it, so the sender would block for ever.
//! Instead:
//!
//! 1. The oldest other sequences are dropped until there is room. Below the bound a sequence has
//!    no time limit, so the oldest one is the one whose rest is least likely to arrive.
//! 2. The sequence of the message itself is never dropped for it. When nothing else waits, the
//!    newest message fails and the sequence stays as it is: dropping 65,536 messages to accept
//!    one would lose more, and the sequence may still be completed, for example by a timeout.
//!
//! Every dropped message, not only one for each sequence, is passed to
//! [`NodeContext::fail_with`](ferrowire_core::NodeContext::fail_with): catch nodes receive it
//! with an error, and without a catch node the error is logged. The sender waits until the queues
//! of the catch nodes have accepted them, as for every error.

mod alarm;
mod gathered;
mod parts;
mod settle;
mod store;

pub use alarm::Alarm;
pub use gathered::Gathered;
pub use parts::{Parts, set_part};
pub use settle::{drop_then, fail_last, send_and_complete};
pub use store::{Added, NoRoom, Sequence, Sequences};
