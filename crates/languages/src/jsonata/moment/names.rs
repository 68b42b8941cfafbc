//! The English words of dates.

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The first `letters` letters of a name.
pub(super) fn short(name: &str, letters: usize) -> &str {
    name.get(..letters).unwrap_or(name)
}

/// The index in `names` of the name that `text` begins with, in full or by its first three letters.
pub(super) fn place(names: &[&str], text: &str) -> Option<usize> {
    let starts = |name: &&str| {
        let start = text.get(..3);
        start.is_some_and(|start| start.eq_ignore_ascii_case(short(name, 3)))
    };
    names.iter().position(starts)
}

/// A number with its suffix, as in `2nd`.
pub(super) fn ordinal(number: i64) -> String {
    let ending = match (number % 100 / 10, number % 10) {
        (1, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
