//! The languages of expressions, implemented for [`ferrowire_core::language`]: JSONata with
//! `$moment`, JavaScript's regular expressions, and dates in the time zone of the process.
//!
//! A program that links this crate evaluates them for its linked and loaded nodes. Everything is
//! compiled once, and evaluated for each message within documented limits.

// From the bottom up.
mod date;
mod regexp;
mod jsonata;

use std::sync::Arc;

use ferrowire_core::Date;
use ferrowire_core::language::{Expression, Languages, Pattern, Provided};

/// The implementation.
struct Linked;

ferrowire_core::__inventory::submit!(Provided(&Linked));

impl Languages for Linked {
    fn jsonata(&self, source: &str) -> Result<Arc<dyn Expression>, String> {
        match jsonata::Jsonata::compile(source) {
            Ok(compiled) => Ok(Arc::new(compiled)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn regexp(&self, source: &str, ignore_case: bool) -> Result<Arc<dyn Pattern>, String> {
        Ok(Arc::new(regexp::compile(source, ignore_case)?))
    }

    fn date_text(&self, date: Date) -> String {
        date::text(date)
    }

    fn now_as(&self, format: &str) -> Result<String, String> {
        jsonata::now_as(format)
    }
}
