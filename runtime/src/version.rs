//! `ferrowire --version`: what the program is built from.

use std::sync::LazyLock;

/// Empty if the sources were no git repository.
const COMMIT: &str = env!("FERROWIRE_COMMIT");

/// The features of this crate that a program can be built without.
const PARTS: [(&str, bool); 4] = [
    ("cluster", cfg!(feature = "cluster")),
    ("editor", cfg!(feature = "editor")),
    ("migrate", cfg!(feature = "migrate")),
    ("npm-nodes", cfg!(feature = "npm-nodes")),
];

/// The version, the commit, the features, and the ABI of the libraries that the program loads.
pub(crate) fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        let version = env!("CARGO_PKG_VERSION");
        let commit = if COMMIT.is_empty() { "unknown" } else { COMMIT };
        let parts: Vec<&str> = PARTS.iter().filter(|(_, is_in)| *is_in).map(|it| it.0).collect();
        let features = if parts.is_empty() { "none".to_owned() } else { parts.join(", ") };
        let (major, minor) = ferrowire_loader::ABI;
        let libraries = match cfg!(all(target_env = "musl", target_feature = "crt-static")) {
            true => ", but a static program cannot load plugins",
            false => "",
        };
        format!(
            "{version}\ncommit: {commit}\nfeatures: {features}\nplugin ABI: {major}.{minor}{libraries}"
        )
    });
    &LONG
}
