//! The local time zone, as `Date` in JavaScript asks for it. Times and offsets are in milliseconds.

use ferrowire_zone as zone;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rquickjs::{Object, Result};

use super::{Builder, add};

/// After this time the calendar begins anew: 400 years.
const CYCLE: i64 = 146_097 * 86_400_000;

/// Adds `host.zone`, or nothing if the zone is UTC.
pub(super) fn add_zone(builder: &Builder<'_, '_>) -> Result<()> {
    let rules = zone::local().rules();
    if *rules == TimeZone::UTC {
        return Ok(());
    }
    let object = Object::new(builder.ctx.clone())?;
    add(&object, "at", move |at: f64| at_instant(rules, at))?;
    add(&object, "from", move |local: f64| of_local(rules, local))?;
    builder.host.set("zone", object)
}

/// The offset at an instant, and since and until when it holds.
fn at_instant(rules: &TimeZone, at: f64) -> Vec<f64> {
    let (near, cycles) = into_calendar(at as i64);
    let Ok(instant) = Timestamp::from_millisecond(near) else { return vec![f64::NAN; 3] };
    let offset = f64::from(rules.to_offset(instant).seconds()) * 1000.0;
    let moved = |at: Timestamp| (at.as_millisecond() + cycles * CYCLE) as f64;
    // A change at the instant itself is neither before nor after it.
    let after = rules.following(instant).next().map(|change| change.timestamp());
    let after = after.filter(|change| *change > instant);
    let until = after.or(Timestamp::from_millisecond(near + CYCLE).ok()).map_or(at + 1.0, moved);
    vec![offset, at, until.max(at + 1.0)]
}

/// The instant at which clocks show `local`, milliseconds of a date in UTC. Of two the earlier one; a
/// time that the clocks skip is counted on from before the change (`LocalTime` in ECMA-262).
fn of_local(rules: &TimeZone, local: f64) -> f64 {
    let (near, cycles) = into_calendar(local as i64);
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let shown = epoch.checked_add(SignedDuration::from_millis(near));
    let instant = shown.and_then(|shown| rules.to_ambiguous_timestamp(shown).compatible());
    instant.map_or(f64::NAN, |instant| (instant.as_millisecond() + cycles * CYCLE) as f64)
}

/// A time in the years that the rules know, and by how many cycles it was moved. Before the first rule
/// every time has the first offset.
fn into_calendar(millis: i64) -> (i64, i64) {
    // The years 9000 and -9000, roughly.
    const LAST: i64 = 221_845_392_000_000;
    const FIRST: i64 = -346_200_000_000_000;
    let cycles = match millis {
        ..FIRST => (millis - FIRST).div_euclid(CYCLE),
        FIRST..=LAST => 0,
        _ => (millis - LAST).div_euclid(CYCLE) + 1,
    };
    (millis - cycles * CYCLE, cycles)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    #[test]
    fn far_dates_have_the_offsets_of_the_same_day_in_another_cycle() {
        for year in [0, 1, 600, -1, -680] {
            let july = 1_782_907_200_000 + year * CYCLE;
            let summer = if year < 0 { 3_208_000.0 } else { 7_200_000.0 };
            let [offset, since, until] = at_instant(&berlin(), july as f64)[..] else { panic!() };
            assert_eq!((offset, since), (summer, july as f64), "{year}");
            assert!(until > since, "{year}");
            assert_eq!(of_local(&berlin(), july as f64 + summer), july as f64, "{year}");
        }
    }

    #[test]
    fn local_times_around_a_change_are_those_of_ecma_262() {
        // 2026-03-29 from 02:00 to 03:00 is skipped, 2026-10-25 from 02:00 to 03:00 comes twice.
        for (local, instant) in [
            ("2026-03-29T01:59:59Z", "2026-03-29T00:59:59Z"),
            ("2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z"),
            ("2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z"),
            ("2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"),
            ("2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z"),
        ] {
            let millis = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond() as f64;
            assert_eq!(of_local(&berlin(), millis(local)), millis(instant), "{local}");
        }
    }
}
