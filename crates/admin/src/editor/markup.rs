//! The form templates and the help in the HTML of node sets.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Form templates: `<script type="text/html" data-template-name="TYPE">…</script>`.
pub(crate) static FORMS: LazyLock<Elements> = LazyLock::new(|| Elements::new("data-template-name"));

/// Help: `<script type="text/html" data-help-name="TYPE">…</script>`.
pub(crate) static HELP: LazyLock<Elements> = LazyLock::new(|| Elements::new("data-help-name"));

static LANGUAGE: LazyLock<Regex> =
    LazyLock::new(|| expression(r#"(?i)^<script[^>]*\sdata-lang\s*=\s*['"]([^'"]+)['"]"#));

static TEXT_KEYS: LazyLock<Regex> =
    LazyLock::new(|| expression(r#"(?i)(\sdata-i18n\s*=\s*)(?:"([^"]*)"|'([^']*)')"#));

#[expect(clippy::expect_used, reason = "the expressions are constants")]
fn expression(text: &str) -> Regex {
    Regex::new(text).expect("a valid expression")
}

/// `script` elements that belong to node types, which one of their attributes names.
#[derive(Debug)]
pub(crate) struct Elements(Regex);

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) node_type: &'a str,
    pub(crate) content: &'a str,
    /// The whole element.
    pub(crate) html: &'a str,
}

impl Elements {
    fn new(attribute: &str) -> Self {
        Elements(expression(&format!(
            r#"(?is)<script\s[^>]*{attribute}\s*=\s*['"]([^'"]*)['"][^>]*>(.*?)</script>"#
        )))
    }

    pub(crate) fn iter<'a>(&self, html: &'a str) -> impl Iterator<Item = Element<'a>> {
        self.0.captures_iter(html).map(|found| element(&found))
    }

    /// `html` without the elements that `is_wanted` rejects.
    pub(crate) fn retain(&self, html: &str, is_wanted: impl Fn(&str) -> bool) -> String {
        let kept = |found: &Captures<'_>| match is_wanted(&found[1]) {
            true => found[0].to_owned(),
            false => String::new(),
        };
        self.0.replace_all(html, kept).into_owned()
    }

    /// Appends `content` to the content of the first element of `node_type`. Returns whether there
    /// is one.
    pub(crate) fn append(&self, html: &mut String, node_type: &str, content: &str) -> bool {
        let mut all = self.0.captures_iter(html);
        let found = all.find(|found| &found[1] == node_type).and_then(|found| found.get(2));
        let Some(end) = found.map(|found| found.end()) else { return false };
        drop(all);
        html.insert_str(end, content);
        true
    }
}

fn element<'a>(found: &Captures<'a>) -> Element<'a> {
    let group = |at| found.get(at).map_or("", |group| group.as_str());
    Element { node_type: group(1), content: group(2), html: group(0) }
}

impl<'a> Element<'a> {
    /// What `data-lang` says, if it is there.
    pub(crate) fn language(&self) -> Option<&'a str> {
        LANGUAGE.captures(self.html)?.get(1).map(|language| language.as_str())
    }
}

/// Puts a namespace before the keys of `data-i18n` attributes that have none. The editor would look
/// for them in the catalog of the set that the form belongs to.
pub(crate) fn with_namespace(html: &str, namespace: &str) -> String {
    let qualified = |key: &str| match key.rsplit_once(']') {
        _ if key.is_empty() || key.contains(':') => key.to_owned(),
        Some((attribute, key)) => format!("{attribute}]{namespace}:{key}"),
        None => format!("{namespace}:{key}"),
    };
    let replace = |found: &Captures<'_>| {
        let keys = found.get(2).or(found.get(3)).map_or("", |keys| keys.as_str());
        let keys: Vec<String> = keys.split(';').map(|key| qualified(key.trim())).collect();
        format!(r#"{}"{}""#, &found[1], keys.join(";"))
    };
    TEXT_KEYS.replace_all(html, replace).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_appended_to_the_form_of_their_type_only() {
        let form = |name: &str| {
            format!(r#"<script type="text/html" data-template-name="{name}"><p></p></script>"#)
        };
        let mut html = format!("{}\n{}", form("one"), form("two"));
        assert!(FORMS.append(&mut html, "two", "<b></b>"));
        assert!(!FORMS.append(&mut html, "three", "<b></b>"));
        let extended = form("two").replace("<p></p>", "<p></p><b></b>");
        assert_eq!(html, format!("{}\n{extended}", form("one")));
    }

    #[test]
    fn keys_without_a_namespace_get_that_of_the_part() {
        let html = r#"<i data-i18n="a.b"></i><i data-i18n='[title]c; [html]node-red:d;e'></i>
            <i data-i18n=""></i><i title="data-i18n" class="f"></i>"#;
        let expected = r#"<i data-i18n="x/y:a.b"></i><i data-i18n="[title]x/y:c;[html]node-red:d;x/y:e"></i>
            <i data-i18n=""></i><i title="data-i18n" class="f"></i>"#;
        assert_eq!(with_namespace(html, "x/y"), expected);
    }
}
