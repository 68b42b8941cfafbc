//! The lines around an error.

/// So many lines are shown before the one with the error, and after it.
const BEFORE: usize = 3;
const AFTER: usize = 2;

/// The maximum width of what is shown.
const WIDTH: usize = 79;

/// The lines around a place, which is marked; lines and columns count from 1.
pub(super) fn around(text: &str, line: usize, column: usize) -> String {
    let first = line.saturating_sub(BEFORE + 1);
    let lines: Vec<&str> = text.lines().skip(first).take(BEFORE + 1 + AFTER).collect();
    let digits = (first + lines.len()).to_string().len();
    let mut shown = String::new();
    for (number, text) in (first + 1..).zip(lines) {
        let part = Part::of(text, column, WIDTH.saturating_sub(digits + 4));
        shown.push_str(&format!(" {number:>digits$} | {}\n", part.text));
        if number == line {
            shown.push_str(&format!("{}^\n", "-".repeat(digits + 4 + part.before)));
        }
    }
    shown.truncate(shown.trim_end_matches('\n').len());
    shown
}

/// What is shown of a line.
struct Part {
    text: String,
    /// So many characters are before the place.
    before: usize,
}

impl Part {
    /// The part around `column` that is at most `width` wide.
    fn of(line: &str, column: usize, width: usize) -> Self {
        let (half, at) = (width / 2 - 1, column.saturating_sub(1));
        let head = if at > half { " ... " } else { "" };
        let start = if at > half { at - half + head.len() } else { 0 };
        let rest = line.chars().skip(start);
        let is_cut = line.chars().nth(at + half).is_some();
        let tail = if is_cut { " ..." } else { "" };
        let end = if is_cut { at + half - tail.len() } else { usize::MAX };
        let shown = rest.take(end.saturating_sub(start)).map(|c| if c == '\t' { '→' } else { c });
        let text = format!("{head}{}{tail}", shown.collect::<String>());
        Part { text, before: at - start + head.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_marked_in_its_line() {
        assert_eq!(around("a: b: c", 1, 5), " 1 | a: b: c\n---------^");
        let text = "a\nb\nc\nd\te\nf\ng\nh\n";
        let shown = " 1 | a\n 2 | b\n 3 | c\n 4 | d→e\n-------^\n 5 | f\n 6 | g";
        assert_eq!(around(text, 4, 3), shown);
        assert_eq!(around("", 1, 1), "");
    }

    #[test]
    fn long_lines_are_cut() {
        let line = format!("{}X{}", "a".repeat(100), "b".repeat(100));
        let shown = around(&line, 1, 101);
        let (text, mark) = shown.split_once('\n').unwrap();
        assert!(text.starts_with(" 1 |  ... aaa") && text.ends_with("bbb ..."), "{text}");
        assert_eq!(text.find('X'), mark.find('^'));
        assert!(text.len() <= WIDTH, "{text}");
        assert!(around(&"x".repeat(1 << 20), 1, 1 << 20).len() < 200);
    }
}
