//! Which ends of a connection mean that a client is not to come back.

use std::ops::RangeInclusive;

use ferrowire_core::NodeConfig;

/// The default of clients with delays of their own: `1008`, a violated policy, and those codes of
/// Centrifugo that ask clients to stay away.
const DEFAULT: [RangeInclusive<u16>; 2] = [1008..=1008, 3500..=3999];

/// Close codes, and the statuses of refused handshakes.
#[derive(Debug, Default)]
pub(crate) struct Stops(Vec<RangeInclusive<u16>>);

impl Stops {
    /// Reads `stopCodes`: codes and ranges of codes, separated by commas, or `none`. If it is empty,
    /// a client with delays of its own (`by_default`) stops at the default codes, others never.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>, by_default: bool) -> Self {
        let text = config.text("stopCodes");
        let list = match text.trim() {
            "" if by_default => return Stops(DEFAULT.to_vec()),
            "" | "none" => return Stops::default(),
            list => list,
        };
        let mut codes = Vec::new();
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match range(item) {
                Some(range) => codes.push(range),
                None => config.problem("stopCodes", format!("invalid code `{item}`: {EXPECTED}")),
            }
        }
        Stops(codes)
    }

    /// Whether `code` ends the attempts.
    pub(crate) fn contains(&self, code: u16) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }
}

const EXPECTED: &str = "expected a status from 400 to 599, a close code from 1000 to 4999, or a range such as \
     `4000-4099`";

fn range(item: &str) -> Option<RangeInclusive<u16>> {
    let (from, to) = item.split_once(['-', '–']).unwrap_or((item, item));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    let one_kind = (400..=599).contains(&from) && to <= 599 || from >= 1000 && to <= 4999;
    (from <= to && one_kind).then_some(from..=to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_ranges_are_read_and_other_text_is_not() {
        assert_eq!(range("1008"), Some(1008..=1008));
        assert_eq!(range("4000 - 4099"), Some(4000..=4099));
        assert_eq!(range("401"), Some(401..=401));
        for bad in ["", "x", "5000", "200", "1010-1000", "500-1000", "-1", "1-2-3"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }
}
