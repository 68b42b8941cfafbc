//! Each form of a client's certificate and key in a `tls-config`, in a handshake with a server that
//! requires one. The files in `tests/identity` are made with OpenSSL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the harness of a test fails it so")]

use std::sync::Arc;

use ferrowire_core::{Map, Value};
use ferrowire_net::TlsOptions;
use serde_json::{Value as Json, json};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};
use tokio_rustls::{TlsAcceptor, TlsConnector};

fn file(name: &str) -> String {
    format!("{}/tests/identity/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(file(name)).unwrap()
}

fn text(name: &str) -> String {
    String::from_utf8(read(name)).unwrap()
}

fn base64(name: &str) -> String {
    data_encoding::BASE64.encode(&read(name))
}

/// The options, and their problems.
fn options(properties: Json) -> (TlsOptions, Vec<String>) {
    let properties: Map = Value::from(properties).as_object().cloned().unwrap();
    let mut problems = Vec::new();
    let options = TlsOptions::from_properties(&properties, |property, text| {
        problems.push(format!("{property}: {text}"));
    });
    (options, problems)
}

fn server() -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&read("ca.pem")).unwrap()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build();
    let chain = vec![CertificateDer::from_pem_slice(&read("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&read("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(chain, key);
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

/// Asserts that the server and a client with these properties accept each other.
async fn assert_accepted(properties: Json) {
    let (options, problems) = options(properties.clone());
    assert!(problems.is_empty(), "{problems:?}");
    let config = options.client_config().unwrap_or_else(|e| panic!("{properties}: {e}"));
    let (here, there) = tokio::io::duplex(64 << 10);
    let name = "localhost".try_into().unwrap();
    let (client, server) =
        tokio::join!(TlsConnector::from(config).connect(name, here), server().accept(there));
    client.unwrap_or_else(|e| panic!("{properties}: {e}"));
    let server = server.unwrap_or_else(|e| panic!("{properties}: {e}"));
    let shown = server.get_ref().1.peer_certificates().unwrap();
    assert_eq!(shown[0], CertificateDer::from_pem_slice(&read("client.pem")).unwrap());
}

#[tokio::test]
async fn every_form_of_a_certificate_and_its_key_is_accepted() {
    let ca = file("ca.pem");
    let pasted = |key: &str| {
        json!({"cadata": text("ca.pem"), "certdata": text("client.pem"),
        "keydata": text(key), "passphrase": "sésame"})
    };
    for properties in [
        json!({"cert": file("client.pem"), "key": file("client.key"), "ca": ca}),
        json!({"cert": file("client.pem"), "key": file("encrypted.pem"), "ca": ca,
            "credentials": {"passphrase": "sésame"}}),
        json!({"credentials": pasted("client.key")}),
        json!({"credentials": pasted("encrypted.pem")}),
        // The archive contains its authority.
        json!({"certType": "pfx", "p12": file("modern.p12"),
            "credentials": {"passphrase": "sésame"}}),
        json!({"certType": "pfx", "p12": file("legacy.p12"),
            "credentials": {"passphrase": "sésame"}}),
        json!({"certType": "pfx", "p12": "", "p12name": "modern.p12",
            "credentials": {"p12data": base64("modern.p12"), "passphrase": "sésame"}}),
        // Node-RED ignores the properties of the other form.
        json!({"certType": "pfx", "p12": file("open.p12"), "cert": "none.pem",
            "verifyservercert": false}),
        json!({"certType": "files", "cert": file("client.pem"), "key": file("client.key"),
            "ca": ca, "p12": "none.p12", "credentials": {"p12data": "?"}}),
    ] {
        assert_accepted(properties).await;
    }
}

#[test]
fn what_cannot_be_used_is_an_error_that_says_why() {
    let with = |p12: &str, passphrase: &str| json!({"certType": "pfx", "p12": p12, "credentials": {"passphrase": passphrase}});
    let pem = |key: &str, passphrase: &str| json!({"cert": file("client.pem"), "key": file(key), "credentials": {"passphrase": passphrase}});
    let closed = |name: &str| format!("cannot open `{}` with this `passphrase`", file(name));
    let invalid = format!("invalid PKCS#12 archive in `{}`: ", file("client.pem"));
    for (properties, reason) in [
        (with(&file("modern.p12"), "wrong"), closed("modern.p12").as_str()),
        (with(&file("legacy.p12"), ""), closed("legacy.p12").as_str()),
        (with(&file("client.pem"), ""), invalid.as_str()),
        (with("/none.p12", ""), "cannot read `/none.p12`"),
        (json!({"certType": "pfx", "credentials": {"p12data": "!"}}), "expected base64"),
        (pem("encrypted.pem", ""), "it is encrypted; set `passphrase`"),
        (pem("encrypted.pem", "wrong"), "cannot decrypt it with this `passphrase`"),
        (pem("traditional.pem", "sésame"), "convert it with `openssl pkcs8 -topk8`"),
        (pem("server.key", ""), "certificate and key do not match"),
        (pem("client.pem", ""), "invalid private key"),
    ] {
        let (options, problems) = options(properties.clone());
        assert!(problems.is_empty(), "{problems:?}");
        let error = options.client_config().unwrap_err();
        assert!(error.contains(reason), "{properties}: {error}");
        assert!(!format!("{options:?}").contains("sésame"), "{options:?}");
    }
    let (_, problems) = options(json!({"certType": "pfx", "p12name": "lost.p12"}));
    assert_eq!(problems, ["p12: the content is missing; set the path of a file instead"]);
}
