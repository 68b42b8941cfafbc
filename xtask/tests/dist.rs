//! `cargo xtask dist` with a program that is built already: what is packed can be unpacked, checked and run.
#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "no crate is written here")]
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use support::{fail, root, succeed, xtask};

/// A program for this machine, without what debuggers need.
fn program(folder: &Path) -> PathBuf {
    let mut build = Command::new(std::env::var_os("CARGO").unwrap());
    build.args(["build", "--package", "ferrowire-runtime", "--message-format", "json"]);
    let messages = succeed(build.current_dir(root()));
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let built = built.filter(|message| message["target"]["name"] == "ferrowire");
    let built =
        built.filter_map(|message| message["executable"].as_str().map(str::to_owned)).next_back();
    let (built, program) = (built.unwrap(), folder.join("ferrowire"));
    let mut strip = Command::new("strip");
    if !strip.arg("-o").arg(&program).arg(&built).status().is_ok_and(|status| status.success()) {
        fs::copy(built, &program).unwrap();
    }
    program
}

/// The files of a release in a folder.
struct Dist {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Dist {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path());
        let dist = Dist { folder, program };
        dist.write_to("out");
        dist
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_to(&self, name: &str) {
        let mut command = xtask(self.folder.path(), &["dist", "--program"]);
        succeed(command.arg(&self.program).arg("--to").arg(self.path(name)));
    }

    /// The one file of `out` with this ending.
    fn file(&self, ending: &str) -> PathBuf {
        let entries = fs::read_dir(self.path("out")).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.to_str().unwrap().ends_with(ending)).last().unwrap()
    }
}

/// Whether a program is installed here.
fn has(program: &str) -> bool {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("command -v {program}")).stdout(Stdio::null());
    command.status().unwrap().success()
}

fn unpack(archive: &Path, to: &Path) -> PathBuf {
    fs::create_dir(to).unwrap();
    succeed(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(to));
    fs::read_dir(to).unwrap().next().unwrap().unwrap().path()
}

fn printed(program: &Path, arguments: &[&str]) -> String {
    succeed(Command::new(program).args(arguments))
}

#[test]
fn what_is_packed_can_be_unpacked_checked_and_run() {
    let dist = Dist::make();
    let sums = dist.path("out");
    succeed(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(&sums));
    dist.write_to("again");
    let [one, other] = ["out", "again"].map(|name| fs::read(dist.path(name).join("SHA256SUMS")));
    assert_eq!(one.unwrap(), other.unwrap(), "the same sources give the same files");

    let archive = unpack(&dist.file(".tar.gz"), &dist.path("archive"));
    check_program(&archive.join("bin/ferrowire"));
    check_manual(&archive.join("share/man/man1"));
    check_completions(&archive.join("share/completions"));
    check_list_of_parts(&archive.join("sbom.cdx.json"));
    check_image(&archive);
    for name in ["LICENSE", "README.md", "systemd/ferrowire.service", "grafana-dashboard.json"] {
        assert!(archive.join(name).is_file(), "{name}");
    }
    if has("dpkg-deb") {
        check_package(&dist);
    }
}

fn check_program(program: &Path) {
    let flows = root().join("examples/echo/flows.json");
    assert_eq!(printed(program, &["check", flows.to_str().unwrap()]), "no problems\n");
    assert!(printed(program, &["--version"]).contains("plugin ABI: "));
}

fn check_manual(folder: &Path) {
    let run = fs::read_to_string(folder.join("ferrowire-run.1")).unwrap();
    assert!(run.contains("max\\-queue"), "settings are part of it");
    assert!(
        fs::read_to_string(folder.join("ferrowire.1")).unwrap().contains("ferrowire\\-migrate(1)")
    );
    if has("man") && has("groff") {
        for page in fs::read_dir(folder).unwrap() {
            let mut man = Command::new("man");
            man.args(["--warnings", "--local-file"]).arg(page.unwrap().path());
            let output = man.env("MANWIDTH", "100").env("LC_ALL", "C.UTF-8").output().unwrap();
            let warnings = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success() && warnings.is_empty(), "{man:?}: {warnings}");
            assert!(!output.stdout.is_empty());
        }
    }
}

fn check_completions(folder: &Path) {
    for (shell, file) in
        [("bash", "ferrowire.bash"), ("zsh", "_ferrowire"), ("fish", "ferrowire.fish")]
    {
        let file = folder.join(file);
        assert!(fs::read_to_string(&file).unwrap().contains("migrate"), "{shell}");
        if has(shell) {
            succeed(Command::new(shell).arg("-n").arg(&file));
        }
    }
    let mut bash = Command::new("bash");
    let script = "source ./ferrowire.bash; COMP_WORDS=(ferrowire migr); COMP_CWORD=1; \
                  _ferrowire ferrowire migr ferrowire; echo \"${COMPREPLY[@]}\"";
    let completed = succeed(bash.args(["-c", script]).current_dir(folder));
    assert_eq!(completed.trim(), "migrate");
}

fn check_list_of_parts(file: &Path) {
    let list: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!((&list["bomFormat"], &list["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let parts = list["components"].as_array().unwrap();
    let part = |name: &str| parts.iter().find(|part| part["name"] == name);
    let tokio = part("tokio").unwrap();
    assert_eq!(tokio["hashes"][0]["content"].as_str().unwrap().len(), 64);
    assert_eq!(tokio["licenses"][0]["expression"], "MIT");
    assert!(tokio["purl"].as_str().unwrap().starts_with("pkg:cargo/tokio@1"));
    for of_tests_only in ["proptest", "trybuild", "xtask", "ferrowire-bench"] {
        assert!(part(of_tests_only).is_none(), "{of_tests_only}");
    }
    let named: Vec<&str> = parts.iter().filter_map(|part| part["bom-ref"].as_str()).collect();
    for entry in list["dependencies"].as_array().unwrap() {
        for name in entry["dependsOn"].as_array().unwrap() {
            assert!(named.contains(&name.as_str().unwrap()), "{name}");
        }
    }
}

/// The instructions of a Dockerfile, with continued lines joined.
fn instructions(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let lines = lines.replace("\\\n", " ");
    let split = lines.lines().filter_map(|line| line.split_once(' '));
    split.map(|(name, rest)| (name.to_owned(), rest.trim().to_owned())).collect()
}

fn check_image(folder: &Path) {
    let all = instructions(&fs::read_to_string(folder.join("Dockerfile")).unwrap());
    let of = |name: &str| -> Vec<&str> {
        all.iter().filter(|(it, _)| it == name).map(|(_, rest)| rest.as_str()).collect()
    };
    let known = [
        "FROM",
        "RUN",
        "COPY",
        "ENV",
        "USER",
        "WORKDIR",
        "VOLUME",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    ];
    assert!(all.iter().all(|(name, _)| known.contains(&name.as_str())), "{all:?}");
    let [base] = of("FROM")[..] else { unreachable!("{all:?}") };
    assert!(base.contains(':') && !base.ends_with(":latest"), "{base}");
    let [user] = of("USER")[..] else { unreachable!("{all:?}") };
    assert!(user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)), "{user}");
    for copied in of("COPY") {
        let source = copied.split_whitespace().next().unwrap();
        assert!(folder.join(source).is_file(), "{source}");
    }
    let exec = |text: &str| serde_json::from_str::<Vec<String>>(text);
    assert_eq!(exec(of("ENTRYPOINT")[0]).unwrap(), ["/usr/bin/ferrowire"]);
    assert_eq!(exec(of("CMD")[0]).unwrap(), ["run"]);
    for run in of("RUN") {
        succeed(Command::new("sh").args(["-n", "-c", run]));
    }
    let [health] = of("HEALTHCHECK")[..] else { unreachable!("{all:?}") };
    let health = exec(health.split_once("CMD ").unwrap().1).unwrap();
    check_health(folder, &health);
    if has("hadolint") {
        succeed(Command::new("hadolint").arg(folder.join("Dockerfile")));
    }
}

/// A runtime; ended when dropped.
struct Runtime(Child);

impl Drop for Runtime {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Starts a program, and returns it with the port for its metrics.
fn start(program: &Path, user_dir: &Path, arguments: &[&str]) -> (Runtime, String) {
    let mut command = Command::new(program);
    command.arg("run").args(arguments).args(["--metrics", "127.0.0.1:0", "--port", "0"]);
    let mut child = command.arg("--user-dir").arg(user_dir).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let runtime = Runtime(child);
    let mut port = String::new();
    for line in &mut lines {
        if let Some((_, rest)) = line.split_once("metrics at http://127.0.0.1:") {
            port = rest.chars().take_while(char::is_ascii_digit).collect();
        }
        if line.contains("listening on") {
            break;
        }
    }
    assert!(!port.is_empty(), "no address of metrics was logged");
    // Further lines must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    (runtime, port)
}

/// The command finds a program healthy, and none where there is none.
fn check_health(folder: &Path, command: &[String]) {
    let user_dir = tempfile::tempdir().unwrap();
    let (runtime, port) = start(&folder.join("bin/ferrowire"), user_dir.path(), &[]);
    let ask = || {
        let words = command.iter().map(|word| word.replace("9464", &port)).collect::<Vec<_>>();
        Command::new(&words[0]).args(&words[1..]).stderr(Stdio::null()).status().unwrap().success()
    };
    assert!(ask(), "the program is healthy");
    drop(runtime);
    assert!(!ask(), "the program has ended");
}

fn check_package(dist: &Dist) {
    let package = dist.file(".deb");
    let field = |name: &str| {
        succeed(Command::new("dpkg-deb").arg("--field").arg(&package).arg(name)).trim().to_owned()
    };
    assert_eq!(field("Package"), "ferrowire");
    assert!(package.to_str().unwrap().ends_with(&format!("_{}.deb", field("Architecture"))));
    assert!(field("Depends").contains("libc6 (>= 2."), "{}", field("Depends"));
    let (control, files) = (dist.path("control"), dist.path("files"));
    succeed(Command::new("dpkg-deb").arg("--control").arg(&package).arg(&control));
    succeed(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&files));
    for file in fs::read_to_string(control.join("conffiles")).unwrap().lines() {
        assert!(files.join(file.trim_start_matches('/')).is_file(), "{file}");
    }
    for script in ["postinst", "postrm", "prerm"] {
        succeed(Command::new("sh").arg("-n").arg(control.join(script)));
    }
    let unit = fs::read_to_string(files.join("usr/lib/systemd/system/ferrowire.service")).unwrap();
    let started = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    assert_eq!(started, "/usr/bin/ferrowire run --settings /etc/ferrowire/ferrowire.toml");
    // With the file of settings that the package installs.
    let settings = files.join("etc/ferrowire/ferrowire.toml");
    let user_dir = tempfile::tempdir().unwrap();
    let arguments = ["--settings", settings.to_str().unwrap()];
    drop(start(&files.join("usr/bin/ferrowire"), user_dir.path(), &arguments));
    check_program(&files.join("usr/bin/ferrowire"));
    if has("lintian") {
        succeed(Command::new("lintian").args(["--fail-on", "error"]).arg(&package));
    }
}

#[test]
fn a_program_that_is_another_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["dist", "--program", "/bin/true", "--to", "out"];
    let problem = fail(&mut xtask(folder.path(), &arguments));
    assert!(problem.contains("build it from these sources"), "{problem}");
    assert!(fs::read_dir(folder.path().join("out")).unwrap().next().is_none());
}
