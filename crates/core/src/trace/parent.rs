//! `Remote`: the trace of another system, from the headers `traceparent` and `tracestate`.

use std::fmt;

/// The longest `tracestate` that is passed on, in bytes; W3C Trace Context asks for at least 512.
const LONGEST_STATE: usize = 2048;

/// The span of another system that a message comes from: <https://www.w3.org/TR/trace-context/>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) is_sampled: bool,
    pub(crate) state: Option<Box<str>>,
    /// It is a part of this system.
    pub(crate) is_own: bool,
}

/// The text is no `traceparent`; W3C Trace Context says to begin a new trace then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid `traceparent`; expected `00-`, 32 hexadecimal digits, `-`, 16 digits, `-` and 2 digits"
)]
pub struct InvalidTraceparent;

impl Remote {
    /// Reads a `traceparent`, such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`.
    ///
    /// # Errors
    /// If the text is not of this form, has an id of zeros or the version `ff`. Later versions may be
    /// longer.
    pub fn parse(traceparent: &str) -> Result<Self, InvalidTraceparent> {
        Self::read(traceparent.trim_matches([' ', '\t']).as_bytes()).ok_or(InvalidTraceparent)
    }

    fn read(text: &[u8]) -> Option<Self> {
        let (head, rest) = text.split_at_checked(55)?;
        let version = digits(head.get(..2)?)?;
        let dashes = [2, 35, 52].iter().all(|at| head.get(*at) == Some(&b'-'));
        let may_follow = version != 0 && rest.first() == Some(&b'-');
        if !dashes || version == 0xff || !(rest.is_empty() || may_follow) {
            return None;
        }
        let trace_id = digits(head.get(3..35)?)?;
        let span_id = u64::try_from(digits(head.get(36..52)?)?).ok()?;
        let is_sampled = digits(head.get(53..55)?)? & 1 == 1;
        let is_valid = trace_id != 0 && span_id != 0;
        is_valid.then_some(Remote { trace_id, span_id, is_sampled, state: None, is_own: false })
    }

    /// Says that the span is this system's, which has given the message to another process.
    #[doc(hidden)]
    #[must_use]
    pub fn of_this_system(mut self) -> Self {
        self.is_own = true;
        self
    }

    /// Adds the header `tracestate`, which is passed on as it is. One that is too long, or has
    /// characters that no header has, is dropped.
    #[must_use]
    pub fn with_state(mut self, tracestate: &str) -> Self {
        let is_header = tracestate.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let fits = !tracestate.is_empty() && tracestate.len() <= LONGEST_STATE;
        self.state = (is_header && fits).then(|| tracestate.into());
        self
    }

    /// Reads the two headers out of a map of headers; `None` without a valid `traceparent`, or if there
    /// are several.
    pub fn of_http(headers: &http::HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let mut given = headers.get_all("traceparent").iter();
        let (Some(_), None) = (given.next(), given.next()) else { return None };
        Remote::of_headers(text("traceparent"), text("tracestate"))
    }

    /// Reads the two headers; `None` without a valid `traceparent`.
    pub fn of_headers(traceparent: Option<&str>, tracestate: Option<&str>) -> Option<Self> {
        let remote = Remote::parse(traceparent?).ok()?;
        Some(match tracestate {
            Some(state) => remote.with_state(state),
            None => remote,
        })
    }
}

/// The number of lower-case hexadecimal digits.
fn digits(text: &[u8]) -> Option<u128> {
    text.iter().try_fold(0, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Remote { trace_id, span_id, is_sampled, .. } = *self;
        write!(f, "{}", Written { trace_id, span_id, is_sampled })
    }
}

/// A `traceparent` as it is written.
pub(crate) struct Written {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) is_sampled: bool,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace_id, self.span_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_traceparent_is_read_and_written_alike() {
        for flags in ["00", "01"] {
            let text = format!("00-{TRACE}-{SPAN}-{flags}");
            let Remote { trace_id, span_id, is_sampled, .. } = Remote::parse(&text).unwrap();
            assert_eq!(Written { trace_id, span_id, is_sampled }.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_traceparent_is_invalid() {
        let zeros = ["0".repeat(32), "0".repeat(16)];
        let invalid = [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-0"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-01 00"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", zeros[0]),
            format!("00-{TRACE}-{}-01", zeros[1]),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00_{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-0ü"),
            format!("cc-{TRACE}-{SPAN}-01x"),
        ];
        for text in invalid {
            assert_eq!(Remote::parse(&text), Err(InvalidTraceparent), "{text}");
        }
    }

    #[test]
    fn a_later_version_may_be_longer_and_have_other_flags() {
        for text in [format!("cc-{TRACE}-{SPAN}-03-more"), format!("01-{TRACE}-{SPAN}-ff")] {
            assert!(Remote::parse(&text).unwrap().is_sampled, "{text}");
        }
    }

    #[test]
    fn a_state_that_no_header_can_have_is_dropped() {
        let remote = Remote::parse(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        assert_eq!(remote.clone().with_state("a=1,b=2").state.as_deref(), Some("a=1,b=2"));
        for state in ["", "a=\r\nb", &"x".repeat(LONGEST_STATE + 1)] {
            assert_eq!(remote.clone().with_state(state).state, None);
        }
    }
}
