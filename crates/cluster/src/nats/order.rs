//! Puts messages that came by several subscriptions into the order of their senders.

use std::collections::HashMap;

use crate::envelope::Envelope;

/// A message and its subject.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) subject: String,
    pub(crate) envelope: Envelope,
}

impl Arrived {
    fn sender(&self) -> (&str, u64) {
        (&self.envelope.head.from, self.envelope.head.life)
    }
}

/// Of what two readings found: what can be handled, in the order of each sender, and what has to wait
/// for another reading, since an earlier message may be missing.
pub(crate) fn in_order(first: Vec<Arrived>, second: Vec<Arrived>) -> (Vec<Arrived>, Vec<Arrived>) {
    let mut newest: HashMap<(String, u64), u64> = HashMap::new();
    for message in &first {
        let (from, life) = message.sender();
        let newest = newest.entry((from.to_owned(), life)).or_default();
        *newest = message.envelope.sequence.max(*newest);
    }
    let is_earlier = |message: &Arrived| {
        let (from, life) = message.sender();
        let newest = newest.get(&(from.to_owned(), life));
        newest.is_some_and(|newest| message.envelope.sequence < *newest)
    };
    let (earlier, rest): (Vec<_>, Vec<_>) = second.into_iter().partition(is_earlier);
    let mut ready = first;
    ready.extend(earlier);
    ready.sort_by(|a, b| {
        let key = |it: &Arrived| it.envelope.sequence;
        a.sender().cmp(&b.sender()).then(key(a).cmp(&key(b)))
    });
    (ready, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Head, Kind};

    fn from(sender: &str, sequence: u64) -> Arrived {
        let head = Head {
            kind: Kind::Message,
            from: sender.to_owned(),
            life: 1,
            question: 0,
            about: String::new(),
        };
        let envelope = Envelope { head, sequence, body: bytes::Bytes::new() };
        Arrived { subject: "s".to_owned(), envelope }
    }

    fn numbers(messages: &[Arrived]) -> Vec<(&str, u64)> {
        messages.iter().map(|it| (it.sender().0, it.envelope.sequence)).collect()
    }

    #[test]
    fn what_the_second_reading_found_comes_before_what_follows_it() {
        let first = vec![from("a", 5), from("b", 7), from("a", 3)];
        let second = vec![from("a", 4), from("a", 6), from("b", 2), from("c", 1)];
        let (ready, rest) = in_order(first, second);
        assert_eq!(numbers(&ready), [("a", 3), ("a", 4), ("a", 5), ("b", 2), ("b", 7)]);
        assert_eq!(numbers(&rest), [("a", 6), ("c", 1)]);
    }
}
