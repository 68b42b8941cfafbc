//! `Intl`: what its classes in JavaScript ask the runtime for.
//!
//! The words and forms of dates and numbers are those of a table that was written down from
//! another program's `Intl` (`record.js`), so that both show the same. Plurals, lists and the order
//! of words are ICU4X's.

mod data;
mod dates;
mod decimal;
mod numbers;
mod words;
mod zones;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use icu_collator::CollatorBorrowed;
use icu_list::ListFormatter;
use icu_plurals::PluralRules;
use rquickjs::{Ctx, Exception, Object, Result};

use crate::host::{Shared, add};
use data::Locale;
use dates::{DateFormat, Fields};
use numbers::NumberFormat;

/// A part of a text, and what it is called.
type Part = (&'static str, String);

/// How many of each kind of formats a thread keeps ready.
const KEPT: usize = 64;

/// Formats by what they were made of.
struct Kept<T>(RefCell<HashMap<String, Rc<T>>>);

impl<T> Kept<T> {
    fn new() -> Self {
        Kept(RefCell::default())
    }

    fn get(&self, key: String, make: impl FnOnce() -> Option<T>) -> Option<Rc<T>> {
        let mut kept = self.0.borrow_mut();
        if let Some(found) = kept.get(&key) {
            return Some(Rc::clone(found));
        }
        let made = Rc::new(make()?);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, Rc::clone(&made));
        Some(made)
    }
}

thread_local! {
    static LOCALES: Kept<Locale> = Kept::new();
    static LISTS: Kept<ListFormatter> = Kept::new();
    static DATES: Kept<DateFormat> = Kept::new();
    static NUMBERS: Kept<NumberFormat> = Kept::new();
    static COLLATORS: Kept<CollatorBorrowed<'static>> = Kept::new();
    static PLURALS: Kept<PluralRules> = Kept::new();
}

/// Makes the object that the classes call `native`.
pub(crate) fn object<'js>(ctx: &Ctx<'js>, shared: &Arc<Shared>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let shared = Arc::clone(shared);
    add(&object, "locale", move || default_locale(&shared))?;
    add(&object, "resolve", |tag: String| data::resolve(&tag))?;
    add(&object, "hasWords", |tag: String| data::has_words(&tag))?;
    add(&object, "zone", |name: String| dates::named_zone(&name).map(|(_, name)| name))?;
    add(&object, "localZone", dates::local_name)?;
    add(&object, "cycles", |tag: String| {
        locale(&tag).map(|locale| locale.cells("cycles").collect::<Vec<_>>()).unwrap_or_default()
    })?;
    add(&object, "zones", || data::common("zones").collect::<Vec<_>>())?;
    add(&object, "currencyDigits", |code: String| numbers::currency_digits(&code))?;
    add(&object, "date", date)?;
    add(&object, "number", number)?;
    add(&object, "relative", relative)?;
    add(&object, "plural", |ctx: Ctx<'js>, tag: String, ordinal: bool, shown: String| {
        let rules = plural_rules(&tag, ordinal).ok_or_else(|| failed(&ctx))?;
        Ok::<_, rquickjs::Error>(words::plural(&rules, &shown))
    })?;
    add(&object, "plurals", |ctx: Ctx<'js>, tag: String, ordinal: bool| {
        let rules = plural_rules(&tag, ordinal).ok_or_else(|| failed(&ctx))?;
        Ok::<_, rquickjs::Error>(words::categories(&rules))
    })?;
    add(
        &object,
        "list",
        |ctx: Ctx<'js>, tag: String, kind: String, style: String, items: Vec<String>| {
            let key = format!("{tag} {kind} {style}");
            let lists = LISTS.with(|kept| kept.get(key, || words::lists(&tag, &kind, &style)));
            let lists = lists.ok_or_else(|| failed(&ctx))?;
            Ok::<_, rquickjs::Error>(lists.format(items.iter()).to_string())
        },
    )?;
    add(
        &object,
        "compare",
        |ctx: Ctx<'js>, tag: String, options: String, a: String, b: String| {
            let key = format!("{tag} {options}");
            let collator = COLLATORS.with(|kept| kept.get(key, || words::collator(&tag, &options)));
            let collator = collator.ok_or_else(|| failed(&ctx))?;
            Ok::<_, rquickjs::Error>(collator.compare(&a, &b) as i32)
        },
    )?;
    Ok(object)
}

/// The table holds whatever was resolved, so this is for what cannot be.
fn failed(ctx: &Ctx<'_>) -> rquickjs::Error {
    Exception::throw_range(ctx, "this format is not there")
}

/// As the surroundings of the process say it.
fn default_locale(shared: &Shared) -> String {
    let named = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| {
        let value = shared.cx.env(name)?;
        let value = value.as_str()?.split(['.', '@']).next()?.replace('_', "-");
        (!value.is_empty()).then_some(value)
    });
    named.and_then(|name| data::resolve(&name)).unwrap_or_else(|| "en-US".to_owned())
}

fn locale(tag: &str) -> Option<Rc<Locale>> {
    LOCALES.with(|kept| kept.get(tag.to_owned(), || Locale::load(tag)))
}

/// The parts in one array, a kind in front of each text; without kinds the text alone.
fn shown(parts: Vec<Part>, kinds: bool) -> Vec<String> {
    match kinds {
        true => parts.into_iter().flat_map(|(kind, text)| [kind.to_owned(), text]).collect(),
        false => vec![parts.into_iter().map(|(_, text)| text).collect()],
    }
}

fn date(
    ctx: Ctx<'_>,
    tag: String,
    zone: String,
    fields: String,
    millis: f64,
    kinds: bool,
) -> Result<Vec<String>> {
    let key = format!("{tag} {zone} {fields}");
    let make = || {
        let zone = dates::zone(&zone)?;
        DateFormat::new(&*locale(&tag)?, zone, Fields::read(&fields)?)
    };
    let format = DATES.with(|kept| kept.get(key, make)).ok_or_else(|| failed(&ctx))?;
    let parts = format.parts(millis).ok_or_else(|| {
        Exception::throw_range(&ctx, "only the years up to 9999 are known to `Intl` here")
    })?;
    Ok(shown(parts, kinds))
}

fn number_format(tag: &str, options: &str) -> Option<Rc<NumberFormat>> {
    let make = || NumberFormat::new(tag, &*locale(tag)?, options);
    NUMBERS.with(|kept| kept.get(format!("{tag} {options}"), make))
}

fn number(
    ctx: Ctx<'_>,
    tag: String,
    options: String,
    value: String,
    kinds: bool,
) -> Result<Vec<String>> {
    let format = number_format(&tag, &options).ok_or_else(|| failed(&ctx))?;
    let parts = format.parts(&value).ok_or_else(|| {
        Exception::throw_range(&ctx, "a number of more than 2000 digits is not formatted")
    })?;
    Ok(shown(parts, kinds))
}

fn plural_rules(tag: &str, ordinal: bool) -> Option<Rc<PluralRules>> {
    PLURALS.with(|kept| kept.get(format!("{tag} {ordinal}"), || words::plural_rules(tag, ordinal)))
}

/// `line` is a style and a unit.
fn relative(
    ctx: Ctx<'_>,
    tag: String,
    line: String,
    in_words: bool,
    value: f64,
    kinds: bool,
) -> Result<Vec<String>> {
    let parts = || {
        let number = number_format(&tag, "decimal,,,0,1,0,3,1,0,0,0,0,standard")?;
        let rules = plural_rules(&tag, false)?;
        words::relative(&*locale(&tag)?, &rules, &number, (&line, in_words), value)
    };
    Ok(shown(parts().ok_or_else(|| failed(&ctx))?, kinds))
}

/// The digits in `text` as a locale writes them.
fn digits(text: &str, own: &[&'static str]) -> String {
    if own.first() == Some(&"0") {
        return text.to_owned();
    }
    let mut found = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        let digit = c.to_digit(10).and_then(|digit| own.get(digit as usize));
        match digit {
            Some(digit) => found.push_str(digit),
            None => found.push(c),
        }
    }
    found
}
