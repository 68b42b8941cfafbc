//! `cargo xtask ci`: all checks that must pass before a merge.

use anyhow::Result;

use crate::cargo::{cargo, succeed};
use crate::{deny, editor, examples, fuzz, memory, npm_nodes, servers, test};

/// Runs the fastest checks first, and the tests last.
pub(crate) fn run() -> Result<()> {
    succeed(&mut cargo(&["fmt", "--all", "--check"]))?;
    succeed(&mut examples::cargo(&fuzz::folder(), &["fmt", "--check"])?)?;
    deny::run()?;
    editor::fetch()?;
    succeed(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    let small =
        ["-p", "ferrowire-runtime", "--lib", "--no-default-features", "--", "--deny", "warnings"];
    succeed(cargo(&["clippy"]).args(small))?;
    for tests in &servers::ALL {
        tests.check()?;
    }
    npm_nodes::check()?;
    for folder in examples::crates()? {
        println!("in {}", folder.display());
        succeed(&mut examples::cargo(&folder, &["fmt", "--check"])?)?;
        let mut clippy = examples::cargo(&folder, &["clippy", "--all-targets"])?;
        succeed(clippy.args(examples::SHARED_PROFILE).args(["--", "--deny", "warnings"]))?;
    }
    succeed(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings"))?;
    memory::run()?;
    fuzz::briefly()?;
    test::run(test::Ignored::Refused)
}
