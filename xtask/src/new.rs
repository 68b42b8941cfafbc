//! `cargo xtask new`: creates a node crate from a template.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};

use crate::assemble::generate::lock_entry;
use crate::assemble::source::{clean, package_name};
use crate::cargo;
use crate::crates::Repository;

/// The files of a node crate and their templates.
const TEMPLATE: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("../template/Cargo.toml.txt")),
    ("README.md", include_str!("../template/README.md.txt")),
    ("flows.json", include_str!("../template/flows.json.txt")),
    ("src/lib.rs", include_str!("../template/lib.rs.txt")),
    ("src/editor.html", include_str!("../template/editor.html.txt")),
    ("tests/node.rs", include_str!("../template/test.rs.txt")),
];

/// Lets cargo use this checkout instead of the source that Cargo.toml names.
const CONFIG: &str = include_str!("../template/config.toml.txt");

/// Names that are reserved by Rust or the crate's dependencies.
const TAKEN: &str = "abstract alloc as async await become box break const continue core crate do \
                     dyn else enum extern false final fn for gen if impl in let loop macro match \
                     mod move mut override priv proc_macro pub ref return self static std struct \
                     super test tokio trait true try type typeof unsafe unsized use virtual where \
                     while yield";

/// Names used by the template's code.
const USED: [&str; 13] = [
    "Duration",
    "Editor",
    "EditorPart",
    "Err",
    "FromConfig",
    "Message",
    "Node",
    "NodeConfig",
    "NodeContext",
    "NodeError",
    "NodeType",
    "Result",
    "String",
];

/// The crate to create.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The folder of the new crate; its last part is the crate's name
    path: PathBuf,
    /// The node's type, as flow files write it [default: the crate's name]
    #[arg(long = "type", value_name = "TYPE")]
    node_type: Option<String>,
    /// The source of Ferrowire in its Cargo.toml: the git repository, the registry, or the folder of
    /// this checkout, which only this machine has
    #[arg(long, value_name = "SOURCE", default_value = "git")]
    from: From,
}

/// Where a crate takes Ferrowire from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum From {
    Git,
    Registry,
    Path,
}

impl From {
    /// The dependency on the crate in `folder` of this repository.
    fn dependency(self, folder: &str, repository: &Repository) -> String {
        let Repository { home, version, .. } = repository;
        match self {
            From::Git => format!(r#"{{ git = "{home}", version = "{version}" }}"#),
            From::Registry => format!(r#""{version}""#),
            From::Path => {
                format!(r#"{{ path = "{}", version = "{version}" }}"#, place(folder))
            }
        }
    }

    /// Cargo's name of the source that this checkout stands in for; none for a path.
    fn replaced(self, repository: &Repository) -> Option<String> {
        match self {
            From::Git => Some(format!(r#""{}""#, repository.home)),
            From::Registry => Some("crates-io".to_owned()),
            From::Path => None,
        }
    }
}

fn place(folder: &str) -> String {
    cargo::root().join(folder).display().to_string()
}

/// Writes the crate and prints the next steps.
pub(crate) fn run(options: &Options) -> Result<()> {
    let here = std::env::current_dir().context("cannot read the current folder")?;
    let folder = clean(&here.join(&options.path));
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let node_type = options.node_type.as_deref().unwrap_or(name);
    let repository = Repository::read()?;
    check_name(name, &repository)?;
    check_type(node_type, &repository)?;
    ensure!(!folder.exists(), "`{}` already exists; choose another one", folder.display());

    let words = words(name, node_type, options.from, &repository);
    for (file, template) in TEMPLATE {
        write(&folder.join(file), &fill(template, &words))?;
    }
    write(&folder.join(".gitignore"), "/target\n/.cargo/config.toml\n")?;
    if let Some(source) = options.from.replaced(&repository) {
        let words = [&words[..], &[("{{source}}", source)]].concat();
        write(&folder.join(".cargo/config.toml"), &fill(CONFIG, &words))?;
    }
    write(&folder.join("Cargo.lock"), &lock(name)?)?;
    println!("created `{name}` in {}; see its README.md for the next steps", folder.display());
    Ok(())
}

/// The repository's lock file with an entry for the crate: the versions that the runtime was tested
/// with. Because of the entry, cargo takes Ferrowire from this checkout without asking its source, so
/// that the crate can be built offline.
fn lock(name: &str) -> Result<String> {
    let ours = fs::read_to_string(cargo::root().join("Cargo.lock"))
        .context("cannot read the repository's Cargo.lock")?;
    Ok(format!("{ours}{}", lock_entry(name, "0.1.0", &["ferrowire", "ferrowire-testkit"])))
}

fn check_name(name: &str, repository: &Repository) -> Result<()> {
    let library = package_name(name)?.replace('-', "_");
    let taken = repository.taken.iter().any(|other| other.replace('-', "_") == library);
    if taken || TAKEN.split_whitespace().any(|word| word == library) {
        bail!("`{name}` is reserved and cannot be the name of a node crate; choose another name");
    }
    Ok(())
}

fn check_type(node_type: &str, repository: &Repository) -> Result<()> {
    let fine = node_type.trim() == node_type
        && !node_type.is_empty()
        && node_type.chars().all(|c| c.is_ascii_alphanumeric() || " -_".contains(c));
    ensure!(fine, "invalid node type `{node_type}`; use letters, digits, spaces, `-` and `_`");
    match repository.provider(node_type) {
        Some(owner) => bail!(
            "the node type `{node_type}` is provided by `{}`; choose another with `--type`",
            owner.name
        ),
        None => Ok(()),
    }
}

type Words = Vec<(&'static str, String)>;

fn words(name: &str, node_type: &str, from: From, repository: &Repository) -> Words {
    vec![
        ("{{name}}", name.to_owned()),
        ("{{type}}", node_type.to_owned()),
        ("{{library}}", name.replace('-', "_")),
        ("{{struct}}", struct_name(name)),
        ("{{ferrowire}}", from.dependency("crates/ferrowire", repository)),
        ("{{testkit}}", from.dependency("crates/testkit", repository)),
        ("{{facade-folder}}", place("crates/ferrowire")),
        ("{{testkit-folder}}", place("crates/testkit")),
        ("{{home}}", repository.home.clone()),
    ]
}

fn struct_name(name: &str) -> String {
    let mut camel = String::new();
    for word in name.split(['-', '_']) {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    if USED.contains(&camel.as_str()) {
        camel.push_str("Node");
    }
    camel
}

fn fill(template: &str, words: &Words) -> String {
    words.iter().fold(template.to_owned(), |text, (word, value)| text.replace(word, value))
}

fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
    fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_template_is_filled_in() {
        let repository = Repository::read().unwrap();
        for from in [From::Git, From::Registry, From::Path] {
            let words = words("my-node", "my node", from, &repository);
            for (file, template) in TEMPLATE {
                let text = fill(template, &words);
                assert!(!text.contains("{{"), "{file}: {text}");
                let here = cargo::root().to_str().unwrap();
                let may_name_a_folder = from == From::Path && file == "Cargo.toml";
                assert!(may_name_a_folder || !text.contains(here), "{file}: {text}");
            }
        }
    }

    #[test]
    fn a_struct_is_called_as_its_crate_unless_the_code_calls_something_else_so() {
        assert_eq!(struct_name("my-node_2"), "MyNode2");
        assert_eq!(struct_name("node-type"), "NodeTypeNode");
    }

    #[test]
    fn names_and_types_that_could_not_work_are_refused() {
        let repository = Repository::read().unwrap();
        for name in ["async", "tokio", "ferrowire-core", "ferrowire", "", "a b", "5x"] {
            assert!(check_name(name, &repository).is_err(), "{name}");
        }
        assert!(check_name("my-node", &repository).is_ok());
        assert!(check_type("my node", &repository).is_ok());
        for node_type in ["", " x", "a\"b", "debug", "websocket-listener"] {
            assert!(check_type(node_type, &repository).is_err(), "{node_type}");
        }
        let problem = check_type("debug", &repository).unwrap_err().to_string();
        assert!(problem.contains("provided by `ferrowire-plugin-debug`"), "{problem}");
    }
}
