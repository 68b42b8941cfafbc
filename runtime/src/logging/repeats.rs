//! Lines that come again and again: the first is written at once, the others are counted.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// The same line is written once in this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// As many lines are told apart. Others are written each time.
const MOST_LINES: usize = 1_024;

/// As many bytes of lines are kept. Lines beyond that are written each time.
const MOST_BYTES: usize = 1 << 20;

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The time, a blank, the rest.
    Text,
    /// An object whose first member is the time.
    Json,
}

impl Form {
    /// A line without its time: all that makes it the same as another one.
    fn untimed(self, line: &[u8]) -> &[u8] {
        let end = match self {
            Form::Text => b' ',
            Form::Json => b',',
        };
        let start = line.iter().position(|byte| *byte == end).unwrap_or_default();
        line.get(start..).unwrap_or_default()
    }

    /// Adds the number of lines that this one stands for.
    fn counted(self, mut line: Vec<u8>, count: u64) -> Vec<u8> {
        let (end, field) = match self {
            Form::Text => ("\n", format!(" repeated={count}\n")),
            Form::Json => ("}\n", format!(",\"repeated\":{count}}}\n")),
        };
        if line.ends_with(end.as_bytes()) {
            line.truncate(line.len() - end.len());
        }
        line.extend_from_slice(field.as_bytes());
        line
    }
}

/// The lines that were written in the last interval.
pub(super) struct Repeats {
    form: Form,
    hasher: RandomState,
    /// By the hash of a line without its time.
    lines: HashMap<u64, Repeated>,
    /// When the interval of each is over, the next one first.
    due: VecDeque<(Instant, u64)>,
    bytes: usize,
}

#[derive(Default)]
struct Repeated {
    /// How often the line came since it was written.
    count: u64,
    /// How it looked when it came last; empty when it did not come again.
    last: Vec<u8>,
}

impl Repeats {
    pub(super) fn new(form: Form) -> Self {
        let (hasher, lines, due) = (RandomState::new(), HashMap::new(), VecDeque::new());
        Repeats { form, hasher, lines, due, bytes: 0 }
    }

    /// Whether a line is to be written. If it is not, it was counted.
    pub(super) fn admit(&mut self, line: &[u8], now: Instant) -> bool {
        let key = self.hasher.hash_one(self.form.untimed(line));
        let is_full = self.lines.len() >= MOST_LINES;
        let Some(repeated) = self.lines.get_mut(&key) else {
            if !is_full {
                self.lines.insert(key, Repeated::default());
                self.due.push_back((now + INTERVAL, key));
            }
            return true;
        };
        let bytes = self.bytes - repeated.last.len() + line.len();
        if bytes > MOST_BYTES {
            return true;
        }
        self.bytes = bytes;
        repeated.count += 1;
        repeated.last.clear();
        repeated.last.extend_from_slice(line);
        false
    }

    /// When a line may be to be written again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.front().map(|(due, _)| *due)
    }

    /// A line whose interval is over, with the number of those that it stands for. To be called
    /// until there is none.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Vec<u8>> {
        while let Some((_, key)) = self.due.pop_front_if(|(due, _)| *due <= now) {
            let Some(Repeated { count, last }) = self.lines.remove(&key) else { continue };
            if count > 0 {
                self.bytes -= last.len();
                self.lines.insert(key, Repeated::default());
                self.due.push_back((now + INTERVAL, key));
                return Some(self.form.counted(last, count));
            }
        }
        None
    }

    /// All lines that were counted and not written yet.
    pub(super) fn take_all(&mut self) -> Vec<Vec<u8>> {
        self.bytes = 0;
        let (form, due) = (self.form, std::mem::take(&mut self.due));
        let lines = due.into_iter().filter_map(|(_, key)| self.lines.remove(&key));
        let counted = lines.filter(|repeated| repeated.count > 0);
        counted.map(|Repeated { count, last }| form.counted(last, count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Option<Vec<u8>>) -> Option<String> {
        bytes.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_repeated_line_is_written_once_in_an_interval_with_how_often_it_came() {
        let (mut repeats, start) = (Repeats::new(Form::Text), Instant::now());
        assert!(repeats.admit(b"10:00 full id=a\n", start));
        assert!(repeats.admit(b"10:00 full id=b\n", start), "another node");
        assert!(!repeats.admit(b"10:01 full id=a\n", start));
        assert!(!repeats.admit(b"10:02 full id=a\n", start));
        assert_eq!(repeats.take_due(start), None);
        let due = repeats.next().unwrap();
        assert_eq!(due, start + INTERVAL);
        let line = repeats.take_due(due);
        assert_eq!(text(line).as_deref(), Some("10:02 full id=a repeated=2\n"));
        assert_eq!(repeats.take_due(due), None);
        assert!(!repeats.admit(b"10:03 full id=a\n", due), "it was just written");
        let later = repeats.next().unwrap();
        assert_eq!(later, due + INTERVAL);
        let line = repeats.take_due(later);
        assert_eq!(text(line).as_deref(), Some("10:03 full id=a repeated=1\n"));
        assert_eq!(repeats.take_due(later + INTERVAL), None);
        assert_eq!(repeats.next(), None);
        assert!(repeats.admit(b"11:00 full id=a\n", later + INTERVAL), "it is new again");
    }

    #[test]
    fn the_count_is_a_member_of_a_json_line() {
        let (mut repeats, start) = (Repeats::new(Form::Json), Instant::now());
        let line = |time: u32| format!("{{\"timestamp\":{time},\"message\":\"m\"}}\n").into_bytes();
        assert!(repeats.admit(&line(1), start));
        assert!(!repeats.admit(&line(2), start));
        let counted = text(repeats.take_due(start + INTERVAL)).unwrap();
        assert_eq!(counted, "{\"timestamp\":2,\"message\":\"m\",\"repeated\":1}\n");
    }

    #[test]
    fn the_rest_is_taken_at_once() {
        let (mut repeats, start) = (Repeats::new(Form::Text), Instant::now());
        for line in [&b"1 once\n"[..], b"1 twice\n", b"2 twice\n"] {
            repeats.admit(line, start);
        }
        assert_eq!(repeats.take_all(), [b"2 twice repeated=1\n"]);
        assert_eq!((repeats.next(), repeats.bytes), (None, 0));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (mut repeats, start) = (Repeats::new(Form::Text), Instant::now());
        let long = [b"0 ", &[b'x'; MOST_BYTES][..], b"\n"].concat();
        assert!(repeats.admit(&long, start) && repeats.admit(&long, start));
        for number in 0..2 * MOST_LINES {
            assert!(repeats.admit(format!("0 {number}\n").as_bytes(), start));
        }
        assert!(!repeats.admit(b"0 0\n", start), "one of the first");
        assert!(repeats.admit(format!("0 {}\n", MOST_LINES).as_bytes(), start), "one of the last");
        assert_eq!(repeats.lines.len(), MOST_LINES);
    }
}
