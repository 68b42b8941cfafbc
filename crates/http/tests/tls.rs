//! The certificate of the port and those of clients, over real sockets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::{Map, Value};
use ferrowire_http::{Clients, Limits, Page, Passphrase, Routes, ServerTls, TlsFiles, full, serve};
use ferrowire_net::TlsOptions;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::sync::CancellationToken;

/// A folder with `cert.pem` and `key.pem`.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.replace();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn files(&self) -> TlsFiles {
        let (certificate, key) = (self.path("cert.pem"), self.path("key.pem"));
        TlsFiles { certificate, key, passphrase: None, clients: None }
    }

    /// Writes a new pair; returns the certificate.
    fn replace(&self) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(self.path("cert.pem"), made.cert.pem()).unwrap();
        fs::write(self.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().to_vec()
    }
}

/// A certificate or key of the tests of TLS clients.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../net/tests/identity").join(name)
}

#[expect(clippy::disallowed_methods, reason = "no node owns this task")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// A port that answers with the header `client-cert` of the request.
async fn port(tls: &Arc<ServerTls>) -> SocketAddr {
    let routes = Routes::new();
    let page: Page = Arc::new(|request, _| {
        let field = request.headers().get("client-cert").map(|it| it.to_str().unwrap().to_owned());
        Box::pin(std::future::ready(full("text/plain", field.unwrap_or_default())))
    });
    let page = routes.add_page("/", page).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tls = Arc::clone(tls);
    spawn(async move {
        let _kept = page;
        serve(listener, Some(tls), routes, Limits::default(), CancellationToken::new()).await;
    });
    address
}

/// The server's certificate and what it answers to a request with a made-up `Client-Cert`; empty if it
/// closes the connection.
async fn ask(address: SocketAddr, properties: &[(&str, &str)]) -> (Vec<u8>, String) {
    let mut all: Map =
        properties.iter().map(|(name, value)| (*name, Value::from(*value))).collect();
    all.insert("verifyservercert", false);
    let options = TlsOptions::from_properties(&all, |name, text| panic!("{name}: {text}"));
    let connector = TlsConnector::from(options.client_config().unwrap());
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, tcp).await.unwrap();
    let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let request =
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nClient-Cert: :AAAA:\r\n\r\n";
    let mut answer = Vec::new();
    // A connection that the server refuses may fail at either.
    if stream.write_all(request.as_bytes()).await.is_ok() {
        drop(stream.read_to_end(&mut answer).await);
    }
    (certificate, String::from_utf8(answer).unwrap())
}

#[tokio::test]
async fn a_new_certificate_is_used_after_a_reload_and_a_mismatched_pair_is_not() {
    let folder = Folder::new();
    let tls = ServerTls::load(folder.files()).unwrap();
    let address = port(&tls).await;
    let (first, answer) = ask(address, &[]).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let second = folder.replace();
    assert_ne!(first, second);
    assert_eq!(ask(address, &[]).await.0, first);
    tls.reload().unwrap();
    assert_eq!(ask(address, &[]).await.0, second);
    let key = fs::read(folder.path("key.pem")).unwrap();
    folder.replace();
    fs::write(folder.path("key.pem"), key).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.starts_with("invalid pair of certificate `"), "{error}");
    fs::remove_file(folder.path("key.pem")).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.starts_with("cannot read private key `"), "{error}");
    assert_eq!(ask(address, &[]).await.0, second);
}

#[tokio::test]
async fn changed_files_are_noticed() {
    let folder = Folder::new();
    let tls = ServerTls::load(folder.files()).unwrap();
    let address = port(&tls).await;
    spawn(Arc::clone(&tls).watch(Duration::from_millis(5), CancellationToken::new()));
    let new = folder.replace();
    while ask(address, &[]).await.0 != new {}
}

#[tokio::test]
async fn keys_may_be_encrypted_and_begin_with_a_byte_order_mark() {
    let folder = Folder::new();
    let key = kept("encrypted.pem");
    let passphrase = |text: &str| Some(Passphrase(text.to_owned()));
    let encrypted = TlsFiles {
        certificate: kept("client.pem"),
        key: key.clone(),
        passphrase: passphrase("sésame"),
        clients: None,
    };
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let plain = fs::read_to_string(folder.path("key.pem")).unwrap();
    let address = port(&ServerTls::load(encrypted.clone()).unwrap()).await;
    assert!(ask(address, &[]).await.1.starts_with("HTTP/1.1 200 "));
    for content in [format!("\u{feff}{plain}").into_bytes(), utf16(&format!("\u{feff}{plain}"))] {
        fs::write(folder.path("key.pem"), content).unwrap();
        ServerTls::load(folder.files()).unwrap();
    }
    for (files, reason) in [
        (
            TlsFiles { passphrase: None, ..encrypted.clone() },
            "it is encrypted; set `tls-passphrase`",
        ),
        (
            TlsFiles { passphrase: passphrase("wrong"), ..encrypted.clone() },
            "cannot decrypt it with this `tls-passphrase`",
        ),
        (
            TlsFiles { key: kept("traditional.pem"), ..encrypted.clone() },
            "convert it with `openssl pkcs8 -topk8`",
        ),
    ] {
        let error = ServerTls::load(files).unwrap_err().to_string();
        assert!(error.starts_with("invalid private key `") && error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn clients_show_certificates_and_cannot_make_them_up() {
    let folder = Folder::new();
    let (cert, key) = (kept("client.pem"), kept("client.key"));
    let own = [("cert", cert.to_str().unwrap()), ("key", key.to_str().unwrap())];
    for required in [true, false] {
        let clients = Some(Clients { authorities: kept("ca.pem"), required });
        let tls = ServerTls::load(TlsFiles { clients, ..folder.files() }).unwrap();
        let address = port(&tls).await;
        let (_, answer) = ask(address, &own).await;
        assert!(answer.contains("\r\n\r\n:MI"), "{answer}");
        let (_, answer) = ask(address, &[]).await;
        match required {
            true => assert_eq!(answer, ""),
            false => assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n")),
        }
        // Of another authority.
        let (cert, key) = (folder.path("cert.pem"), folder.path("key.pem"));
        let foreign = [("cert", cert.to_str().unwrap()), ("key", key.to_str().unwrap())];
        assert_eq!(ask(address, &foreign).await.1, "");
    }
}
