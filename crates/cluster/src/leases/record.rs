//! `Record`: what a bucket has about a lease.

use std::time::Duration;

use bytes::Bytes;

/// Who holds a lease, and what was noted in it. As text, a line of the version, the number of the holder's start,
/// its time to live in milliseconds and its name; then the note.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// The number of the holder's start; 0 if nobody holds it.
    pub(crate) life: u64,
    pub(crate) time_to_live: Duration,
    pub(crate) instance: String,
    pub(crate) mark: Option<Bytes>,
}

const VERSION: &str = "1";

impl Record {
    pub(crate) fn encode(&self) -> Bytes {
        let millis = self.time_to_live.as_millis();
        let head = format!("{VERSION} {:x} {millis} {}", self.life, self.instance);
        let mut bytes = head.into_bytes();
        if let Some(mark) = &self.mark {
            bytes.push(b'\n');
            bytes.extend_from_slice(mark);
        }
        bytes.into()
    }

    /// `None` if it is no record of this version.
    pub(crate) fn parse(bytes: &Bytes) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let head = std::str::from_utf8(bytes.get(..end.unwrap_or(bytes.len()))?).ok()?;
        let mut words = head.split(' ');
        if words.next()? != VERSION {
            return None;
        }
        Some(Record {
            life: u64::from_str_radix(words.next()?, 16).ok()?,
            time_to_live: Duration::from_millis(words.next()?.parse().ok()?),
            instance: words.next()?.to_owned(),
            mark: end.map(|end| bytes.slice(end + 1..)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_and_nothing_else() {
        for mark in [None, Some(Bytes::new()), Some(Bytes::from("a\nb c"))] {
            let (life, time_to_live) = (u64::MAX, Duration::from_millis(2_500));
            let record = Record { life, time_to_live, instance: "a-1".into(), mark };
            assert_eq!(Record::parse(&record.encode()), Some(record));
        }
        for text in ["", "2 1 1 a", "1 x 1 a", "1 1", "1 1 1"] {
            assert_eq!(Record::parse(&Bytes::from(text)), None, "{text}");
        }
    }
}
