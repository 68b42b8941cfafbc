//! The names of time zones.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::data::{Locale, common};
use super::digits;

/// How a zone is called, in winter and in summer.
#[derive(Debug)]
pub(super) struct ZoneNames {
    /// Offsets of the zone, and what it is called while it has them.
    named: Vec<(Offset, String)>,
    gmt: Vec<&'static str>,
    digits: Vec<&'static str>,
    long: bool,
}

impl ZoneNames {
    /// `width` is 1 for the short names, 2 for the long ones, 3 and 4 for offsets.
    pub(super) fn new(locale: &Locale, zone: &TimeZone, width: usize) -> Self {
        let long = width == 2 || width == 4;
        let mut names = ZoneNames {
            named: Vec::new(),
            gmt: locale.cells("gmt").collect(),
            digits: locale.cells("digits").collect(),
            long,
        };
        let name = match zone.iana_name() {
            _ if *zone == TimeZone::UTC => "UTC",
            Some(name) => name,
            None => return names,
        };
        let place = common("zones").position(|known| known.eq_ignore_ascii_case(name));
        let known = place.map(|place| locale.cell("zones", place).parse::<usize>());
        if let (Some(Ok(known)), true) = (known, width < 3) {
            let mut cells = locale.cell("zonenames", known).split('|');
            let mut pair = || (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
            // The middle of January and of July 2023, when the names were written down.
            for millis in [1_673_755_749_000, 1_689_394_149_000] {
                let (short, name) = pair();
                let name = if long { name } else { short };
                if let Ok(at) = Timestamp::from_millisecond(millis) {
                    names.named.push((zone.to_offset(at), name.to_owned()));
                }
            }
        }
        names
    }

    /// The names are those since 1970.
    pub(super) fn name(&self, at: Timestamp, offset: Offset) -> String {
        let known = at >= Timestamp::UNIX_EPOCH || offset == Offset::UTC;
        let named = self.named.iter().find(|(named, _)| known && *named == offset);
        match named {
            Some((_, name)) if !name.is_empty() => name.clone(),
            _ => self.offset(offset.seconds()),
        }
    }

    fn offset(&self, seconds: i32) -> String {
        let part = |at: usize| self.gmt.get(at).copied().unwrap_or_default();
        let (plus, minus, colon, suffix) = (part(0), part(1), part(2), part(3));
        if seconds == 0 {
            return part(if self.long { 5 } else { 4 }).to_owned();
        }
        let sign = if seconds < 0 { minus } else { plus };
        let minutes = (seconds.abs() + 30) / 60;
        let (hours, minutes) = (minutes / 60, minutes % 60);
        let text = match (self.long, minutes) {
            (true, _) => format!("{hours:02}{colon}{minutes:02}"),
            (false, 0) => format!("{hours}"),
            (false, _) => format!("{hours}{colon}{minutes:02}"),
        };
        format!("{sign}{}{suffix}", digits(&text, &self.digits))
    }
}
