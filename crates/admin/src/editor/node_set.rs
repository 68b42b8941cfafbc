//! `NodeSet`: the forms, definitions and help of some node types, which the editor loads together.

use ferrowire_core::{EditorPart, Map, Value};

use super::help::Help;
use super::markup::{FORMS, with_namespace};

/// Wraps the registration of types while a set is loaded.
const EXTEND_TYPES: &str = include_str!("extend_types.js");

/// A unit of the palette.
#[derive(Debug)]
pub(crate) struct NodeSet {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// The types that it defines here.
    pub(crate) types: Vec<String>,
    /// Forms and definitions.
    html: String,
    help: Help,
    /// Scripts that extend the definitions; they run before `html` does.
    additions: String,
    /// Types that the scripts in `html` define and this runtime lacks.
    withheld: Vec<String>,
}

impl NodeSet {
    /// A set of Node-RED's: its HTML, and its help in other languages.
    pub(crate) fn of_node_red(name: &str, version: &str, html: &str, help: Help) -> Self {
        let types = FORMS.iter(html).map(|form| form.node_type.to_owned()).collect();
        let mut set = NodeSet {
            module: "node-red".to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
            types,
            html: String::new(),
            help,
            additions: String::new(),
            withheld: Vec::new(),
        };
        set.html = set.help.take_from(html);
        set
    }

    /// A set that a crate provides.
    pub(crate) fn of_crate(
        module: &str,
        version: &str,
        part: &EditorPart,
        types: Vec<String>,
    ) -> Self {
        let mut help = Help::default();
        let html = take_help(part, &mut help);
        NodeSet {
            module: module.to_owned(),
            name: part.name.to_owned(),
            version: version.to_owned(),
            types,
            html,
            help,
            additions: String::new(),
            withheld: Vec::new(),
        }
    }

    /// Adds those of `types` that it does not have yet.
    pub(crate) fn add_types<'a>(&mut self, types: impl Iterator<Item = &'a str>) {
        for name in types {
            if !self.types.iter().any(|known| known == name) {
                self.types.push(name.to_owned());
            }
        }
    }

    /// Withholds the types that `is_known` rejects, so that they cannot be put into a flow. Their
    /// scripts must not register them either: the editor would show an error for each.
    pub(crate) fn retain_types(&mut self, is_known: impl Fn(&str) -> bool) {
        let types = std::mem::take(&mut self.types);
        (self.types, self.withheld) = types.into_iter().partition(|name| is_known(name));
        let is_wanted = |name: &str| !self.withheld.iter().any(|withheld| withheld == name);
        self.html = FORMS.retain(&self.html, is_wanted);
        self.help.retain(is_wanted);
    }

    /// Adds the rows, scripts and help of a crate's part to the types of this set. `namespace` is
    /// that of the part's texts.
    pub(crate) fn extend(&mut self, namespace: &str, part: &EditorPart) {
        let mut help = Help::default();
        let html = take_help(part, &mut help);
        for form in FORMS.iter(&html) {
            let rows = with_namespace(form.content, namespace);
            if !FORMS.append(&mut self.html, form.node_type, &rows) {
                tracing::error!(
                    "`{namespace}` adds rows to `{}`, which has no form in `{}`; they are not shown",
                    form.node_type,
                    self.id()
                );
            }
        }
        let quoted = json(&namespace.into());
        self.additions.push_str(&format!(
            "<script>RED.nodes.extendType.namespace = {quoted};</script>\n{}\n",
            FORMS.retain(&html, |_| false)
        ));
        self.help.append(&help);
    }

    /// The id: module and name.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.module, self.name)
    }

    /// Its entry in the lists of node sets.
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

    /// All that the editor loads of it, with help in `language` or else in English.
    pub(crate) fn page(&self, language: &str) -> String {
        let (id, html, help) = (self.id(), self.html_in_order(), self.help.find(language));
        format!("<!-- --- [red-module:{id}] --- -->\n{html}{help}")
    }

    fn html_in_order(&self) -> String {
        let (html, additions) = (&self.html, &self.additions);
        if self.withheld.is_empty() && additions.is_empty() {
            return html.clone();
        }
        let withheld: Vec<Value> = self.withheld.iter().map(|name| name.as_str().into()).collect();
        let (withheld, extend_types) = (json(&withheld.into()), EXTEND_TYPES.trim_end());
        format!(
            "<script>({extend_types})({withheld});</script>\n{additions}\n{html}\n\
             <script>RED.nodes.registerType.finish();</script>\n"
        )
    }
}

/// JSON that may stand in a script element.
fn json(value: &Value) -> String {
    value.to_json().replace('<', "\\u003c")
}

/// Moves the help of a part to `help` and returns the rest of its HTML.
fn take_help(part: &EditorPart, help: &mut Help) -> String {
    let html = help.take_from(part.html);
    for (language, text) in part.help {
        help.add(language, text);
    }
    html
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

    const PART: EditorPart = EditorPart::new(
        "more",
        r#"<script type="text/html" data-template-name="two"><b data-i18n="label"></b></script>
<script type="text/html" data-help-name="one">, more help</script>
<script>RED.nodes.extendType("two", () => ({}))</script>"#,
    );

    fn set() -> NodeSet {
        let mut german = Help::default();
        german.add("de", "<script data-help-name=\"one\">Hilfe</script>");
        NodeSet::of_node_red("pair", "5.0.7", HTML, german)
    }

    #[test]
    fn help_is_added_in_the_language_that_was_asked_for() {
        let set = set();
        assert_eq!(set.types, ["one", "two"]);
        assert!(set.page("de-AT").ends_with("Hilfe</script>"));
        assert!(set.page("fr").ends_with("aide 2</script>"));
        assert!(set.page("ja").ends_with("help 1</script>"));
        assert!(!set.page("ja").contains("aide"));
        assert!(set.page("ja").starts_with("<!-- --- [red-module:node-red/pair] --- -->\n"));
    }

    #[test]
    fn types_that_do_not_exist_here_are_not_offered() {
        let mut set = set();
        set.retain_types(|name| name == "one");
        assert_eq!(set.types, ["one"]);
        let page = set.page("en-US");
        assert!(page.contains("form 1") && !page.contains("form 2"));
        assert!(page.contains(r#"})(["two"]);"#), "{page}");
    }

    #[test]
    fn a_part_adds_rows_and_help_and_its_script_runs_first() {
        let mut set = set();
        set.extend("crate/more", &PART);
        let page = set.page("en-US");
        assert!(page.contains(r#"form 2<b data-i18n="crate/more:label"></b></script>"#), "{page}");
        assert!(page.contains("help 1, more help</script>"), "{page}");
        assert!(page.contains(r#"namespace = "crate/more";"#), "{page}");
        let place = |text: &str| page.find(text).unwrap();
        assert!(place("extendType(\"two\"") < place("registerType(\"one\""));
        assert!(Some(place("registerType(\"two\"")) < page.rfind("registerType.finish()"));
    }
}
