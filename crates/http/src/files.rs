//! Files as responses, over tower-http: types, ranges, conditional requests. The headers are those
//! that Express's `send` sets.

mod opener;

use std::future::Future;
use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response as Answer, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use tower_http::services::fs::DefaultServeDirFallback;
use tower_http::services::{ServeDir, ServeFile};

pub use opener::Open;
use opener::Opener;

use crate::{Body, Response};

/// A folder whose files are served below a path.
#[derive(Clone, Debug)]
pub struct Folder {
    service: ServeDir<DefaultServeDirFallback, Opener>,
    below: String,
}

impl Folder {
    /// The files that `open` opens by their path in the folder, below the path `below`, which does not
    /// end with a slash.
    pub fn new(open: Open, below: &str) -> Self {
        let service = ServeDir::with_backend("", Opener(open))
            .redirect_path_prefix(below)
            .ignore_multi_range_requests(true);
        Folder { service, below: below.to_owned() }
    }

    /// The response to a `GET` or `HEAD` request; `None` if there is no such file. Files that start
    /// with a dot are not served, as in Node-RED. A folder without a slash is redirected to.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub async fn respond(&self, head: &Parts) -> io::Result<Option<Response>> {
        let Some(uri) = self.inside(&head.uri) else { return Ok(None) };
        let call = |request| {
            let mut service = self.service.clone();
            async move { service.try_call(request).await }
        };
        let response = serve((&head.method, &uri, &head.headers), call).await?;
        Ok(response.map(|mut response| {
            if response.status() == StatusCode::TEMPORARY_REDIRECT {
                // It is the same for every client and stays so.
                *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
            }
            response
        }))
    }

    /// The path within the folder.
    fn inside(&self, uri: &Uri) -> Option<Uri> {
        let path = uri.path().strip_prefix(&self.below)?;
        if is_hidden(path) {
            return None;
        }
        // Two slashes would make the redirect to a folder one to another host.
        let path = path.trim_start_matches('/');
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("/{path}{query}").parse().ok()
    }
}

/// The response to a `GET` or `HEAD` request that is answered with the file at `path`; `None` if
/// there is no such file.
///
/// # Errors
/// If the file cannot be read.
pub async fn file_response(path: PathBuf, head: &Parts) -> io::Result<Option<Response>> {
    match tokio::fs::metadata(&path).await {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    }
    // Other methods are answered with the file as well, as in Express.
    let method = if head.method == Method::HEAD { &Method::HEAD } else { &Method::GET };
    let service = ServeFile::new(path).ignore_multi_range_requests(true);
    let call = |request| {
        let mut service = service.clone();
        async move { service.try_call(request).await }
    };
    serve((method, &head.uri, &head.headers), call).await
}

/// Asks a service of tower-http, and adds what it leaves out.
async fn serve<F, B>(
    (method, uri, headers): (&Method, &Uri, &HeaderMap),
    call: impl Fn(Request<Empty<Bytes>>) -> F,
) -> io::Result<Option<Response>>
where
    F: Future<Output = io::Result<Answer<B>>>,
    B: http_body::Body<Data = Bytes, Error = io::Error> + Send + 'static,
{
    let mut request = Request::new(Empty::new());
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri.clone();
    *request.headers_mut() = headers.clone();
    // RFC 9110 §14.2 and §13.1.5: a range is one of `GET`, and of the file that the client has.
    let keeps_range = method == Method::GET
        && match headers.get(IF_RANGE) {
            Some(validator) => is_current(validator, uri, &call).await?,
            None => true,
        };
    if !keeps_range {
        request.headers_mut().remove(RANGE);
    }
    let mut response = match call(request).await {
        Ok(response) if response.status() == StatusCode::NOT_FOUND => return Ok(None),
        Ok(response) => response,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    complete(response.status(), response.headers_mut());
    Ok(Some(response.map(|body| -> Body { Box::pin(body) })))
}

/// Whether the file is the one that `If-Range` names.
async fn is_current<F, B>(
    validator: &HeaderValue,
    uri: &Uri,
    call: impl Fn(Request<Empty<Bytes>>) -> F,
) -> io::Result<bool>
where
    F: Future<Output = io::Result<Answer<B>>>,
{
    let mut request = Request::new(Empty::new());
    *request.method_mut() = Method::HEAD;
    *request.uri_mut() = uri.clone();
    let found = match call(request).await {
        Ok(response) => response,
        Err(error) if is_missing(&error) => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok([ETAG, LAST_MODIFIED].iter().any(|name| found.headers().get(name) == Some(validator)))
}

fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound, PermissionDenied};
    matches!(
        error.kind(),
        NotFound | PermissionDenied | NotADirectory | InvalidInput | InvalidFilename
    )
}

/// The encoding of texts, and that caches ask again before they use the file.
fn complete(status: StatusCode, headers: &mut HeaderMap) {
    if !status.is_success() && status != StatusCode::NOT_MODIFIED {
        return;
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let with_charset = kind
        .filter(|kind| is_text(kind) && !kind.contains("charset"))
        .and_then(|kind| HeaderValue::try_from(format!("{kind}; charset=UTF-8")).ok());
    if let Some(kind) = with_charset {
        headers.insert(CONTENT_TYPE, kind);
    }
}

fn is_text(kind: &str) -> bool {
    kind.starts_with("text/") || matches!(kind, "application/javascript" | "application/json")
}

fn is_hidden(path: &str) -> bool {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    decoded.contains('\0') || decoded.split(['/', '\\']).any(|part| part.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use http_body_util::BodyExt;

    use super::*;

    fn opener(folder: &Path) -> Open {
        let folder = folder.to_owned();
        std::sync::Arc::new(move |path: &Path| std::fs::File::open(folder.join(path)))
    }

    struct Site {
        _folder: tempfile::TempDir,
        served: Folder,
    }

    impl Site {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
            std::fs::create_dir(folder.path().join("sub")).unwrap();
            write("page.html", "<p>Grüße</p>").unwrap();
            write("app.js", "let a").unwrap();
            write("data.json", "{}").unwrap();
            write("image.png", "png").unwrap();
            write("README", "no extension").unwrap();
            write(".secret", "no").unwrap();
            write("sub/index.html", "index").unwrap();
            let served = Folder::new(opener(folder.path()), "/files");
            Site { _folder: folder, served }
        }

        async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Option<Got> {
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let head = request.body(()).unwrap().into_parts().0;
            let response = self.served.respond(&head).await.unwrap()?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Some(Got { status: head.status.as_u16(), headers: head.headers, body })
        }

        async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Got {
            self.ask("GET", path, headers).await.unwrap()
        }
    }

    struct Got {
        status: u16,
        headers: HeaderMap,
        body: Bytes,
    }

    impl Got {
        fn header(&self, name: &str) -> Option<&str> {
            self.headers.get(name).map(|value| value.to_str().unwrap())
        }
    }

    #[tokio::test]
    async fn files_have_a_type_with_an_encoding_and_are_asked_for_again() {
        let site = Site::new();
        for (name, kind) in [
            ("page.html", "text/html; charset=UTF-8"),
            ("app.js", "text/javascript; charset=UTF-8"),
            ("data.json", "application/json; charset=UTF-8"),
            ("image.png", "image/png"),
            ("README", "application/octet-stream"),
            ("sub/", "text/html; charset=UTF-8"),
        ] {
            for (method, status, range) in
                [("GET", 200, None), ("HEAD", 200, None), ("GET", 206, Some("bytes=0-1"))]
            {
                let headers = range.map(|range| ("range", range));
                let got = site.ask(method, &format!("/files/{name}"), headers.as_slice()).await;
                let got = got.unwrap();
                assert_eq!(
                    (got.status, got.header("content-type")),
                    (status, Some(kind)),
                    "{name}"
                );
                assert_eq!(got.header("cache-control"), Some("public, max-age=0"), "{name}");
                assert!(got.header("last-modified").is_some() && got.header("etag").is_some());
            }
        }
    }

    #[tokio::test]
    async fn a_client_that_has_the_file_gets_304() {
        let site = Site::new();
        let first = site.get("/files/page.html", &[]).await;
        let (tag, date) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
        for known in [("if-none-match", tag), ("if-none-match", "*"), ("if-modified-since", date)] {
            let again = site.get("/files/page.html", &[known]).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{known:?}");
            assert_eq!(again.header("etag"), Some(tag));
            assert_eq!(again.header("cache-control"), Some("public, max-age=0"));
        }
        let other = site.get("/files/page.html", &[("if-none-match", "\"other\"")]).await;
        assert_eq!(other.status, 200);
    }

    #[tokio::test]
    async fn ranges_are_parts_of_the_file_that_the_client_knows() {
        let site = Site::new();
        let ask = async |headers: &[(&str, &str)]| {
            let got = site.get("/files/README", headers).await;
            let range = got.header("content-range").map(str::to_owned);
            (got.status, String::from_utf8(got.body.to_vec()).unwrap(), range)
        };
        let tag = site.get("/files/README", &[]).await.header("etag").unwrap().to_owned();
        let part = (206, "no".to_owned(), Some("bytes 0-1/12".to_owned()));
        let all = (200, "no extension".to_owned(), None);
        assert_eq!(ask(&[("range", "bytes=0-1")]).await, part);
        assert_eq!(ask(&[("range", "bytes=0-1"), ("if-range", &tag)]).await, part);
        assert_eq!(ask(&[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await, all);
        assert_eq!(ask(&[("range", "bytes=0-1,3-4")]).await, all);
        let beyond = (416, String::new(), Some("bytes */12".to_owned()));
        assert_eq!(ask(&[("range", "bytes=100-")]).await, beyond);
    }

    #[tokio::test]
    async fn a_folder_is_redirected_to_below_the_root_with_its_query() {
        let site = Site::new();
        let redirect = site.get("/files/sub?a=1", &[]).await;
        assert_eq!((redirect.status, redirect.header("location")), (301, Some("/files/sub/?a=1")));
        let at_root = Folder::new(opener(site._folder.path()), "");
        let head = Request::get("http://host//sub").body(()).unwrap().into_parts().0;
        let redirect = at_root.respond(&head).await.unwrap().unwrap();
        assert_eq!(redirect.headers()["location"], "/sub/");
    }

    #[tokio::test]
    async fn what_is_no_file_is_not_found() {
        let site = Site::new();
        for path in [
            "nothing",
            "README/",
            "README/x",
            "a%00b",
            "%zz",
            ".secret",
            "%2esecret",
            "../files/README",
            "..%2fREADME",
            "sub/..%5c..",
            "",
        ] {
            for method in ["GET", "HEAD"] {
                let got = site.ask(method, &format!("/files/{path}"), &[]).await;
                assert!(got.is_none(), "{method} {path}: {}", got.unwrap().status);
            }
        }
    }

    #[tokio::test]
    async fn files_may_be_opened_by_a_function_that_refuses_some() {
        let site = Site::new();
        let folder = site._folder.path().to_owned();
        let open: Open = std::sync::Arc::new(move |path: &Path| match path.ends_with("app.js") {
            true => Err(io::ErrorKind::PermissionDenied.into()),
            false => std::fs::File::open(folder.join(path)),
        });
        let served = Folder::new(open, "/files");
        for (path, status) in [("page.html", 200), ("sub", 301), ("sub/", 200)] {
            let head = Request::get(format!("/files/{path}")).body(()).unwrap().into_parts().0;
            let response = served.respond(&head).await.unwrap().unwrap();
            assert_eq!(response.status(), status, "{path}");
        }
        for path in ["app.js", "none"] {
            let head = Request::get(format!("/files/{path}")).body(()).unwrap().into_parts().0;
            assert!(served.respond(&head).await.unwrap().is_none(), "{path}");
        }
    }

    #[tokio::test]
    async fn one_file_is_sent_whatever_the_method() {
        let site = Site::new();
        let path = site._folder.path().join("page.html");
        let head = Request::post("/anything").body(()).unwrap().into_parts().0;
        let response = file_response(path, &head).await.unwrap().unwrap();
        assert_eq!(response.headers()["content-type"], "text/html; charset=UTF-8");
        let folder = site._folder.path().join("sub");
        for missing in [folder.join("none"), folder, "a\0b".into()] {
            assert!(file_response(missing, &head).await.unwrap().is_none());
        }
    }
}
