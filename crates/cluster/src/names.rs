//! Subjects: where messages of a cluster go in NATS.
//!
//! | subject below `PREFIX.CLUSTER` | who is subscribed |
//! |---|---|
//! | `all` | every instance: life signs, questions to all |
//! | `i.INSTANCE` | that instance: questions to it, answers |
//! | `t.NAME.NAME…` | instances that are interested in the topic |
//! | `j.NAME….PLACE….KEY` | the stream of a journal |
//! | `f.NAME….PLACE….KEY` | instances that follow the place of a journal |
//!
//! Buckets have names of another kind, since they may contain no dots, and their keys are never cut.

use std::fmt::Write as _;

use ferrowire_core::cluster::Topic;

/// The longest part of a subject that a name becomes. Longer names share a subject with those that
/// begin alike, so that a receiver has to compare the name itself.
const LONGEST: usize = 200;

/// The subjects of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    root: String,
}

impl Subjects {
    /// The subjects of `cluster` below `prefix`.
    pub(crate) fn new(prefix: &str, cluster: &str) -> Self {
        Subjects { root: format!("{prefix}.{cluster}") }
    }

    /// That of all instances.
    pub(crate) fn all(&self) -> String {
        format!("{}.all", self.root)
    }

    /// That of one instance.
    pub(crate) fn instance(&self, name: &str) -> String {
        format!("{}.i.{name}", self.root)
    }

    /// That of a topic.
    pub(crate) fn topic(&self, topic: Topic<'_>) -> String {
        let mut subject = format!("{}.t", self.root);
        for name in topic {
            subject.push('.');
            push_encoded(&mut subject, name);
        }
        subject
    }
}

/// The names of a journal in NATS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JournalNames {
    /// That of its stream.
    pub(crate) stream: String,
    /// What the subjects of messages begin with, with a dot at the end.
    pub(crate) appended: String,
    /// The same, of messages that followers are told.
    pub(crate) told: String,
}

impl JournalNames {
    /// Those of the journal `names`.
    pub(crate) fn new(prefix: &str, cluster: &str, names: Topic<'_>) -> Self {
        let of = |kind: &str| format!("{prefix}.{cluster}.{kind}.{}.", key(names));
        let stream = bucket(prefix, cluster, &[&["journal"], names].concat());
        JournalNames { stream, appended: of("j"), told: of("f") }
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Appends a name without dots, wildcards or spaces, and never an empty one: every other byte is `=`
/// and two hexadecimal digits.
fn push_encoded(subject: &mut String, name: &str) {
    let start = subject.len();
    if name.is_empty() {
        subject.push('=');
    }
    for byte in name.bytes() {
        if subject.len() - start >= LONGEST {
            return;
        }
        push_byte(subject, byte);
    }
}

fn push_byte(subject: &mut String, byte: u8) {
    match is_plain(byte) {
        true => subject.push(char::from(byte)),
        // Writing to a string does not fail.
        false => drop(write!(subject, "={byte:02x}")),
    }
}

/// The name of a bucket: letters, digits, `-`, and `_` with two hexadecimal digits for every other byte;
/// `__` is between names.
pub(crate) fn bucket(prefix: &str, cluster: &str, names: Topic<'_>) -> String {
    let mut bucket = String::new();
    for name in [prefix, cluster].iter().chain(names) {
        if !bucket.is_empty() {
            bucket.push_str("__");
        }
        for byte in name.bytes() {
            match is_plain(byte) && byte != b'_' {
                true => bucket.push(char::from(byte)),
                false => drop(write!(bucket, "_{byte:02x}")),
            }
        }
    }
    bucket
}

/// The text of a key in a bucket.
pub(crate) fn key(names: Topic<'_>) -> String {
    let mut key = String::new();
    for name in names {
        if !key.is_empty() {
            key.push('.');
        }
        if name.is_empty() {
            key.push('=');
        }
        name.bytes().for_each(|byte| push_byte(&mut key, byte));
    }
    key
}

/// The names of a key; the inverse of [`key`]. `None` for any other text.
pub(crate) fn of_key(text: &str) -> Option<Vec<String>> {
    text.split('.').map(decoded).collect()
}

fn decoded(part: &str) -> Option<String> {
    if part == "=" {
        return Some(String::new());
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(part.len()), part.as_bytes());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'=' {
            bytes.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use ferrowire_core::cluster::{is_name, is_prefix};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_topic_becomes_a_subject_below_its_cluster() {
        let subjects = Subjects::new("ferrowire", "shop");
        assert_eq!(
            subjects.topic(&["ws", "a.b", "röm *>"]),
            "ferrowire.shop.t.ws.a=2eb.r=c3=b6m=20=2a=3e"
        );
        assert_eq!(subjects.topic(&[""]), "ferrowire.shop.t.=");
    }

    #[test]
    fn names_and_prefixes_have_no_wildcards_and_no_empty_parts() {
        assert!(is_name("node-1_a"));
        assert!(is_prefix("a.b"));
        for name in ["", "a.b", "*", ">", "a b", "ä"] {
            assert!(!is_name(name), "{name}");
        }
        for prefix in ["", ".a", "a.", "a..b", "a.*", "a.>"] {
            assert!(!is_prefix(prefix), "{prefix}");
        }
    }

    #[test]
    fn the_names_of_buckets_have_no_dots_and_differ() {
        assert_eq!(bucket("ferrowire", "shop", &["context", "a"]), "ferrowire__shop__context__a");
        assert_eq!(bucket("a.b", "c_d", &["x"]), "a_2eb__c_5fd__x");
        assert_ne!(bucket("a_", "b", &[]), bucket("a", "_b", &[]));
    }

    #[test]
    fn what_is_no_key_of_ours_is_not_read() {
        for text in ["a.=", "=4", "=zz", "=c3"] {
            let names = of_key(text);
            assert!(names.is_none() || text == "a.=", "{names:?}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_read_back_as_its_names(
            names in proptest::collection::vec("\\PC{0,300}", 1..4)
        ) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let text = key(&names);
            prop_assert!(text.bytes().all(|byte| is_plain(byte) || matches!(byte, b'.' | b'=')));
            let read = of_key(&text).unwrap();
            prop_assert_eq!(read, names);
        }

        #[test]
        fn whatever_a_name_is_the_subject_has_as_many_parts_and_no_other_name_has_it(
            names in proptest::collection::vec("\\PC{0,40}", 2)
        ) {
            let subjects = Subjects::new("p", "c");
            let of = |name: &str| subjects.topic(&["ws", name]);
            let subject = of(&names[0]);
            prop_assert_eq!(subject.split('.').count(), 5);
            prop_assert!(subject.bytes().all(|byte| is_plain(byte) || matches!(byte, b'.' | b'=')));
            prop_assert!(subject.split('.').all(|part| !part.is_empty()));
            let short = |name: &String| name.len() * 3 < LONGEST;
            if names[0] != names[1] && names.iter().all(short) {
                prop_assert_ne!(subject, of(&names[1]));
            }
        }
    }
}
