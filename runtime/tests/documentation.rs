//! The commands of pages of the documentation, run as they are printed there.
#![expect(clippy::unwrap_used, reason = "the harness of a test fails it so")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What begins a command that runs until it is ended.
const RUNS: &str = "ferrowire run ";

/// The port that the pages name.
const PORT: &str = "1880";

/// A block of a page: its language and its lines.
struct Block {
    language: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let parts: Vec<&str> = page.split("\n```").collect();
    // Every other part is between blocks.
    let inside = parts.iter().skip(1).step_by(2).map(|part| part.split_once('\n').unwrap());
    inside
        .map(|(language, text)| Block { language: language.to_owned(), text: text.to_owned() })
        .collect()
}

/// A folder in which somebody reads a page, with a terminal for commands and another one for a program that runs.
struct Reader {
    folder: tempfile::TempDir,
    running: Option<Child>,
    /// That of the program.
    port: String,
    printed: String,
}

impl Reader {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        symlink(env!("CARGO_BIN_EXE_ferrowire"), folder.path().join("bin/ferrowire")).unwrap();
        Reader { folder, running: None, port: PORT.to_owned(), printed: String::new() }
    }

    /// Does what a page says. Returns the number of commands and of outputs that were compared.
    fn follow(&mut self, name: &str) -> (usize, usize) {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let page = fs::read_to_string(docs.join(name)).unwrap();
        let (mut ran, mut compared) = (0, 0);
        for block in blocks(&page) {
            match block.language.as_str() {
                "sh" => {
                    self.do_all(&block.text);
                    ran += 1;
                }
                "text" => {
                    assert_eq!(self.printed.trim(), block.text.trim(), "{name}");
                    compared += 1;
                }
                other => assert!(!matches!(other, "bash" | "console" | "shell"), "{name}: {other}"),
            }
        }
        (ran, compared)
    }

    fn do_all(&mut self, text: &str) {
        let text = text.replace(PORT, &self.port);
        let last = text.trim_end().rsplit('\n').next().unwrap();
        match last.strip_prefix(RUNS) {
            None => self.run(&text),
            Some(_) => {
                self.run(text.trim_end().strip_suffix(last).unwrap());
                self.start(last);
            }
        }
    }

    fn command(&self, script: &str) -> Command {
        let path = std::env::var_os("PATH").unwrap().into_string().unwrap();
        let bin = self.folder.path().join("bin");
        let mut command = Command::new("bash");
        command.args(["-e", "-u", "-o", "pipefail", "-c", script]);
        command.current_dir(self.folder.path().join("work")).env("HOME", self.folder.path());
        command.env("PATH", format!("{}:{path}", bin.display())).env_remove("PORT");
        command
    }

    fn run(&mut self, script: &str) {
        let output = self.command(script).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        self.printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{script}\n{}\n{errors}", self.printed);
    }

    /// Starts a program at a free port, in the place of one that runs, and waits until it listens.
    fn start(&mut self, line: &str) {
        self.stop();
        let mut command = self.command(&format!("exec {line}"));
        let mut child = command.env("FERROWIRE_PORT", "0").stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        self.running = Some(child);
        let mut log = String::new();
        let address = lines.find_map(|line| {
            log.push_str(&line);
            Some(line.split_once("listening on http://127.0.0.1:")?.1.to_owned())
        });
        let address = address.unwrap_or_else(|| unreachable!("`{line}`: {log}"));
        self.port = address.chars().take_while(char::is_ascii_digit).collect();
        // Further lines must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ended = child.kill();
            let _reaped = child.wait();
        }
        self.port = PORT.to_owned();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn the_commands_of_getting_started_do_what_the_page_says() {
    assert_eq!(Reader::new().follow("getting-started.md"), (6, 4));
}

#[test]
fn the_commands_for_a_directory_of_node_red_work() {
    let mut reader = Reader::new();
    let directory = reader.folder.path().join(".node-red");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("settings.js"), "module.exports = { uiHost: '127.0.0.1' }").unwrap();
    fs::write(directory.join("flows.json"), "[]").unwrap();
    assert_eq!(reader.follow("from-node-red.md"), (1, 0));
    assert!(directory.join("ferrowire.toml").is_file());
    let mut ask = reader.command(&format!("curl --fail http://127.0.0.1:{}/flows", reader.port));
    assert_eq!(ask.output().unwrap().stdout, b"[]");
}

#[test]
fn the_contents_name_every_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let contents = fs::read_to_string(docs.join("README.md")).unwrap();
    for entry in fs::read_dir(&docs).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_page = name.ends_with(".md") && name != "README.md";
        assert!(!is_page || contents.contains(&format!("]({name})")), "{name}");
    }
    let linked = contents.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap());
    for name in linked {
        assert!(docs.join(name).is_file(), "{name}");
    }
}
