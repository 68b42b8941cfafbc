//! All runtimes compile shared dependencies with the same features, so that an assembly of other
//! plugins compiles only them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The features of each crate from elsewhere, by name and version.
type Features = BTreeMap<String, BTreeSet<String>>;

fn features(arguments: &[&str]) -> Features {
    let mut tree = Command::new(std::env::var_os("CARGO").unwrap());
    tree.args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}|{f}"]);
    tree.args(["--package", "ferrowire-runtime"]).args(arguments);
    let output =
        tree.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).output().unwrap();
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{problem}");
    let mut features = Features::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let Some((package, list)) = line.split_once('|') else { continue };
        // Crates of the repository have a path.
        if !package.contains('/') {
            let list = list.trim_end_matches(" (*)").split(',').filter(|it| !it.is_empty());
            features.entry(package.to_owned()).or_default().extend(list.map(str::to_owned));
        }
    }
    features
}

#[test]
fn a_runtime_with_few_plugins_has_the_features_of_the_one_with_all() {
    let all = features(&[]);
    assert!(all.len() > 200, "{}", all.len());
    for plugins in [&[][..], &["websocket-in", "websocket-out", "debug"], &["function"]] {
        let names: Vec<String> =
            plugins.iter().map(|name| format!("ferrowire-plugin-{name}")).collect();
        let mut arguments = vec!["--no-default-features"];
        arguments.extend(names.iter().flat_map(|name| ["--package", name.as_str()]));
        for (package, found) in features(&arguments) {
            let missing: Vec<_> = all[&package].difference(&found).collect();
            assert!(
                missing.is_empty(),
                "with the plugins {plugins:?}, `{package}` lacks {missing:?}; add them to the \
                 features in runtime/Cargo.toml"
            );
        }
    }
}
