//! Notes the commit that the program is built from, for `ferrowire --version`.

use std::path::Path;
use std::process::Command;

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Written with each commit and checkout. Cargo builds again only if it changes.
    let log = git(here, &["rev-parse", "--git-path", "logs/HEAD"]).map(|path| here.join(path));
    match log.filter(|log| log.exists()) {
        Some(log) => println!("cargo::rerun-if-changed={}", log.display()),
        None => println!("cargo::rerun-if-changed=build.rs"),
    }
    let commit = git(here, &["rev-parse", "--short=12", "HEAD"]);
    println!("cargo::rustc-env=FERROWIRE_COMMIT={}", commit.unwrap_or_default());
}

/// The output of git, if there is a repository.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(folder).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
