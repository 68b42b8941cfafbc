//! `Help`: the help of a node set, by language.

use std::collections::BTreeMap;

use super::locales::{ENGLISH, tags};
use super::markup::HELP;

/// The help of the types of a node set: HTML with an element for each type, by language.
#[derive(Clone, Debug, Default)]
pub(crate) struct Help(BTreeMap<String, String>);

impl Help {
    /// Moves the help out of `html`. An element without a language is English.
    pub(crate) fn take_from(&mut self, html: &str) -> String {
        for element in HELP.iter(html) {
            self.add(element.language().unwrap_or(ENGLISH), element.html);
        }
        HELP.retain(html, |_| false)
    }

    pub(crate) fn add(&mut self, language: &str, html: &str) {
        self.0.entry(language.to_owned()).or_default().push_str(html);
    }

    /// Removes the help of types that `is_wanted` rejects.
    pub(crate) fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        for html in self.0.values_mut() {
            *html = HELP.retain(html, &is_wanted);
        }
    }

    /// The help in `language`, or else in its base language, or else in English.
    pub(crate) fn find(&self, language: &str) -> &str {
        let found = tags(language).chain([ENGLISH]).find_map(|tag| self.0.get(tag));
        found.map_or("", String::as_str)
    }

    /// Appends `more` to the help of its types. Where one of the two lacks a language, its English
    /// help is shown beside the other's.
    pub(crate) fn append(&mut self, more: &Help) {
        let languages: Vec<String> = self.0.keys().chain(more.0.keys()).cloned().collect();
        let extended = languages.into_iter().map(|language| {
            let mut html = self.find(&language).to_owned();
            for element in HELP.iter(more.find(&language)) {
                if !HELP.append(&mut html, element.node_type, element.content) {
                    html.push_str(element.html);
                }
            }
            (language, html)
        });
        self.0 = extended.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(texts: &[(&str, &str)]) -> Help {
        let mut help = Help::default();
        for (language, text) in texts {
            help.add(language, &format!("<script data-help-name=\"one\">{text}</script>"));
        }
        help
    }

    #[test]
    fn appended_help_is_in_the_language_of_the_editor_or_else_english() {
        let mut all = help(&[("en-US", "A"), ("de", "B"), ("fr", "C")]);
        all.append(&help(&[("en-US", "+a"), ("de", "+b"), ("ja", "+d")]));
        for (language, expected) in
            [("en-US", "A+a"), ("de-AT", "B+b"), ("fr", "C+a"), ("ja", "A+d"), ("ko", "A+a")]
        {
            let html = all.find(language);
            assert_eq!(html, format!("<script data-help-name=\"one\">{expected}</script>"));
        }
    }

    #[test]
    fn help_of_a_type_that_has_none_is_added_whole() {
        let mut all = help(&[("en-US", "A")]);
        let mut more = Help::default();
        more.add("en-US", "<script data-help-name=\"two\">B</script>");
        all.append(&more);
        assert!(all.find("en-US").ends_with("A</script><script data-help-name=\"two\">B</script>"));
    }
}
