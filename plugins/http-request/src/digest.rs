//! Digest authentication (RFC 7616): the response to a server's challenge.

use data_encoding::HEXLOWER;
use md5::Md5;
use sha2::{Digest, Sha256, Sha512};

/// The request to authenticate.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) method: &'a str,
    /// Path and query.
    pub(crate) target: &'a str,
}

/// The `Authorization` header for the challenge in `WWW-Authenticate`. `nonce` is the client's.
///
/// # Errors
/// If the challenge lacks a field.
pub(crate) fn answer(
    challenge: &str,
    asking: &Asking<'_>,
    nonce: &str,
) -> Result<String, &'static str> {
    let fields = fields(challenge);
    let field = |name: &str| {
        let found = fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    let server_nonce = field("nonce").ok_or("the challenge has no nonce")?;
    let realm = field("realm").ok_or("the challenge has no realm")?;
    let algorithm = field("algorithm");
    let lower = algorithm.unwrap_or("MD5").to_ascii_lowercase();
    let (name, session) = match lower.strip_suffix("-sess") {
        Some(name) => (name, true),
        None => (lower.as_str(), false),
    };
    let hash = |text: String| hash(name, &text);
    let offered = field("qop").unwrap_or_default();
    let qop = offered.split(',').any(|offer| offer.trim() == "auth");
    let Asking { user, password, method, target } = asking;
    let mut secret = hash(format!("{user}:{realm}:{password}"));
    if session {
        secret = hash(format!("{secret}:{server_nonce}:{nonce}"));
    }
    let wanted = hash(format!("{method}:{target}"));
    let response = match qop {
        true => hash(format!("{secret}:{server_nonce}:00000001:{nonce}:auth:{wanted}")),
        false => hash(format!("{secret}:{server_nonce}:{wanted}")),
    };
    let mut line = format!(
        "Digest username=\"{}\", realm=\"{realm}\", nonce=\"{server_nonce}\", uri=\"{target}\", \
         response=\"{response}\"",
        user.replace('\\', "\\\\").replace('"', "\\\"")
    );
    if qop {
        line.push_str(", qop=auth, nc=00000001");
    }
    if qop || session {
        line.push_str(&format!(", cnonce=\"{nonce}\""));
    }
    if let Some(algorithm) = algorithm {
        line.push_str(&format!(", algorithm={algorithm}"));
    }
    if let Some(opaque) = field("opaque") {
        line.push_str(&format!(", opaque=\"{opaque}\""));
    }
    Ok(line)
}

/// As in Node-RED, `SHA-512-256` is the first half of SHA-512 rather than SHA-512/256.
fn hash(algorithm: &str, text: &str) -> String {
    match algorithm {
        "sha-256" => HEXLOWER.encode(&Sha256::digest(text)),
        "sha-512-256" => HEXLOWER.encode(Sha512::digest(text).get(..32).unwrap_or_default()),
        _ => HEXLOWER.encode(&Md5::digest(text)),
    }
}

/// The `name=value` pairs of a challenge, values with or without quotes.
fn fields(challenge: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let start = challenge.to_ascii_lowercase().find("digest ").map_or(0, |at| at + 7);
    let mut rest = challenge.get(start..).unwrap_or_default();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.rsplit([',', ' ']).next().unwrap_or_default().trim();
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        fields.push((name.to_owned(), value.trim().to_owned()));
        rest = next;
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mufasa(challenge: &str) -> String {
        let (user, password) = ("Mufasa", "Circle of Life");
        let asking = Asking { user, password, method: "GET", target: "/dir/index.html" };
        answer(challenge, &asking, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ").unwrap()
    }

    #[test]
    fn the_examples_of_the_rfc_come_out() {
        let challenge = |algorithm: &str| {
            format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
                 algorithm={algorithm}, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            )
        };
        for (algorithm, response) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let line = mufasa(&challenge(algorithm));
            assert!(line.contains(&format!("response=\"{response}\"")), "{line}");
            assert!(line.contains(&format!(", algorithm={algorithm}, opaque=\"FQhe/")), "{line}");
        }
        let asking = Asking { user: "", password: "", method: "", target: "" };
        assert!(answer("Digest realm=\"x\"", &asking, "n").is_err());
    }
}
