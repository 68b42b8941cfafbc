//! `String(date)`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use ferrowire_core::Date;

/// The date and time in the system's time zone, such as `Thu Jan 01 1970 01:00:00 GMT+0100 (CET)`.
/// JavaScript prints the long name of the zone in the parentheses, which is only known for UTC
/// here.
pub(crate) fn text(date: Date) -> String {
    let at = date.to_iso().and_then(|_| Timestamp::from_millisecond(date.millis() as i64).ok());
    match at {
        None => beyond(date),
        Some(at) => in_zone(at, ferrowire_zone::local().rules()),
    }
}

fn in_zone(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    let name = local.strftime("%Z").to_string();
    let name = match name.as_str() {
        "UTC" => "Coordinated Universal Time",
        "GMT" => "Greenwich Mean Time",
        short => short,
    };
    local.strftime(&format!("%a %b %d %Y %H:%M:%S GMT%z ({name})")).to_string()
}

/// For years outside of jiff's range, shown in UTC, and for invalid dates.
fn beyond(date: Date) -> String {
    date.to_iso().unwrap_or_else(|| "Invalid Date".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_javascript() {
        let at = Timestamp::from_millisecond(1_500_000_000_123).unwrap();
        let text_in = |zone: &TimeZone| in_zone(at, zone);
        assert_eq!(
            text_in(&TimeZone::UTC),
            "Fri Jul 14 2017 02:40:00 GMT+0000 (Coordinated Universal Time)"
        );
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(text_in(&berlin), "Fri Jul 14 2017 04:40:00 GMT+0200 (CEST)");
        assert_eq!(text(Date::INVALID), "Invalid Date");
        assert!(text(Date::from_millis(8.64e15)).starts_with("+275760-09-1"));
    }
}
