//! `$number`, `$formatBase` and `$formatNumber`: accepted texts and rounding.

use ferrowire_core::{Value, number_to_string};
use jsonata_core::functions::numeric;
use jsonata_core::value::JValue;

use super::super::guard::failed;
use super::{Found, mistyped};
use ferrowire_expression::javascript;

/// 2^53: above, not every integer is a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

pub(super) fn number(args: &[JValue]) -> Found {
    let text = match args.first() {
        None | Some(JValue::Undefined) => return Ok(JValue::Undefined),
        Some(JValue::String(text)) => text,
        Some(value @ (JValue::Number(_) | JValue::Bool(_))) => {
            return numeric::number(value).map_err(Into::into);
        }
        Some(_) => return Err(mistyped("number", 1)),
    };
    let number = match is_decimal(text) || has_radix(text) {
        true => javascript::number(Some(&Value::from(&**text))),
        false => f64::NAN,
    };
    if !number.is_finite() {
        return Err(failed(format!("D3030: invalid number `{text}`")));
    }
    Ok(JValue::Number(number))
}

/// Whether the text is a JSON number; leading zeros are allowed.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((text, exponent)) => (text, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (text, "0"),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    digits(whole) && digits(fraction) && digits(exponent)
}

fn has_radix(text: &str) -> bool {
    text.strip_prefix('0').is_some_and(|rest| rest.starts_with(['x', 'X', 'o', 'O', 'b', 'B']))
}

/// The number at `at`; `None` if it is missing or `undefined`.
fn optional(name: &str, args: &[JValue], at: usize) -> Result<Option<f64>, super::EvaluatorError> {
    match args.get(at) {
        None | Some(JValue::Undefined) => Ok(None),
        Some(JValue::Number(number)) => Ok(Some(*number)),
        Some(_) => Err(mistyped(name, at + 1)),
    }
}

pub(super) fn digits(args: &[JValue]) -> Found {
    let Some(number) = optional("formatBase", args, 0)? else { return Ok(JValue::Undefined) };
    let radix = optional("formatBase", args, 1)?.unwrap_or(10.0).round_ties_even();
    if !(2.0..=36.0).contains(&radix) {
        return Err(failed(format!("D3100: invalid radix {radix}, expected 2 to 36")));
    }
    // Removes the sign of zero.
    let number = number.round_ties_even() + 0.0;
    if radix == 10.0 {
        return Ok(JValue::string(number_to_string(number)));
    }
    Ok(JValue::string(in_base(number, radix)))
}

/// The digits of an integer; those beyond the precision of a double are 0.
fn in_base(number: f64, radix: f64) -> String {
    let mut rest = number.abs();
    let mut digits = Vec::new();
    while rest / radix >= EXACT {
        digits.push('0');
        rest /= radix;
    }
    rest = rest.trunc();
    loop {
        let digit = rest % radix;
        digits.push(char::from_digit(digit as u32, radix as u32).unwrap_or('0'));
        rest = (rest - digit) / radix;
        if rest <= 0.0 {
            break;
        }
    }
    if number < 0.0 {
        digits.push('-');
    }
    digits.iter().rev().collect()
}

/// The interpreter treats numbers close to a half as halves, so numbers are rounded before.
pub(super) fn picture(args: &[JValue]) -> Found {
    let Some(number) = optional("formatNumber", args, 0)? else { return Ok(JValue::Undefined) };
    let picture = match args.get(1) {
        Some(JValue::String(picture)) => picture,
        _ => return Err(mistyped("formatNumber", 2)),
    };
    let options = args.get(2).filter(|options| !matches!(options, JValue::Undefined));
    if options.is_some_and(|options| !matches!(options, JValue::Object(_))) {
        return Err(mistyped("formatNumber", 3));
    }
    // The interpreter reports errors in the picture.
    let format = Format::of(picture, number < 0.0, options);
    let number = format.map_or(number, |format| format.round(number));
    numeric::format_number(number, picture, options).map_err(Into::into)
}

/// The parts of a picture that affect rounding.
struct Format {
    /// The minimum number of digits before the decimal separator.
    whole: i32,
    /// The maximum number of digits after the decimal separator.
    fraction: i32,
    /// The power of ten for percent and per mille.
    scale: i32,
    exponent: bool,
}

impl Format {
    /// `None` for other than ASCII digits, which are left to the interpreter.
    fn of(picture: &str, negative: bool, options: Option<&JValue>) -> Option<Self> {
        let options = options.and_then(JValue::as_object);
        let option = |name: &str, default| match options.and_then(|options| options.get(name)) {
            Some(JValue::String(text)) => text.chars().next(),
            _ => Some(default),
        };
        option("zero-digit", '0').filter(|zero| *zero == '0')?;
        let (point, group) =
            (option("decimal-separator", '.')?, option("grouping-separator", ',')?);
        let (percent, per_mille) = (option("percent", '%')?, option("per-mille", '\u{2030}')?);
        let mut pictures = picture.split(';');
        let first = pictures.next()?;
        let picture = pictures.next().filter(|_| negative).unwrap_or(first);
        let scale = match first {
            _ if first.contains(percent) => 2,
            _ if first.contains(per_mille) => 3,
            _ => 0,
        };
        let is_active = |c: char| c.is_ascii_digit() || c == '#' || c == point || c == group;
        let active = picture.get(picture.find(is_active)?..=picture.rfind(is_active)?)?;
        let (mantissa, exponent) = match active.split_once(['e', 'E']) {
            Some((mantissa, _)) => (mantissa, true),
            None => (active, false),
        };
        let (whole, fraction) = mantissa.split_once(point).unwrap_or((mantissa, ""));
        let whole = whole.bytes().filter(u8::is_ascii_digit).count() as i32;
        let mut shown =
            fraction.bytes().filter(|c| c.is_ascii_digit() || *c == b'#').count() as i32;
        if whole == 0 && shown == 0 && exponent {
            shown = 1;
        }
        Some(Format { whole, fraction: shown, scale, exponent })
    }

    fn round(&self, number: f64) -> f64 {
        if number == 0.0 || !number.is_finite() {
            return number;
        }
        let number = match self.scale {
            0 => number,
            places => number * 10_f64.powi(places),
        };
        let rounded = if self.exponent { self.mantissa(number) } else { self.rounded(number) };
        shifted(rounded, -self.scale)
    }

    /// A number that rounds to zero is returned unchanged, to keep its sign.
    fn rounded(&self, number: f64) -> f64 {
        let rounded = shifted(number, self.fraction).round_ties_even();
        if rounded == 0.0 { number } else { shifted(rounded, -self.fraction) }
    }

    /// The number with a rounded mantissa.
    fn mantissa(&self, number: f64) -> f64 {
        let (least, most) = (10_f64.powi(self.whole - 1), 10_f64.powi(self.whole));
        let (mut mantissa, mut exponent) = (number, 0);
        while mantissa.abs() < least {
            mantissa *= 10.0;
            exponent -= 1;
        }
        while mantissa.abs() > most {
            mantissa /= 10.0;
            exponent += 1;
        }
        // Strictly within the bounds, so that the interpreter computes the same exponent.
        let rounded = self.rounded(mantissa);
        let inside = match rounded.abs() {
            size if size >= most => rounded * (1.0 - 1e-12),
            size if size <= least => rounded * (1.0 + 1e-12),
            _ => rounded,
        };
        shifted(inside, exponent)
    }
}

/// Multiplies by a power of ten in decimal, without the rounding error of a product.
fn shifted(number: f64, places: i32) -> f64 {
    let text = format!("{number:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return number };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    format!("{digits}e{}", exponent + places).parse().unwrap_or(number)
}
