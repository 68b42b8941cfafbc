//! What is no element: comments, CDATA, document types, processing instructions.

use ferrowire::NodeError;

use super::{Event, Scanner};

impl Scanner<'_> {
    /// Reads what begins with `<!`.
    pub(super) fn read_declaration(&mut self) -> Result<(), NodeError> {
        if self.skips("--") {
            self.read_comment()
        } else if self.skips("[CDATA[") {
            self.read_cdata()
        } else if self.skips("DOCTYPE") {
            self.read_doctype()
        } else {
            self.take_through(">")?;
            self.end_content();
            Ok(())
        }
    }

    /// Whether the text goes on with `word`, which is then skipped.
    fn skips(&mut self, word: &str) -> bool {
        let next = self.rest().as_bytes().get(..word.len());
        let is_next = next.is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()));
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn read_comment(&mut self) -> Result<(), NodeError> {
        loop {
            self.take_through("--")?;
            if self.bump_or_end()? == '>' {
                self.end_content();
                return Ok(());
            }
            self.complain("Malformed comment")?;
        }
    }

    fn read_cdata(&mut self) -> Result<(), NodeError> {
        let text = self.take_through("]]>")?;
        self.end_content();
        if !text.is_empty() {
            self.add(Event::CData(text.to_owned()));
        }
        Ok(())
    }

    /// Skips a document type. Its entities are not known.
    fn read_doctype(&mut self) -> Result<(), NodeError> {
        if self.has_doctype || self.saw_root {
            self.complain("Inappropriately located doctype declaration")?;
        }
        self.has_doctype = true;
        let mut is_inside = false;
        loop {
            match self.bump_or_end()? {
                '>' if !is_inside => {
                    self.end_content();
                    return Ok(());
                }
                '[' => is_inside = true,
                ']' => is_inside = false,
                '"' => drop(self.take_through("\"")?),
                '\'' => drop(self.take_through("'")?),
                '<' if is_inside && self.skips("!--") => drop(self.take_through("-->")?),
                _ => {}
            }
        }
    }

    pub(super) fn read_instruction(&mut self) -> Result<(), NodeError> {
        self.take_through("?>")?;
        self.end_content();
        Ok(())
    }
}
