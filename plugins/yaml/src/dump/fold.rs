//! Folded blocks: long lines are broken at blanks, and a line break becomes two.

/// The lines of a folded block, where `width` counts UTF-16 units.
pub(super) fn folded(text: &str, width: usize) -> String {
    let mut result = String::with_capacity(text.len());
    let mut lines = text.split('\n').peekable();
    fold_line(lines.next().unwrap_or_default(), width, &mut result);
    // Breaks beside a line that begins with a blank stay what they are.
    let mut is_indented = text.starts_with(['\n', ' ']);
    let mut breaks = 0;
    for line in lines {
        breaks += 1;
        if line.is_empty() {
            continue;
        }
        let indents = line.starts_with(' ');
        let extra = usize::from(!is_indented && !indents);
        result.extend(std::iter::repeat_n('\n', breaks + extra));
        fold_line(line, width, &mut result);
        (is_indented, breaks) = (indents, 0);
    }
    result.extend(std::iter::repeat_n('\n', breaks));
    result
}

/// Breaks a line at the last blank before `width`, or else at the next one.
fn fold_line(line: &str, width: usize, to: &mut String) {
    if line.starts_with(' ') {
        to.push_str(line);
        return;
    }
    // Where a part begins, where it may end, and the column of both.
    let (mut start, mut begin) = (0, 0);
    let mut last: Option<(usize, usize)> = None;
    let mut column = 0;
    let mut characters = line.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let may_break = c == ' ' && characters.peek().is_some_and(|(_, next)| *next != ' ');
        if may_break {
            if column - begin > width {
                let end = last.take().unwrap_or((at, column));
                push_part(line, start, end.0, to);
                (start, begin) = (end.0 + 1, end.1 + 1);
            }
            // A break at the place just used does not count again.
            last = (at >= start).then_some((at, column));
        }
        column += c.len_utf16();
    }
    if let Some((at, _)) = last.filter(|_| column - begin > width) {
        push_part(line, start, at, to);
        start = at + 1;
    }
    to.push_str(line.get(start..).unwrap_or_default());
}

fn push_part(line: &str, start: usize, end: usize, to: &mut String) {
    to.push_str(line.get(start..end).unwrap_or_default());
    to.push('\n');
}
