//! `Intl.NumberFormat`: numbers in the signs of a locale.

use icu_plurals::PluralRules;

use super::data::{Locale, after, common};
use super::{Part, decimal::Decimal, decimal::Rounding, digits, words};

/// How one set of options shows a number.
#[derive(Debug)]
pub(super) struct NumberFormat {
    style: Style,
    least_integer: usize,
    rounding: Rounding,
    grouping: Grouping,
    sign: Sign,
    decimal: &'static str,
    group: &'static str,
    /// Digits of the last group, of the others, and of the first one at least.
    groups: [usize; 3],
    /// The minus, the plus and the sign of a percentage.
    signs: [&'static str; 3],
    nan: &'static str,
    infinity: &'static str,
    /// What surrounds a number: a positive one, a negative one, and one with a plus.
    shapes: [&'static str; 3],
    /// The same around what is no number.
    plain_shapes: [&'static str; 3],
    digits: Vec<&'static str>,
    compact: Option<Compact>,
}

/// How large numbers are shortened.
#[derive(Debug)]
struct Compact {
    /// For each power of ten from the third on: the power of ten that is left out, and the
    /// patterns by the plural of what is shown.
    powers: Vec<(i64, Vec<&'static str>)>,
    rules: PluralRules,
    /// The code's options say nothing of digits.
    usual_digits: bool,
}

impl Compact {
    fn new(tag: &str, locale: &Locale, width: &str, usual_digits: bool) -> Option<Self> {
        let power = |power: usize| {
            let mut cells = locale.cells(&format!("{width} e{power}"));
            Some((cells.next()?.parse().ok()?, cells.collect()))
        };
        let powers = (3..=14).map(power).collect::<Option<_>>()?;
        Some(Compact { powers, rules: words::plural_rules(tag, false)?, usual_digits })
    }

    /// The power of ten that is left out of a number, and its patterns.
    fn power(&self, magnitude: i64) -> (i64, &[&'static str]) {
        let place = usize::try_from(magnitude - 3).ok().map(|at| at.min(self.powers.len() - 1));
        let found = place.and_then(|place| self.powers.get(place));
        found.map_or((0, &[][..]), |(power, patterns)| (*power, patterns.as_slice()))
    }

    /// Shortens and rounds; the patterns that fit then.
    fn shorten(
        &self,
        number: &mut Decimal,
        rounding: &Rounding,
        negative: bool,
    ) -> &[&'static str] {
        let whole = number.clone();
        let mut magnitude = whole.magnitude();
        loop {
            let (power, patterns) = self.power(magnitude);
            *number = whole.clone();
            number.shift(-power);
            match self.usual_digits {
                true => number.round(&rounding.short(number), negative),
                false => number.round(rounding, negative),
            }
            // 999,999 is one million when it is rounded.
            let rounded = number.magnitude() + power;
            if rounded <= magnitude {
                return patterns;
            }
            magnitude = rounded;
        }
    }
}

#[derive(Debug)]
enum Style {
    Decimal,
    Percent,
    /// With the sign of the currency.
    Currency(String),
}

#[derive(Debug, PartialEq)]
enum Grouping {
    Never,
    Usual,
    Always,
    FromFive,
}

#[derive(Debug)]
enum Sign {
    Auto,
    Never,
    Always,
    ExceptZero,
    Negative,
}

impl NumberFormat {
    /// From what the code's options come to, in a fixed order, between commas.
    pub(super) fn new(tag: &str, locale: &Locale, options: &str) -> Option<Self> {
        let mut options = options.split(',');
        let mut next = || options.next();
        let (style, currency, display, accounting) = (next()?, next()?, next()?, next()? == "1");
        let least_integer = next()?.parse().ok()?;
        let mut number = || next()?.parse::<usize>().ok();
        let (least, most, grouping, sign, mode, strip) =
            (number(), number(), number()?, number()?, number()?, number()?);
        let significant = number()?;
        let notation = next()?;
        let compact = match notation {
            "standard" => None,
            width => Some(Compact::new(tag, locale, width, significant == 2)?),
        };
        let rounding = Rounding::new(significant == 1, least?, most?, mode, strip == 1)?;
        let (style, shapes, plain_shapes) = match style {
            "currency" => {
                let sign = currency_sign(locale, currency, display);
                let shapes = currency_shapes(locale, &sign, accounting);
                (Style::Currency(sign), shapes, shapes_for(locale, accounting, false))
            }
            _ => {
                let percent = style == "percent";
                let first = if percent { 3 } else { 0 };
                let shapes = [first, first + 1, first + 2].map(|at| locale.cell("signed", at));
                (if percent { Style::Percent } else { Style::Decimal }, shapes, shapes)
            }
        };
        let marks = if matches!(style, Style::Currency(_)) { "money" } else { "numbers" };
        let size = |at| locale.cell(marks, at).parse().unwrap_or(3);
        let general = |at| locale.cell("numbers", at);
        Some(NumberFormat {
            style,
            least_integer,
            rounding,
            grouping: match grouping {
                0 => Grouping::Never,
                2 => Grouping::Always,
                3 => Grouping::FromFive,
                _ => Grouping::Usual,
            },
            sign: match sign {
                1 => Sign::Never,
                2 => Sign::Always,
                3 => Sign::ExceptZero,
                4 => Sign::Negative,
                _ => Sign::Auto,
            },
            decimal: locale.cell(marks, 0),
            group: locale.cell(marks, 1),
            groups: [size(2), size(3), size(4)],
            signs: [5, 6, 7].map(general),
            nan: general(8),
            infinity: general(9),
            shapes,
            plain_shapes,
            digits: locale.cells("digits").collect(),
            compact,
        })
    }

    /// The parts of a number as JavaScript writes it.
    pub(super) fn parts(&self, text: &str) -> Option<Vec<Part>> {
        let negative = text.starts_with('-');
        let mut pattern = "{n}";
        let (body, is_zero) = match text.trim_start_matches('-') {
            "NaN" => (vec![("nan", self.nan.to_owned())], true),
            "Infinity" => (vec![("infinity", self.infinity.to_owned())], false),
            number => {
                let mut number = Decimal::parse(number)?;
                if matches!(self.style, Style::Percent) {
                    number.shift(2);
                }
                match &self.compact {
                    Some(compact) => {
                        let patterns = compact.shorten(&mut number, &self.rounding, negative);
                        let shown = number.plain();
                        let plural = words::plural(&compact.rules, &shown);
                        let find =
                            |name: &str| patterns.chunks_exact(2).find(|pair| pair[0] == name);
                        let last = || patterns.chunks_exact(2).next_back();
                        let fits = find(&shown).or_else(|| find(plural)).or_else(last);
                        pattern = fits.map_or(pattern, |pair| pair[1]);
                    }
                    None => number.round(&self.rounding, negative),
                }
                (self.body(&number), number.is_zero())
            }
        };
        let negative = negative && text != "-NaN";
        let shape = match (&self.sign, negative, is_zero) {
            (Sign::Never, ..) => 0,
            (Sign::Negative | Sign::ExceptZero, _, true) => 0,
            (_, true, _) => 1,
            (Sign::Always | Sign::ExceptZero, false, _) => 2,
            _ => 0,
        };
        let is_number = body.first().is_some_and(|(kind, _)| *kind == "integer");
        let shapes = if is_number { &self.shapes } else { &self.plain_shapes };
        Some(self.shaped(&shapes.get(shape)?.replace("{n}", pattern), body))
    }

    fn body(&self, number: &Decimal) -> Vec<Part> {
        let usual = self.compact.as_ref().is_some_and(|compact| compact.usual_digits);
        let short = usual.then(|| self.rounding.short(number));
        let rounding = short.as_ref().unwrap_or(&self.rounding);
        let (integer, fraction) = number.print(self.least_integer, rounding);
        let mut parts: Vec<Part> = Vec::new();
        let (last, others, first) = (self.groups[0], self.groups[1], self.groups[2]);
        let least_first = match self.grouping {
            Grouping::Never => usize::MAX,
            Grouping::Usual => first,
            Grouping::Always => 1,
            Grouping::FromFive => first.max(2),
        };
        let grouped = integer.len() >= last.saturating_add(least_first);
        let mut start = 0;
        for (at, _) in integer.char_indices().skip(1) {
            let left = integer.len() - at;
            if grouped && left >= last && (left - last).is_multiple_of(others.max(1)) {
                parts.push(("integer", self.own(integer.get(start..at).unwrap_or_default())));
                parts.push(("group", self.group.to_owned()));
                start = at;
            }
        }
        parts.push(("integer", self.own(integer.get(start..).unwrap_or_default())));
        if !fraction.is_empty() {
            parts.push(("decimal", self.decimal.to_owned()));
            parts.push(("fraction", self.own(&fraction)));
        }
        parts
    }

    fn own(&self, text: &str) -> String {
        digits(text, &self.digits)
    }

    fn shaped(&self, shape: &str, body: Vec<Part>) -> Vec<Part> {
        let mut parts = Vec::with_capacity(body.len() + 2);
        let mut body = Some(body);
        let mut rest = shape;
        let literal = |parts: &mut Vec<Part>, text: &str| {
            if !text.is_empty() {
                parts.push(("literal", text.to_owned()));
            }
        };
        while let Some((text, behind)) = rest.split_once('{') {
            literal(&mut parts, text);
            let (name, behind) = behind.split_once('}').unwrap_or((behind, ""));
            rest = behind;
            let [minus, plus, percent] = self.signs;
            match (name, &self.style) {
                ("n", _) => parts.extend(body.take().unwrap_or_default()),
                ("-", _) => parts.push(("minusSign", minus.to_owned())),
                ("+", _) => parts.push(("plusSign", plus.to_owned())),
                ("%", _) => parts.push(("percentSign", percent.to_owned())),
                (name, _) if name.starts_with('k') => {
                    parts.push(("compact", name.get(1..).unwrap_or_default().to_owned()));
                }
                (_, Style::Currency(sign)) => parts.push(("currency", sign.clone())),
                _ => {}
            }
        }
        literal(&mut parts, rest);
        parts
    }
}

/// What stands for a currency.
fn currency_sign(locale: &Locale, currency: &str, display: &str) -> String {
    let list = match display {
        "symbol" => "symbols",
        "narrowSymbol" => "narrow",
        _ => return currency.to_owned(),
    };
    after(locale.cells(list), currency).unwrap_or(currency).to_owned()
}

/// A sign of letters keeps off the number, where one such as `$` need not.
fn currency_shapes(locale: &Locale, sign: &str, accounting: bool) -> [&'static str; 3] {
    let plain = shapes_for(locale, accounting, false);
    let in_front = plain[0].find("{c}") < plain[0].find("{n}");
    let nearest = if in_front { sign.chars().next_back() } else { sign.chars().next() };
    let letters = nearest.is_some_and(|c| c.is_alphabetic() || c == '.' || c == '\'');
    if letters { shapes_for(locale, accounting, true) } else { plain }
}

fn shapes_for(locale: &Locale, accounting: bool, letters: bool) -> [&'static str; 3] {
    let first = (usize::from(letters) * 2 + usize::from(accounting)) * 3;
    [first, first + 1, first + 2].map(|at| locale.cell("moneyshapes", at))
}

/// How many digits a currency has behind the point.
pub(super) fn currency_digits(currency: &str) -> u32 {
    after(common("currencies"), currency).and_then(|digits| digits.parse().ok()).unwrap_or(2)
}
