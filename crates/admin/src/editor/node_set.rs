//! `NodeSet`: the editor's part of some node types: their HTML, split as the editor wants it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ferrowire_core::{EditorPart, Map, Value};
use regex::Regex;

/// The language of help that does not name one.
pub(crate) const ENGLISH: &str = "en-US";

/// The texts of a regular expression, which is right or found out by the first test.
#[expect(clippy::expect_used, reason = "the expressions are constants")]
fn expression(text: &str) -> Regex {
    Regex::new(text).expect("a valid expression")
}

static TEMPLATE: LazyLock<Regex> = LazyLock::new(|| {
    expression(r#"(?is)<script\s[^>]*data-template-name\s*=\s*['"]([^'"]*)['"].*?</script>"#)
});
static HELP: LazyLock<Regex> = LazyLock::new(|| {
    expression(r#"(?is)<script\s[^>]*data-help-name\s*=\s*['"]([^'"]*)['"].*?</script>"#)
});
static LANGUAGE: LazyLock<Regex> =
    LazyLock::new(|| expression(r#"(?i)^<script[^>]*\sdata-lang\s*=\s*['"]([^'"]+)['"]"#));

/// A unit of the palette.
#[derive(Debug)]
pub(crate) struct NodeSet {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// The types that it defines here.
    pub(crate) types: Vec<String>,
    /// Forms and definitions.
    pub(crate) html: String,
    /// Help by language.
    help: BTreeMap<String, String>,
    /// Texts by language; Node-RED's own nodes have theirs elsewhere.
    pub(crate) catalogs: BTreeMap<String, Map>,
}

impl NodeSet {
    /// A set of Node-RED's: its HTML and the help in other languages. Types that `has` does not
    /// know are taken out, so that nobody can put them into a flow.
    pub(crate) fn of_node_red(
        name: &str,
        version: &str,
        html: &str,
        help: impl Iterator<Item = (String, String)>,
        has: impl Fn(&str) -> bool,
    ) -> Self {
        let all: Vec<String> =
            TEMPLATE.captures_iter(html).map(|found| found[1].to_owned()).collect();
        let (types, missing): (Vec<String>, Vec<String>) = all.into_iter().partition(|t| has(t));
        let mut set = NodeSet {
            module: "node-red".to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
            types,
            html: String::new(),
            help: BTreeMap::new(),
            catalogs: BTreeMap::new(),
        };
        set.html = set.take_help(html);
        for (language, text) in help {
            set.help.entry(language).or_default().push_str(&text);
        }
        if !missing.is_empty() {
            set.leave_out(&missing);
        }
        set
    }

    /// A set that a crate brings along.
    pub(crate) fn of_crate(
        module: &str,
        version: &str,
        part: &EditorPart,
        types: Vec<String>,
    ) -> Self {
        let mut set = NodeSet {
            module: module.to_owned(),
            name: part.name.to_owned(),
            version: version.to_owned(),
            types,
            html: String::new(),
            help: BTreeMap::new(),
            catalogs: BTreeMap::new(),
        };
        set.html = set.take_help(part.html);
        for (language, text) in part.help {
            set.help.entry((*language).to_owned()).or_default().push_str(text);
        }
        for (language, text) in part.catalogs {
            match Value::from_json(text.as_bytes()) {
                Ok(Value::Object(map)) => {
                    set.catalogs.insert((*language).to_owned(), Map::clone(&map));
                }
                _ => tracing::error!(
                    "the catalog `{language}` of `{module}` is no JSON object, its texts are missing"
                ),
            }
        }
        set
    }

    /// Adds those of `types` that it does not have yet.
    pub(crate) fn add_types<'a>(&mut self, types: impl Iterator<Item = &'a str>) {
        for name in types {
            if !self.types.iter().any(|known| known == name) {
                self.types.push(name.to_owned());
            }
        }
    }

    /// Keeps the help of `html` and returns the rest.
    fn take_help(&mut self, html: &str) -> String {
        for help in HELP.find_iter(html) {
            let language = LANGUAGE.captures(help.as_str());
            let language = language.as_ref().map_or(ENGLISH, |found| &found[1]);
            self.help.entry(language.to_owned()).or_default().push_str(help.as_str());
        }
        HELP.replace_all(html, "").into_owned()
    }

    /// Takes forms and help of `types` out, and keeps the script from registering them: the
    /// editor would show an error for each.
    fn leave_out(&mut self, types: &[String]) {
        let without = |expression: &Regex, html: &str| {
            let replace = |found: &regex::Captures<'_>| match types.iter().any(|t| *t == found[1]) {
                true => String::new(),
                false => found[0].to_owned(),
            };
            expression.replace_all(html, replace).into_owned()
        };
        let list = Value::from(types.iter().map(|t| Value::from(t.as_str())).collect::<Vec<_>>());
        let list = list.to_json().replace('<', "\\u003c");
        let html = without(&TEMPLATE, &self.html);
        self.html = format!(
            "<script>(function(n){{var all=n.registerType;n.registerType=function(type){{\
             if({list}.indexOf(type)<0)return all.apply(this,arguments)}};\
             n.registerType.all=all}})(RED.nodes);</script>\n{html}\n\
             <script>RED.nodes.registerType=RED.nodes.registerType.all;</script>\n"
        );
        for text in self.help.values_mut() {
            *text = without(&HELP, text);
        }
    }

    /// The id: module and name.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.module, self.name)
    }

    /// What lists say about it.
    pub(crate) fn describe(&self) -> Value {
        let types: Vec<Value> = self.types.iter().map(|name| name.as_str().into()).collect();
        let map: Map = [
            ("id", Value::from(self.id())),
            ("name", self.name.as_str().into()),
            ("types", types.into()),
            ("enabled", true.into()),
            ("local", false.into()),
            ("user", false.into()),
            ("module", self.module.as_str().into()),
            ("version", self.version.as_str().into()),
        ]
        .into_iter()
        .collect();
        map.into()
    }

    /// All that the editor loads of it, with help in `language` or else English.
    pub(crate) fn page(&self, language: &str) -> String {
        let base = language.split('-').next().unwrap_or_default();
        let help = [language, base, ENGLISH].iter().find_map(|tag| self.help.get(*tag));
        let (id, html) = (self.id(), &self.html);
        let help = help.map_or("", String::as_str);
        format!("<!-- --- [red-module:{id}] --- -->\n{html}{help}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTML: &str = r#"
<script type="text/html" data-template-name="one">form 1</script>
<script type="text/html" data-template-name="two">form 2</script>
<script type="text/html" data-help-name="one">help 1</script>
<script type="text/markdown" data-help-name="two" data-lang="fr">aide 2</script>
<script>RED.nodes.registerType("one", {}); RED.nodes.registerType("two", {})</script>"#;

    fn set(has: impl Fn(&str) -> bool) -> NodeSet {
        let german =
            [("de".to_owned(), "<script data-help-name=\"one\">Hilfe</script>".to_owned())];
        NodeSet::of_node_red("pair", "5.0.7", HTML, german.into_iter(), has)
    }

    #[test]
    fn help_is_added_in_the_language_that_was_asked_for() {
        let set = set(|_| true);
        assert_eq!(set.types, ["one", "two"]);
        assert!(set.page("de-AT").ends_with("Hilfe</script>"));
        assert!(set.page("fr").ends_with("aide 2</script>"));
        assert!(set.page("ja").ends_with("help 1</script>"));
        assert!(!set.page("ja").contains("aide"));
        assert!(set.page("ja").starts_with("<!-- --- [red-module:node-red/pair] --- -->\n"));
    }

    #[test]
    fn types_that_do_not_exist_here_are_not_offered() {
        let set = set(|name| name == "one");
        assert_eq!(set.types, ["one"]);
        let page = set.page("en-US");
        assert!(page.contains("form 1") && !page.contains("form 2"));
        assert!(page.contains(r#"if(["two"].indexOf(type)<0)"#), "{page}");
    }
}
