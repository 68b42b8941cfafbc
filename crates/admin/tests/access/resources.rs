//! Static files of dialogs: browsers ask for them without a token.

use ferrowire_admin::AuthConfig;

use crate::support::Runtime;

#[tokio::test]
async fn static_files_of_a_crate_are_served_without_a_login() {
    let runtime = Runtime::start(Some(AuthConfig::default())).await;
    if !runtime.admin.serves_editor() {
        return;
    }
    for (path, expected) in [
        ("probes/chart.js", Some(("text/javascript; charset=utf-8", "draw()"))),
        ("probes/images/dot.svg", Some(("image/svg+xml", "<svg/>"))),
        ("probes/other.js", None),
        ("probes", None),
        ("others/chart.js", None),
        ("probes/../probes/chart.js", None),
    ] {
        let path = format!("/resources/{path}");
        let (head, body) = runtime.request_text("GET", &path, &[], "").await;
        let found = (head.status == 200).then(|| {
            (head.headers["content-type"].to_str().unwrap(), str::from_utf8(&body).unwrap())
        });
        assert_eq!(found, expected, "{path}: {}", head.status);
    }
    runtime.stop().await;
}
