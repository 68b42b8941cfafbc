//! `Source`: splits a text at what has a meaning.

pub(super) struct Source<'a> {
    text: &'a str,
    separator: &'a [u8],
    at: usize,
    /// Where the last mark begins.
    mark: usize,
}

/// What may have a meaning, which it has not within quotes.
pub(super) enum Mark {
    Quote,
    Separator,
    LineEnd,
    /// It only begins like a separator.
    Other,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, separator: &'a str, start: usize) -> Self {
        Source { text, separator: separator.as_bytes(), at: start, mark: start }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The text before the next mark.
    pub(super) fn plain(&mut self) -> &'a str {
        let (rest, first) = (self.rest(), self.separator.first().copied());
        let is_mark = |byte| matches!(byte, b'"' | b'\r' | b'\n') || Some(byte) == first;
        let end = rest.bytes().position(is_mark).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// The mark that comes next.
    pub(super) fn mark(&mut self) -> Option<Mark> {
        self.mark = self.at;
        let rest = self.rest();
        if rest.as_bytes().starts_with(self.separator) {
            self.at += self.separator.len();
            return Some(Mark::Separator);
        }
        let next = rest.chars().next()?;
        self.at += next.len_utf8();
        Some(match next {
            '"' => Mark::Quote,
            '\r' | '\n' => Mark::LineEnd,
            _ => Mark::Other,
        })
    }

    /// The text of the last mark.
    pub(super) fn mark_text(&self) -> &'a str {
        self.text.get(self.mark..self.at).unwrap_or_default()
    }

    /// What comes right before the last mark.
    fn before(&self) -> &'a [u8] {
        self.text.as_bytes().get(..self.mark).unwrap_or_default()
    }

    pub(super) fn follows_quote(&self) -> bool {
        self.before().ends_with(b"\"")
    }

    pub(super) fn follows_separator(&self) -> bool {
        self.before().ends_with(self.separator)
    }

    /// The last mark begins the text or a line.
    pub(super) fn begins_line(&self) -> bool {
        matches!(self.before().last(), None | Some(b'\n'))
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }
}
