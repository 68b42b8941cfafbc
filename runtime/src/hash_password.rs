//! `ferrowire hash-password`: prints the bcrypt hash of a password, for `admin-auth`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use ferrowire_admin::hash_password;

/// Asks for a password twice, or reads it from the first line of standard input, and prints its
/// hash.
///
/// # Errors
/// If the password cannot be read or hashed.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let password = match std::io::stdin().is_terminal() {
        true => ask()?,
        false => first_line()?,
    };
    let hash = hash_password(&password)?;
    writeln!(std::io::stdout(), "{hash}").context("cannot print the hash")?;
    Ok(ExitCode::SUCCESS)
}

fn ask() -> anyhow::Result<String> {
    let read = |prompt| rpassword::prompt_password(prompt).context("cannot read the password");
    let password = read("Password: ")?;
    ensure!(read("Again: ")? == password, "the passwords differ");
    Ok(password)
}

fn first_line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
