//! Subjects: where messages of a cluster go in NATS.
//!
//! | subject below `PREFIX.CLUSTER` | who is subscribed |
//! |---|---|
//! | `all` | every instance: life signs, questions to all |
//! | `i.INSTANCE` | that instance: questions to it, answers |
//! | `t.NAME.NAME…` | instances that are interested in the topic |

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
        match is_plain(byte) {
            true => subject.push(char::from(byte)),
            // Writing to a string does not fail.
            false => drop(write!(subject, "={byte:02x}")),
        }
    }
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

    proptest! {
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
