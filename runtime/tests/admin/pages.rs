//! The editor's page and files, in programs with and without the editor.

use crate::support::Runtime;

#[tokio::test]
async fn the_editor_is_served_compressed_and_cached() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::start(folder.path(), &[]).await;
    let page = runtime.get("/").await;
    if !runtime.has_editor().await {
        // Without npm there is no editor to embed: the page says so, and how to get it.
        assert!(page.text().contains("cargo xtask editor"), "{}", page.text());
        return;
    }
    assert!(page.text().contains("<title>Ferrowire</title>"), "{}", page.text());
    let address = |line: &str| {
        let (_, rest) = line.split_once("src=\"").or_else(|| line.split_once("href=\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    let addresses: Vec<String> = page.text().lines().filter_map(address).collect();
    assert!(addresses.len() > 8, "{addresses:?}");
    for address in addresses {
        let path = format!("/{address}");
        let file = runtime.ask("GET", &path, &[("Accept-Encoding", "gzip")], b"").await;
        assert_eq!(file.status, 200, "{path}");
        let tag = file.header("etag").unwrap().to_owned();
        let again = runtime.ask("GET", &path, &[("If-None-Match", &tag)], b"").await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        let is_versioned = path.contains("?v=");
        let caching = file.header("cache-control").unwrap();
        assert_eq!(caching.contains("immutable"), is_versioned, "{path}");
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    }
    for (path, kind) in [
        ("/red/red.min.js", "text/javascript; charset=utf-8"),
        ("/red/style.min.css", "text/css; charset=utf-8"),
        ("/red/images/node-red-icon.svg", "image/svg+xml"),
        ("/vendor/font-awesome/fonts/fontawesome-webfont.woff2", "font/woff2"),
        ("/red/keymap.json", "application/json; charset=utf-8"),
    ] {
        assert_eq!(runtime.get(path).await.header("content-type"), Some(kind), "{path}");
    }
}

#[tokio::test]
async fn the_editor_can_be_elsewhere_or_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::start(folder.path(), &["--http-admin-root", "/admin"]).await;
    let moved = runtime.get("/admin?x=1").await;
    assert_eq!((moved.status, moved.header("location")), (301, Some("/admin/?x=1")));
    assert_eq!(runtime.get("/admin/").await.status, 200);
    assert_eq!(runtime.get("/admin/flows").await.text(), "[]");
    assert_eq!(runtime.get("/flows").await.status, 404);
    assert!(runtime.get("/").await.text().contains("/ferrowire/test"));
    runtime.kill().await;

    let runtime = Runtime::start(folder.path(), &["--no-editor"]).await;
    let home = runtime.get("/").await;
    assert!(home.text().contains("switched off") || !runtime.has_editor().await);
    assert_eq!(runtime.get("/red/red.min.js").await.status, 404);
    assert_eq!(runtime.get("/flows").await.text(), "[]");
    runtime.kill().await;

    let runtime = Runtime::start(folder.path(), &["--http-admin-root", "off"]).await;
    assert_eq!(runtime.get("/flows").await.status, 404);
    assert!(runtime.get("/").await.text().contains("/ferrowire/test"));
}
