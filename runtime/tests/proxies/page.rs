//! The configurations in `docs/proxies.md`.

/// The page.
const PAGE: &str = include_str!("../../../docs/proxies.md");

/// A configuration of the page, perhaps edited.
pub(crate) struct Snippet(String);

impl Snippet {
    /// The code block of the page in this language.
    pub(crate) fn of(language: &str) -> Self {
        let fence = format!("```{language}\n");
        let (_, rest) = PAGE.split_once(&fence).unwrap();
        Snippet(rest.split_once("```").unwrap().0.to_owned())
    }

    /// With another text for each `from`, of which there must be at least one.
    pub(crate) fn with(self, from: &str, to: &str) -> Self {
        assert!(self.0.contains(from), "`{from}` is not in:\n{}", self.0);
        Snippet(self.0.replace(from, to))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// With the replacement that the row of a server in the page's table tells.
    pub(crate) fn with_row(self, server: &str) -> Self {
        let row = PAGE.lines().find_map(|line| line.strip_prefix(&format!("| {server} | `")));
        let (from, to) = row.unwrap().strip_suffix("` |").unwrap().split_once("` | `").unwrap();
        self.with(from, to)
    }
}
