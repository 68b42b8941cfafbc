//! How an instance logs in, and what it says if it may not.

use std::path::PathBuf;

use crate::nats::Nats;
use crate::support::{Runtime, echo};

/// The end of a start that needs NATS: its last line.
async fn refused(nats: &str, arguments: &[&str], env: &[(&str, &str)]) -> String {
    let mut program = crate::program("run");
    program.envs(env.iter().copied());
    let of_cluster = ["--listen", "127.0.0.1:0", "--cluster", nats, "--cluster-required", "true"];
    program.args([&of_cluster[..], arguments].concat());
    let folder = tempfile::tempdir().unwrap();
    let flows = folder.path().join("flows.json");
    std::fs::write(&flows, echo().to_string()).unwrap();
    let output = tokio::process::Command::from(program).arg(flows).output();
    let output = crate::support::soon("the end", output).await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    text.lines().last().unwrap().to_owned()
}

#[tokio::test]
async fn user_password_and_token_log_in_and_wrong_ones_give_one_clear_line() {
    let with_user = Nats::start_with(&["--user", "ann", "--pass", "secret"]).await;
    let with_token = Nats::start_with(&["--auth", "a-token"]).await;
    let password = |it| [("FERROWIRE_CLUSTER_USER", "ann"), ("FERROWIRE_CLUSTER_PASSWORD", it)];
    let token = |it| [("FERROWIRE_CLUSTER_TOKEN", it)];
    for (nats, env) in [(&with_user, &password("secret")[..]), (&with_token, &token("a-token"))] {
        let url = nats.url();
        let arguments = ["--cluster", url.as_str(), "--instance-name", "n"];
        let mut runtime = Runtime::start_with(echo(), &arguments, env).await;
        runtime.log_line("the instance `n` is in the cluster `ferrowire`").await;
    }
    for (nats, env) in [(&with_user, &password("wrong")[..]), (&with_token, &token("wrong"))] {
        let line = refused(&nats.url(), &[], env).await;
        let expected =
            format!("NATS at `{}` refuses this instance; check `cluster-cred", nats.url());
        assert!(line.contains(&expected), "{line}");
        assert!(!line.contains("wrong"), "{line}");
    }
}

#[tokio::test]
async fn without_being_required_wrong_credentials_are_one_line_and_the_flows_run() {
    let nats = Nats::start_with(&["--user", "ann", "--pass", "secret"]).await;
    let mut runtime = Runtime::start_with(echo(), &["--cluster", &nats.url()], &[]).await;
    runtime.log_line("refuses this instance").await;
    runtime.connect("/ws").await.echo("served").await;
    let (log, _) = runtime.terminate().await;
    assert!(!log.contains("refuses this instance"), "once: {log}");
}

#[tokio::test]
async fn what_cannot_be_used_is_said_at_the_start() {
    let line = refused("nats://127.0.0.1:1", &[], &[]).await;
    assert!(line.contains("cannot reach NATS at `nats://127.0.0.1:1`"), "{line}");
    let line = refused("nats://ann:secret@127.0.0.1", &[], &[]).await;
    assert!(line.contains("set `cluster-user` and `cluster-password`"), "{line}");
    let line = refused("http://127.0.0.1", &[], &[]).await;
    assert!(line.contains("found `http://127.0.0.1`"), "{line}");
    let line = refused("nats://127.0.0.1", &["--cluster-credentials", "/nowhere"], &[]).await;
    assert!(line.contains("`cluster-credentials`: cannot read `/nowhere`"), "{line}");
    let line = refused("nats://127.0.0.1", &["--cluster-tls-ca", "/nowhere"], &[]).await;
    assert!(line.contains("/nowhere"), "{line}");
    let line = refused("nats://127.0.0.1", &["--instance-name", "a.b"], &[]).await;
    assert!(line.contains("expected up to 64 letters"), "{line}");
}

/// A certificate of an authority, with its key, in files.
fn certify(
    issuer: &rcgen::CertifiedIssuer<'_, rcgen::KeyPair>,
    folder: &std::path::Path,
    name: &str,
) -> [PathBuf; 2] {
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = parameters.signed_by(&key, issuer).unwrap();
    let paths = ["cert", "key"].map(|kind| folder.join(format!("{name}.{kind}.pem")));
    std::fs::write(&paths[0], certificate.pem()).unwrap();
    std::fs::write(&paths[1], key.serialize_pem()).unwrap();
    paths
}

#[tokio::test]
async fn tls_with_certificates_of_both_sides_works_and_a_stranger_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let authority = rcgen::CertifiedIssuer::self_signed(parameters, key).unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let server = certify(&authority, folder.path(), "server");
    let client = certify(&authority, folder.path(), "client");
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let (ca, server, client) =
        (text(&ca), server.each_ref().map(text), client.each_ref().map(text));
    let nats = Nats::start_with(&[
        "--tlsverify",
        "--tlscert",
        &server[0],
        "--tlskey",
        &server[1],
        "--tlscacert",
        &ca,
    ])
    .await;
    let url = nats.url();
    let trusting = ["--cluster-tls-ca", ca.as_str()];
    let own = ["--cluster-tls-cert", client[0].as_str(), "--cluster-tls-key", client[1].as_str()];
    let arguments =
        [&["--cluster", url.as_str(), "--instance-name", "n"][..], &trusting, &own].concat();
    let mut runtime = Runtime::start_with(echo(), &arguments, &[]).await;
    runtime.log_line("the instance `n` is in the cluster").await;
    let line = refused(&url, &own, &[]).await;
    assert!(line.contains("cannot reach NATS"), "{line}");
    let line = refused(&url, &trusting, &[]).await;
    assert!(line.contains("cannot reach NATS"), "{line}");
}
