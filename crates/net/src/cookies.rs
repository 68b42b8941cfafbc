//! The `Cookie` header.

/// The pairs of a `Cookie` header, values without quotes but not decoded. Of duplicate names the
/// first wins.
pub fn parse_cookies(header: &str) -> Vec<(&str, &str)> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for part in header.split(';') {
        let Some((name, value)) = part.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        if !pairs.iter().any(|(known, _)| *known == name) {
            pairs.push((name, unquoted.unwrap_or(value)));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_told_apart() {
        assert_eq!(
            parse_cookies("a=1; b=\"two\";c = x=y ; nothing; a=2"),
            [("a", "1"), ("b", "two"), ("c", "x=y")]
        );
    }
}
