//! `Nth`: places among siblings, such as `:nth-child(2n+1)`.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Nth {
    pub(super) of_type: bool,
    pub(super) from_end: bool,
    /// Every so many siblings.
    step: i64,
    /// From this one on, counted from 1.
    first: i64,
}

impl Nth {
    /// The first or the last sibling.
    pub(super) fn first(of_type: bool, from_end: bool) -> Self {
        Nth { of_type, from_end, step: 0, first: 1 }
    }

    /// Reads `2n+1`, `odd` and the like.
    ///
    /// # Errors
    /// If it is something else.
    pub(super) fn parse(text: &str, of_type: bool, from_end: bool) -> Result<Self, String> {
        let formula = text.trim().to_lowercase();
        let (step, first) = match formula.as_str() {
            "even" => Some((2, 0)),
            "odd" => Some((2, 1)),
            formula => parts(formula),
        }
        .ok_or_else(|| format!("n-th rule couldn't be parsed ('{text}')"))?;
        Ok(Nth { of_type, from_end, step, first })
    }

    /// Whether a sibling is meant, which has so many before it, or after it.
    pub(super) fn matches(&self, place: usize) -> bool {
        let distance = place as i64 + 1 - self.first;
        match self.step {
            0 => distance == 0,
            step => distance % step == 0 && distance / step >= 0,
        }
    }
}

/// The two numbers of `2n + 1`.
fn parts(formula: &str) -> Option<(i64, i64)> {
    let number = |text: &str| {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
        let is_short = digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_short { text.parse().ok() } else { None }
    };
    let Some((step, first)) = formula.split_once('n') else { return Some((0, number(formula)?)) };
    let step = match step.trim() {
        "" | "+" => 1,
        "-" => -1,
        step => number(step)?,
    };
    let first = first.trim();
    match first {
        "" => Some((step, 0)),
        first if first.starts_with(['+', '-']) => Some((step, number(first)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_choose_siblings() {
        for (text, expected) in [
            ("odd", vec![1, 3, 5]),
            ("EVEN", vec![2, 4]),
            ("3", vec![3]),
            (" 2n + 1 ", vec![1, 3, 5]),
            ("-n+2", vec![1, 2]),
            ("n", vec![1, 2, 3, 4, 5]),
            ("3n-1", vec![2, 5]),
            ("0n+4", vec![4]),
            ("n+4", vec![4, 5]),
        ] {
            let nth = Nth::parse(text, false, false).unwrap();
            let chosen: Vec<_> = (1..=5).filter(|place| nth.matches(place - 1)).collect();
            assert_eq!(chosen, expected, "{text}");
        }
        for text in ["", "x", "2n+", "2n3", "n n", "99999999999"] {
            assert!(Nth::parse(text, false, false).is_err(), "{text}");
        }
    }
}
