//! Lists, plurals, comparisons and spans of time in the words of a locale.

use icu_collator::options::{AlternateHandling, CaseLevel, CollatorOptions, Strength};
use icu_collator::preferences::{CollationCaseFirst, CollationNumericOrdering};
use icu_collator::{Collator, CollatorBorrowed, CollatorPreferences};
use icu_list::ListFormatter;
use icu_list::options::{ListFormatterOptions, ListLength};
use icu_locale_core::Locale as Tag;
use icu_plurals::{PluralCategory, PluralRuleType, PluralRules, PluralRulesOptions};

use super::Part;
use super::data::{Locale, after};
use super::numbers::NumberFormat;

fn tag(text: &str) -> Option<Tag> {
    text.parse().ok()
}

pub(super) fn plural_rules(locale: &str, ordinal: bool) -> Option<PluralRules> {
    let kind = if ordinal { PluralRuleType::Ordinal } else { PluralRuleType::Cardinal };
    let options = PluralRulesOptions::default().with_type(kind);
    PluralRules::try_new((&tag(locale)?).into(), options).ok()
}

/// The category of a number as it is shown, without groups.
pub(super) fn plural(rules: &PluralRules, shown: &str) -> &'static str {
    match shown.parse::<fixed_decimal::Decimal>() {
        Ok(number) => name(rules.category_for(&number)),
        Err(_) => "other",
    }
}

/// From the smallest, and `other` at the end.
pub(super) fn categories(rules: &PluralRules) -> Vec<&'static str> {
    let found: Vec<_> = rules.categories().map(name).collect();
    ["zero", "one", "two", "few", "many", "other"]
        .into_iter()
        .filter(|name| found.contains(name))
        .collect()
}

fn name(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    }
}

pub(super) fn lists(locale: &str, kind: &str, style: &str) -> Option<ListFormatter> {
    let length = match style {
        "short" => ListLength::Short,
        "narrow" => ListLength::Narrow,
        _ => ListLength::Wide,
    };
    let options = ListFormatterOptions::default().with_length(length);
    let locale = tag(locale)?;
    let formatter = match kind {
        "disjunction" => ListFormatter::try_new_or((&locale).into(), options),
        "unit" => ListFormatter::try_new_unit((&locale).into(), options),
        _ => ListFormatter::try_new_and((&locale).into(), options),
    };
    formatter.ok()
}

/// A collator of what the code's options come to, one character for each: the sensitivity,
/// whether punctuation counts, whether digits are numbers, and which case goes first.
pub(super) fn collator(locale: &str, options: &str) -> Option<CollatorBorrowed<'static>> {
    let given: Vec<char> = options.chars().collect();
    let &[sensitivity, punctuation, digits, first] = given.as_slice() else { return None };
    let mut options = CollatorOptions::default();
    options.strength = Some(match sensitivity {
        'b' | 'c' => Strength::Primary,
        'a' => Strength::Secondary,
        _ => Strength::Tertiary,
    });
    if sensitivity == 'c' {
        options.case_level = Some(CaseLevel::On);
    }
    if punctuation == 'i' {
        options.alternate_handling = Some(AlternateHandling::Shifted);
    }
    let mut preferences: CollatorPreferences = (&tag(locale)?).into();
    if digits == 'n' {
        preferences.numeric_ordering = Some(CollationNumericOrdering::True);
    }
    preferences.case_first = match first {
        'u' => Some(CollationCaseFirst::Upper),
        'l' => Some(CollationCaseFirst::Lower),
        _ => None,
    };
    Collator::try_new(preferences, options).ok()
}

/// A span of time in words: a pattern for the plural of the number, or a word of its own.
pub(super) fn relative(
    locale: &Locale,
    rules: &PluralRules,
    number: &NumberFormat,
    (line, words): (&str, bool),
    value: f64,
) -> Option<Vec<Part>> {
    let cell = |name: &str| after(locale.cells(line), name);
    let near = words && value.fract() == 0.0 && value.abs() <= 2.0;
    if let Some(word) = near.then(|| cell(&format!("{}", value as i64))).flatten() {
        return Some(vec![("literal", word.to_owned())]);
    }
    let parts = number.parts(&value.abs().to_string())?;
    let shown: String = parts
        .iter()
        .filter_map(|(kind, text)| match *kind {
            "decimal" => Some("."),
            "integer" | "fraction" => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let direction = if value.is_sign_negative() { "past" } else { "future" };
    let pattern = cell(&format!("{direction}-{}", plural(rules, &shown)))
        .or_else(|| cell(&format!("{direction}-other")))?;
    let (before, behind) = pattern.split_once("{n}").unwrap_or((pattern, ""));
    let literal = |text: &str| (!text.is_empty()).then(|| ("literal", text.to_owned()));
    let number = if pattern.contains("{n}") { parts } else { Vec::new() };
    Some(literal(before).into_iter().chain(number).chain(literal(behind)).collect())
}
