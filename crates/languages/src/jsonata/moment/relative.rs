//! Relative times: `2 hours ago`, `Yesterday at 2:30 PM`.

use jsonata_core::value::JMap;

use super::unit::Unit;
use super::{DAY, Moment, fields_of, format::INVALID};

impl Moment {
    /// The time from `from` to this; `plain` omits `in` and `ago`.
    pub(super) fn relative(&self, from: &Moment, plain: bool) -> String {
        let base = Moment { at: from.at, zone: self.zone.clone() };
        let Some((months, millis)) = base.months_and_millis(self) else {
            return INVALID.to_owned();
        };
        let text = in_words(months.abs() as f64, millis.abs() as f64);
        match (plain, months > 0 || millis > 0) {
            (true, _) => text,
            (false, true) => format!("in {text}"),
            (false, false) => format!("{text} ago"),
        }
    }

    /// The whole months to `other`, and the remainder.
    fn months_and_millis(&self, other: &Moment) -> Option<(i64, i64)> {
        let ([year_a, month_a, ..], [year_b, month_b, ..]) =
            (fields_of(self.civil()?), fields_of(other.civil()?));
        let mut months = (year_b - year_a) * 12 + (month_b - month_a);
        let behind = other.at? < self.at?;
        let reached = |months: i64| {
            let mut moment = self.clone();
            moment.add_months(months);
            moment.at
        };
        match (behind, reached(months)?) {
            (false, at) if at > other.at? => months -= 1,
            (true, at) if at < other.at? => months += 1,
            _ => {}
        }
        Some((months, other.at? - reached(months)?))
    }

    /// This as a day near `now`, in the format from `forms` if it has one.
    pub(super) fn calendar(&self, now: &Moment, forms: Option<&JMap>) -> Result<String, String> {
        let mut today = Moment { at: now.at, zone: self.zone.clone() };
        today.start_of(Unit::Day);
        let (name, usual) = match self.diff(&today, Unit::Day, true) {
            days if days < -6.0 => ("sameElse", "L"),
            days if days < -1.0 => ("lastWeek", "[Last] dddd [at] LT"),
            days if days < 0.0 => ("lastDay", "[Yesterday at] LT"),
            days if days < 1.0 => ("sameDay", "[Today at] LT"),
            days if days < 2.0 => ("nextDay", "[Tomorrow at] LT"),
            days if days < 7.0 => ("nextWeek", "dddd [at] LT"),
            _ => ("sameElse", "L"),
        };
        let form = forms.and_then(|forms| forms.get(name)).and_then(|form| form.as_str());
        self.format(form.unwrap_or(usual))
    }
}

/// A duration in words, rounded in its largest unit.
fn in_words(months: f64, millis: f64) -> String {
    const DAYS_OF_400_YEARS: f64 = 146_097.0;
    let days = millis / DAY as f64;
    let all_days = days + (months * DAYS_OF_400_YEARS / 4800.0).round();
    let all_months = months + days * 4800.0 / DAYS_OF_400_YEARS;
    let round = |number: f64| (number + 0.5).floor() as i64;
    let seconds = round(all_days * 86_400.0);
    let (minutes, hours) = (round(all_days * 1440.0), round(all_days * 24.0));
    let (days, months, years) = (round(all_days), round(all_months), round(all_months / 12.0));
    match () {
        () if seconds <= 44 => "a few seconds".to_owned(),
        () if minutes <= 1 => "a minute".to_owned(),
        () if minutes < 45 => format!("{minutes} minutes"),
        () if hours <= 1 => "an hour".to_owned(),
        () if hours < 22 => format!("{hours} hours"),
        () if days <= 1 => "a day".to_owned(),
        () if days < 26 => format!("{days} days"),
        () if months <= 1 => "a month".to_owned(),
        () if months < 11 => format!("{months} months"),
        () if years <= 1 => "a year".to_owned(),
        () => format!("{years} years"),
    }
}
