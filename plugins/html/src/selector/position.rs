//! `Position`: positions among all elements that are selected so far, such as `:first`.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Position {
    First,
    Last,
    Even,
    Odd,
    /// From the end if it is negative; so are the others.
    At(i64),
    Before(i64),
    After(i64),
    /// The number is missing.
    None,
}

impl Position {
    /// The position with this name; `None` if it is no position.
    pub(super) fn named(name: &str, argument: Option<&str>) -> Option<Self> {
        let with = |position: fn(i64) -> Self| {
            Some(argument.and_then(number).map_or(Position::None, position))
        };
        match name {
            "first" => Some(Position::First),
            "last" => Some(Position::Last),
            "even" => Some(Position::Even),
            "odd" => Some(Position::Odd),
            "eq" | "nth" => with(Position::At),
            "lt" => with(Position::Before),
            "gt" => with(Position::After),
            _ => None,
        }
    }

    /// Whether the element at `at` of `count` is included.
    pub(super) fn includes(self, at: usize, count: usize) -> bool {
        let (at, count) = (at as i64, count as i64);
        let absolute = |position: i64| if position < 0 { count + position } else { position };
        match self {
            Position::First => at == 0,
            Position::Last => at == count - 1,
            Position::Even => at % 2 == 0,
            Position::Odd => at % 2 == 1,
            Position::At(position) => at == absolute(position),
            // As in Node-RED's library, a negative limit is none.
            Position::Before(limit) => limit < 0 || at < limit,
            Position::After(limit) => at > absolute(limit.saturating_add(1)) - 1,
            Position::None => false,
        }
    }
}

/// The number at the beginning, as `parseInt` reads it.
fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
    text.get(..sign + digits)?.parse().ok()
}
