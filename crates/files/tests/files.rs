//! Replacement, locks and folders, on a real file system and with processes that are killed.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ferrowire_files::{
    Content, Folder, Lock, NotLocked, recover, remove_leftovers, replace, replace_together,
};

const FOLDER: &str = "FERROWIRE_TEST_FOLDER";

fn content<'a>(path: &'a Path, bytes: &'a [u8]) -> Content<'a> {
    Content { path, bytes, secret: false, keep_old: true }
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_content_is_replaced_and_the_old_one_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sub/flows.json");
    replace(content(&path, b"one")).unwrap();
    replace(content(&path, b"two")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::read(folder.path().join("sub/.flows.json.backup")).unwrap(), b"one");
    assert_eq!(names(&folder.path().join("sub")), [".flows.json.backup", "flows.json"]);
}

#[test]
fn permissions_are_kept_and_secrets_are_readable_by_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (secret, shared) = (folder.path().join("secret"), folder.path().join("shared"));
    replace(Content { secret: true, ..content(&secret, b"x") }).unwrap();
    assert_eq!(mode(&secret), 0o600);
    fs::write(&shared, "x").unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o640)).unwrap();
    replace(content(&shared, b"y")).unwrap();
    assert_eq!(mode(&shared), 0o640);
    let below = Folder::open(folder.path()).unwrap();
    below.replace(Path::new("shared"), b"z").unwrap();
    assert_eq!((mode(&shared), fs::read(&shared).unwrap()), (0o640, b"z".to_vec()));
}

#[test]
fn a_link_stays_a_link_and_its_backup_is_beside_it() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (link, real) = (here.path().join("flows.json"), there.path().join("real.json"));
    fs::write(&real, "x").unwrap();
    symlink(&real, &link).unwrap();
    replace(content(&link, b"y")).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&real).unwrap(), b"y");
    assert_eq!(names(there.path()), ["real.json"]);
    assert_eq!(fs::read(here.path().join(".flows.json.backup")).unwrap(), b"x");
}

#[test]
fn a_lock_is_held_until_it_is_dropped_and_names_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".lock");
    let lock = Lock::take(&path).unwrap();
    let refused = Lock::take(&path).unwrap_err();
    assert!(matches!(refused, NotLocked::Held(Some(id)) if id == std::process::id()));
    drop(lock);
    assert!(!path.exists());
    drop(Lock::take(&path).unwrap());
    let missing = Lock::take(&folder.path().join("no/.lock")).unwrap_err();
    assert!(matches!(missing, NotLocked::Unsupported(_)));
}

#[test]
fn a_lock_of_a_killed_process_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".lock");
    fs::write(&path, "1").unwrap();
    drop(Lock::take(&path).unwrap());
}

#[test]
fn leftovers_are_removed_but_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let used = folder.path().join(".ferrowire-used00.new");
    fs::create_dir(folder.path().join("sub")).unwrap();
    for name in [
        ".ferrowire-abc123.new",
        "sub/.ferrowire-ABC123.new",
        ".ferrowire-used00.new",
        ".ferrowire-abc1234.new",
        "ferrowire-abc123.new",
        ".mine.new",
        "flows.json",
    ] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join(".ferrowire-abc123.new"), "x").unwrap();
    symlink(elsewhere.path(), folder.path().join("link")).unwrap();
    let used = fs::File::open(used).unwrap();
    used.try_lock().unwrap();
    assert_eq!(remove_leftovers(folder.path(), false).unwrap(), 1);
    assert_eq!(remove_leftovers(folder.path(), true).unwrap(), 1);
    assert_eq!(
        names(folder.path()),
        [
            ".ferrowire-abc1234.new",
            ".ferrowire-used00.new",
            ".mine.new",
            "ferrowire-abc123.new",
            "flows.json",
            "link",
            "sub"
        ]
    );
    assert_eq!(names(elsewhere.path()), [".ferrowire-abc123.new"]);
    drop(used);
    assert_eq!(remove_leftovers(folder.path(), false).unwrap(), 1);
    assert_eq!(remove_leftovers(&folder.path().join("gone"), true).unwrap(), 0);
}

#[test]
fn an_interrupted_replacement_is_completed_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("flows.json"), "new").unwrap();
    fs::write(at("flows_cred.json"), "old").unwrap();
    fs::write(at(".ferrowire-bbbbbb.new"), "new").unwrap();
    let journal = b".ferrowire-aaaaaa.new\0flows.json\0.ferrowire-bbbbbb.new\0flows_cred.json\0";
    fs::write(at(".journal"), journal).unwrap();
    assert!(recover(&at(".journal")).unwrap());
    assert_eq!(fs::read(at("flows.json")).unwrap(), b"new");
    assert_eq!(fs::read(at("flows_cred.json")).unwrap(), b"new");
    assert!(!recover(&at(".journal")).unwrap());
    assert_eq!(names(folder.path()), ["flows.json", "flows_cred.json"]);
}

#[test]
fn a_replacement_that_cannot_begin_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("a")).unwrap();
    fs::write(at("b"), "old").unwrap();
    let (a, b) = (at("a"), at("b"));
    let keep = |path, bytes| Content { keep_old: false, ..content(path, bytes) };
    let both = [keep(&a, b"new"), keep(&b, b"new")];
    replace_together(&both, &at(".journal")).unwrap_err();
    assert_eq!(fs::read(at("b")).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["a", "b"]);
    let elsewhere = replace_together(&[keep(&b, b"new")], &at("a/.journal")).unwrap_err();
    assert_eq!(elsewhere.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn links_do_not_lead_out_of_a_folder() {
    let (root, foreign) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let secret = foreign.path().join("secret.txt");
    fs::write(&secret, "secret").unwrap();
    fs::create_dir(root.path().join("real")).unwrap();
    fs::write(root.path().join("real/page.txt"), "page").unwrap();
    symlink(&secret, root.path().join("file")).unwrap();
    symlink(foreign.path(), root.path().join("folder")).unwrap();
    symlink("real", root.path().join("inside")).unwrap();
    let folder = Folder::open(root.path()).unwrap();
    for path in ["file", "folder/secret.txt", "../x", "real/../../x"] {
        let read = folder.read_to_string(Path::new(path)).unwrap_err();
        assert_eq!(read.kind(), io::ErrorKind::PermissionDenied, "{path}");
        let written = folder.replace(Path::new(path), b"x").unwrap_err();
        assert_eq!(written.kind(), io::ErrorKind::PermissionDenied, "{path}");
    }
    assert_eq!(names(foreign.path()), ["secret.txt"]);
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    assert_eq!(folder.read_to_string(Path::new("inside/page.txt")).unwrap(), "page");
    let listed = folder.list(Path::new("")).unwrap();
    let listed: Vec<_> = listed.iter().map(|it| (it.name.as_str(), it.is_folder)).collect();
    assert_eq!(listed, [("inside", true), ("real", true)]);
    folder.replace(Path::new("new/a.txt"), b"a").unwrap();
    assert_eq!(names(&root.path().join("new")), ["a.txt"]);
}

/// Not a test: the next test starts this as a process and kills it.
#[test]
fn writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let at = |name: &str| Path::new(&folder).join(name);
    let (flows, credentials) = (at("flows.json"), at("flows_cred.json"));
    for round in 0_u64.. {
        let bytes = vec![b'a' + (round % 26) as u8; 100_000];
        replace_together(
            &[content(&flows, &bytes), content(&credentials, &bytes)],
            &at(".journal"),
        )
        .unwrap();
    }
}

fn writer(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writes_until_it_is_killed"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_process_that_is_killed_at_any_moment_leaves_both_files_old_or_both_new() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let changed = || fs::metadata(at("flows.json")).and_then(|it| it.modified()).ok();
    for round in 0..40_u64 {
        let before = changed();
        let mut child = writer(folder.path());
        let begun = Instant::now();
        // Waits for the first write, and then for a different time in each round.
        while changed() == before {
            assert!(begun.elapsed() < Duration::from_secs(30), "nothing was written");
            std::thread::yield_now();
        }
        let moment = Instant::now() + Duration::from_micros(130 * round);
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        recover(&at(".journal")).unwrap();
        remove_leftovers(folder.path(), false).unwrap();
        let (flows, credentials) =
            (fs::read(at("flows.json")).unwrap(), fs::read(at("flows_cred.json")).unwrap());
        assert_eq!(flows.len(), 100_000);
        assert!(flows.iter().all(|byte| *byte == flows[0]));
        assert!(flows == credentials, "round {round}");
        let left = names(folder.path());
        assert!(left.iter().all(|name| name.contains("flows")), "{left:?}");
    }
}
