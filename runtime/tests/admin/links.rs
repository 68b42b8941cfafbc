//! Symbolic links that lead out of the folders that the runtime serves and writes.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::Runtime;

#[tokio::test]
async fn the_library_neither_reads_nor_writes_outside_of_its_folder() {
    let (folder, foreign) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let secret = foreign.path().join("secret.json");
    fs::write(&secret, "[\"secret\"]").unwrap();
    let functions = folder.path().join("lib/functions");
    fs::create_dir_all(functions.join("inside")).unwrap();
    fs::write(functions.join("inside/f.js"), "return msg;").unwrap();
    symlink(&secret, functions.join("file.json")).unwrap();
    symlink(foreign.path(), functions.join("folder")).unwrap();
    symlink("inside", functions.join("alias")).unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    let json = [("Content-Type", "application/json")];
    for path in ["file.json", "folder/secret.json", "folder/new.json"] {
        let path = format!("/library/local/functions/{path}");
        let read = runtime.get(&path).await;
        assert!(read.status >= 400 && !read.text().contains("[\"secret\"]"), "{path}");
        let body = br#"{"text":"overwritten"}"#;
        assert_eq!(runtime.ask("POST", &path, &json, body).await.status, 403, "{path}");
    }
    assert_eq!(fs::read_to_string(&secret).unwrap(), "[\"secret\"]");
    assert_eq!(fs::read_dir(foreign.path()).unwrap().count(), 1, "nothing is left there");
    let list = runtime.get("/library/local/functions/").await.text().to_owned();
    assert_eq!(list, r#"["alias","inside"]"#);
    assert_eq!(runtime.get("/library/local/functions/folder/").await.status, 403);
    assert_eq!(runtime.get("/library/local/functions/alias/f.js").await.text(), "return msg;");
}

#[tokio::test]
async fn static_files_outside_of_their_folder_are_served_only_if_that_is_set() {
    let (user, folder, foreign) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let release = folder.path().join("release");
    fs::create_dir(&release).unwrap();
    fs::write(release.join("page.html"), "inside").unwrap();
    fs::write(foreign.path().join("page.html"), "outside").unwrap();
    symlink("release", folder.path().join("current")).unwrap();
    symlink(foreign.path(), folder.path().join("out")).unwrap();
    symlink(foreign.path().join("page.html"), folder.path().join("page.html")).unwrap();
    let statics = folder.path().to_str().unwrap();
    let arguments = ["--http-static", statics, "--http-static-follow-links"];
    for (arguments, status) in [(&arguments[..2], 404), (&arguments[..], 200)] {
        let runtime = Runtime::start(user.path(), arguments).await;
        assert_eq!(runtime.get("/current/page.html").await.text(), "inside");
        for path in ["/out/page.html", "/page.html"] {
            let answer = runtime.get(path).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.text() == "outside", status == 200, "{path}");
        }
        runtime.kill().await;
    }
}

#[tokio::test]
async fn a_named_pipe_among_static_files_is_not_opened() {
    let (user, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let statics = folder.path().to_str().unwrap();
    let arguments = ["--http-static", statics, "--http-static-follow-links"];
    for arguments in [&arguments[..2], &arguments[..]] {
        let mut runtime = Runtime::start(user.path(), arguments).await;
        assert_eq!(runtime.get("/pipe").await.status, 404);
        runtime.stop().await;
    }
}

#[tokio::test]
async fn a_flow_file_that_is_a_link_is_written_where_it_leads_and_leaves_nothing_there() {
    let (folder, foreign) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let real = foreign.path().join("mine.json");
    fs::write(&real, "[]").unwrap();
    symlink(&real, folder.path().join("flows.json")).unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    let flows = serde_json::json!({"flows": [
        {"id": "c", "type": "tls-config", "credentials": {"keydata": "k"}}
    ]});
    assert_eq!(runtime.deploy(&flows).await.status, 200);
    assert!(fs::read_to_string(&real).unwrap().contains("tls-config"));
    assert_eq!(fs::read_dir(foreign.path()).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(folder.path().join(".flows.json.backup")).unwrap(), "[]");
    assert!(folder.path().join("flows_cred.json").exists());
}
