//! What an assembly selects and refuses before anything is compiled.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use support::{fail, root, succeed, write_crate, xtask};

#[test]
fn two_versions_of_the_contract_are_refused_before_compiling_naming_who_wants_which() {
    let folder = tempfile::tempdir().unwrap();
    let core = "[package]\nname = 'ferrowire'\nversion = '0.9.0'\nedition = '2024'";
    write_crate(&folder.path().join("other-core"), core);
    let helper = "[package]\nname = 'helper'\nversion = '1.0.0'\nedition = '2024'\n\
                  [dependencies]\nferrowire = { path = '../other-core' }";
    write_crate(&folder.path().join("helper"), helper);
    let ours = root().join("crates/ferrowire");
    let node = format!(
        "[package]\nname = 'other-node'\nversion = '1.0.0'\nedition = '2024'\n[dependencies]\n\
         ferrowire = {{ path = '{}' }}\nhelper = {{ path = '../helper' }}",
        ours.display()
    );
    write_crate(&folder.path().join("other-node"), &node);
    let arguments =
        ["assemble", "--name", "two-cores", "--with", "./other-node", "--with", "debug", "--bare"];
    let problem = fail(&mut xtask(folder.path(), &arguments));
    assert!(problem.contains("require different versions of `ferrowire`"), "{problem}");
    let theirs = problem.lines().find(|line| line.contains("0.9.0 from")).unwrap();
    assert!(theirs.contains("other-core` is required by `helper`"), "{problem}");
    let ours = problem.lines().find(|line| line.contains("0.1.0 from")).unwrap();
    assert!(ours.contains("`ferrowire-plugin-debug`"), "{problem}");
    assert!(!problem.contains("Compiling"), "{problem}");
}

#[test]
fn a_plugin_of_another_checkout_is_refused_in_the_dry_run_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let core = "[package]\nname = 'ferrowire'\nversion = '0.1.0'\nedition = '2024'";
    write_crate(&folder.path().join("clone/crates/ferrowire"), core);
    let node = "[package]\nname = 'their-node'\nversion = '1.0.0'\nedition = '2024'\n\
                [dependencies]\nferrowire = { path = '../clone/crates/ferrowire' }";
    write_crate(&folder.path().join("their-node"), node);
    let arguments = ["assemble", "--with", "./their-node", "--bare", "--dry-run"];
    let problem = fail(&mut xtask(folder.path(), &arguments));
    for part in ["`their-node` from `", "clone/crates/ferrowire`, which is not this checkout; run"]
    {
        assert!(problem.contains(part), "{problem}");
    }
}

#[test]
fn two_plugins_with_one_type_are_refused_in_the_dry_run() {
    let folder = tempfile::tempdir().unwrap();
    let node = "[package]\nname = 'my-debug'\nversion = '1.0.0'\nedition = '2024'\n\
                [package.metadata.ferrowire]\ntypes = ['mine', 'debug']\n\
                [dependencies]\nferrowire = '0.1'";
    write_crate(&folder.path().join("my-debug"), node);
    let arguments = ["assemble", "--with", "./my-debug", "--dry-run"];
    let problem = fail(&mut xtask(folder.path(), &arguments));
    let expected = "the node type `debug` is provided by both `my-debug` from `";
    assert!(problem.contains(expected), "{problem}");
    assert!(
        problem.contains("and `ferrowire-plugin-debug` from this repository; leave"),
        "{problem}"
    );
    let without = xtask(folder.path(), &[&arguments[..], &["--without", "debug"]].concat());
    succeed(&mut { without });
}

#[test]
fn a_mistake_in_a_manifest_is_named_with_its_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "name = 'mine'\nplugins = [\n  'debug', 'injekt',\n]\n";
    std::fs::write(folder.path().join("assembly.toml"), manifest).unwrap();
    let problem = fail(&mut xtask(folder.path(), &["assemble", "assembly.toml", "--dry-run"]));
    assert!(problem.contains("assembly.toml`, line 3, column 12: no plugin `injekt`"), "{problem}");
}

#[test]
fn parts_of_the_runtime_can_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |arguments: &[&str]| {
        let arguments =
            [&["assemble", "--bare", "--with", "debug", "--dry-run"], arguments].concat();
        succeed(&mut xtask(folder.path(), &arguments))
    };
    let runtime = |printed: &str| {
        printed.lines().find(|line| line.starts_with("ferrowire-runtime")).unwrap().to_owned()
    };
    let has = |arguments: &[&str], features: &str| {
        let line = runtime(&shown(arguments));
        assert!(line.contains(&format!("features = {features},")), "{line}");
    };
    has(&[], r#"["cluster", "editor", "migrate", "npm-nodes"]"#);
    has(&["--without", "editor"], r#"["cluster", "migrate", "npm-nodes"]"#);
    has(&["--without", "npm-nodes", "--without", "cluster"], r#"["editor", "migrate"]"#);
    has(&["--without", "migrate"], r#"["cluster", "editor", "npm-nodes"]"#);
}

#[test]
fn a_contract_from_the_registry_that_does_not_fit_is_refused_before_compiling() {
    let folder = tempfile::tempdir().unwrap();
    let node = "[package]\nname = 'new-node'\nversion = '1.0.0'\nedition = '2024'\n\
                [dependencies]\nferrowire = '7'";
    write_crate(&folder.path().join("new-node"), node);
    let arguments = ["assemble", "--name", "unfit", "--with", "./new-node", "--bare"];
    let problem = fail(&mut xtask(folder.path(), &arguments));
    assert!(problem.contains("`new-node` requires `ferrowire` ^7"), "{problem}");
    assert!(problem.contains("this runtime has 0.1.0"), "{problem}");
}

#[test]
fn a_contract_from_the_registry_that_fits_is_replaced_by_this_repositorys() {
    let folder = tempfile::tempdir().unwrap();
    let node = "[package]\nname = 'new-node'\nversion = '1.0.0'\nedition = '2024'\n\
                [dependencies]\nferrowire = '0.1'";
    write_crate(&folder.path().join("new-node"), node);
    let arguments = ["assemble", "--with", "./new-node", "--bare", "--dry-run"];
    let printed = succeed(&mut xtask(folder.path(), &arguments));
    assert!(printed.contains("[patch.\"crates-io\"]\nferrowire = { path = "), "{printed}");
}

#[test]
fn types_that_nothing_provides_are_listed_with_the_nodes_that_use_them() {
    let folder = tempfile::tempdir().unwrap();
    let flows = r#"[{"id": "1", "type": "debug"}, {"id": "2", "type": "x"}, {"id": "3", "type": "x"},
                    {"id": "4", "type": "y"}]"#;
    std::fs::write(folder.path().join("flows.json"), flows).unwrap();
    let problem = fail(&mut xtask(folder.path(), &["assemble", "--from-flows", "flows.json"]));
    let expected = "nothing provides `x` (node `2` and 1 more), `y` (node `4`)";
    assert!(problem.contains(expected), "{problem}");
}

#[test]
fn types_of_npm_packages_are_left_to_them_with_the_package_named() {
    let folder = tempfile::tempdir().unwrap();
    let flows = r#"[{"id": "1", "type": "debug"}, {"id": "2", "type": "ui_button"}]"#;
    std::fs::write(folder.path().join("flows.json"), flows).unwrap();
    let arguments = ["assemble", "--from-flows", "flows.json", "--dry-run"];
    let printed = succeed(&mut xtask(folder.path(), &arguments));
    assert!(printed.contains("`ui_button`: install `node-red-dashboard`"), "{printed}");
    assert!(printed.contains("\"editor\", \"migrate\", \"npm-nodes\""), "{printed}");

    let mut without = xtask(folder.path(), &arguments);
    let problem = fail(without.args(["--without", "npm-nodes"]));
    assert!(problem.contains("nothing provides `ui_button` (node `2`)"), "{problem}");
}

#[test]
fn a_manifest_chooses_and_a_dry_run_prints_the_crate_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "name = 'mine'\nplugins = ['debug', { bundled = 'inject' }]";
    std::fs::write(folder.path().join("assembly.toml"), manifest).unwrap();
    let arguments = ["assemble", "assembly.toml", "--dry-run", "--generate-to", "made"];
    let mut command = xtask(folder.path(), &arguments);
    let printed = succeed(command.args(["--without", "inject", "--with", "comment"]));
    assert!(printed.contains("name = \"mine\""), "{printed}");
    assert!(
        printed.contains("use ferrowire_plugin_comment as _;\nuse ferrowire_plugin_debug as _;")
    );
    assert!(!printed.contains("inject"), "{printed}");
    assert!(printed.contains("path = \"../"), "{printed}");
    assert!(!folder.path().join("made").exists());
}
