//! `cargo xtask test`: runs tests, documentation examples and house rules.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::browser;
use crate::cargo;
use crate::editor;
use crate::examples;
use crate::npm_nodes;
use crate::servers;
use crate::tidy;

/// Whether tests may be skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ignored {
    /// During development.
    Allowed,
    /// Before a merge.
    Refused,
}

/// Runs everything; the test runner's summary comes last.
pub(crate) fn run(ignored: Ignored) -> Result<()> {
    tidy::run()?;
    editor::fetch_if_possible();
    if !browser::run()? {
        let missing = "they require Node.js, npm, Chromium and the editor";
        ensure!(ignored == Ignored::Allowed, "not all browser tests can run: {missing}");
        println!("skipping browser tests: {missing}");
    }
    for tests in &servers::ALL {
        if !tests.run()? {
            let (name, missing) = (tests.name, tests.missing);
            ensure!(ignored == Ignored::Allowed, "the tests of {name} cannot run: {missing}");
            println!("skipping the tests of {name}: {missing}");
        }
    }
    if !npm_nodes::run()? {
        let missing = npm_nodes::MISSING;
        ensure!(ignored == Ignored::Allowed, "the tests of nodes from npm cannot run: {missing}");
        println!("skipping the tests of nodes from npm: {missing}");
    }
    for folder in examples::crates()? {
        println!("in {}", folder.display());
        watch(examples::cargo(&folder, &["test"])?.args(examples::SHARED_PROFILE), ignored)?;
    }
    let has_nextest = cargo::cargo(&["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if has_nextest {
        watch(&mut cargo::cargo(&["test", "--workspace", "--doc"]), ignored)?;
        watch(&mut cargo::cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]), ignored)?;
    } else {
        watch(&mut cargo::cargo(&["test", "--workspace"]), ignored)?;
    }
    Ok(())
}

/// Runs a test runner, forwards its output, and counts skipped tests.
fn watch(command: &mut Command, ignored: Ignored) -> Result<()> {
    let shown = cargo::shown(command);
    println!("$ {shown}");
    // Summaries may be on either stream: one pipe keeps the order.
    let (reader, writer) = std::io::pipe()?;
    let mut child = command
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("could not start `{shown}`"))?;
    // Our copies of the pipe's write end must be closed, or reading would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut left_out = 0_usize;
    let mut stdout = std::io::stdout();
    for line in BufReader::new(reader).split(b'\n') {
        let mut line = line?;
        left_out += tests_left_out(&String::from_utf8_lossy(&line));
        line.push(b'\n');
        stdout.write_all(&line)?;
    }
    let status = child.wait()?;
    ensure!(status.success(), "`{shown}` failed: {status}");
    ensure!(
        ignored == Ignored::Allowed || left_out == 0,
        "`{shown}` skipped `{left_out}` tests; enable or remove them"
    );
    Ok(())
}

/// The number of skipped tests in a summary of `cargo test` (`3 passed; 0 failed; 1 ignored`) or
/// nextest (`4 tests run: 3 passed, 1 skipped`).
fn tests_left_out(line: &str) -> usize {
    if !line.contains("test result:") && !line.contains("run:") {
        return 0;
    }
    let words: Vec<_> = line.split([' ', ',', ';']).filter(|word| !word.is_empty()).collect();
    words
        .windows(2)
        .filter_map(|pair| match pair {
            [count, "ignored" | "skipped"] => count.parse::<usize>().ok(),
            _ => None,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_cargo_or_nextest_left_out_are_counted() {
        let cargo = "test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out";
        assert_eq!(tests_left_out(cargo), 2);
        let nextest = "     Summary [   0.1s] 4 tests run: 3 passed, 1 skipped";
        assert_eq!(tests_left_out(nextest), 1);
        let one = "     Summary [   0.1s] 1 test run: 1 passed, 0 skipped";
        assert_eq!(tests_left_out(one), 0);
        assert_eq!(tests_left_out("a log says: 5 skipped"), 0);
    }
}
