//! Writes one `use … as _;` for each dependency of this crate, and the list of their names.

use std::path::Path;
use std::{env, fs};

#[expect(clippy::disallowed_methods, reason = "cargo hands settings to build scripts in variables")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.toml");
    let manifest: toml::Table = fs::read_to_string("Cargo.toml")?.parse()?;
    let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
    let plugins: Vec<&String> = dependencies.into_iter().flat_map(toml::Table::keys).collect();
    let uses = plugins.iter().map(|name| format!("use {} as _;\n", name.replace('-', "_")));
    let code = uses.collect::<String>()
        + &format!(
            "\n/// The names of the linked crates.\npub const PLUGINS: &[&str] = &{plugins:?};\n"
        );
    fs::write(Path::new(&env::var("OUT_DIR")?).join("plugins.rs"), code)?;
    Ok(())
}
