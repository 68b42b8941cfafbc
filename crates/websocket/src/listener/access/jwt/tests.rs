//! Which tokens are accepted, and what they say.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::listener::access::crypto;
use crate::listener::access::tokens::{Signer, in_seconds};

fn rules() -> Rules {
    Rules {
        algorithms: Vec::new(),
        audience: Vec::new(),
        issuer: Vec::new(),
        leeway: 0,
        user: "sub".to_owned(),
        rooms: "realm.rooms".to_owned(),
    }
}

fn check(rules: &Rules, token: &str, keys: &KeySet) -> Result<Identity, &'static str> {
    crypto::install();
    rules.check(token, &rules.header(token)?, keys)
}

const SECRET: &str = "a secret that nobody guesses, really";

fn with_secret(claims: &Json) -> Result<Identity, &'static str> {
    let keys = KeySet::single(SECRET).unwrap();
    check(&rules(), &Signer::secret(SECRET).token(claims), &keys)
}

fn set(keys: &[Json]) -> KeySet {
    KeySet::from_json(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

#[test]
fn a_token_says_who_it_is() {
    let exp = in_seconds(100);
    let claims = json!({"sub": "ann", "exp": exp, "realm": {"rooms": ["a", 2, ""]}});
    let identity = with_secret(&claims).unwrap();
    assert_eq!(identity.user, Some("ann".into()));
    assert_eq!(identity.rooms, ["a", "2"]);
    let expires = identity.expires.unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(expires.as_secs(), exp as u64);
    let anonymous = with_secret(&json!({})).unwrap();
    assert!(anonymous.user.is_none() && anonymous.expires.is_none());
}

#[test]
fn every_algorithm_is_verified_with_its_key() {
    for signer in [Signer::rsa(), Signer::ec(), Signer::ed()] {
        let token = signer.token(&json!({"sub": "ann"}));
        let keys = set(&[signer.jwk("1")]);
        assert_eq!(check(&rules(), &token, &keys).unwrap().user, Some("ann".into()));
        let other = signer.token_with(&json!({"alg": "HS256"}), &json!({}));
        assert!(check(&rules(), &other, &keys).is_err());
        let changed = format!("{token}A");
        assert!(check(&rules(), &changed, &keys).is_err());
    }
    for signer in [Signer::ec(), Signer::ed()] {
        let keys = KeySet::single(&signer.pem()).unwrap();
        check(&rules(), &signer.token(&json!({})), &keys).unwrap();
    }
}

#[test]
fn a_public_key_is_no_secret_of_an_hmac() {
    let signer = Signer::ec();
    let forged = Signer::secret(&signer.pem()).token(&json!({"sub": "root"}));
    let keys = KeySet::single(&signer.pem()).unwrap();
    assert_eq!(check(&rules(), &forged, &keys).unwrap_err(), "the token's key is unknown");
    let secret = Signer::secret(SECRET);
    let listed = json!({"keys": [secret.jwk("1")]}).to_string();
    assert!(KeySet::from_json(listed.as_bytes()).is_err(), "secrets of a set are not used");
}

#[test]
fn unsigned_tokens_are_refused() {
    let signer = Signer::secret(SECRET);
    for alg in ["none", "None", "", "XX256"] {
        let token = signer.token_with(&json!({"alg": alg}), &json!({"sub": "root"}));
        assert!(check(&rules(), &token, &KeySet::single(SECRET).unwrap()).is_err(), "{alg}");
    }
    let token = signer.token(&json!({"sub": "root"}));
    let (signed, _) = token.rsplit_once('.').unwrap();
    for unsigned in [signed.to_owned(), format!("{signed}."), "..".to_owned(), String::new()] {
        assert!(check(&rules(), &unsigned, &KeySet::single(SECRET).unwrap()).is_err());
    }
}

#[test]
fn unknown_critical_headers_are_refused() {
    let signer = Signer::secret(SECRET);
    for header in
        [json!({"alg": "HS256", "crit": ["x"], "x": 1}), json!({"alg": "HS256", "crit": []})]
    {
        let token = signer.token_with(&header, &json!({}));
        assert!(check(&rules(), &token, &KeySet::single(SECRET).unwrap()).is_err(), "{header}");
    }
}

#[test]
fn times_count_with_the_leeway() {
    assert_eq!(with_secret(&json!({"exp": in_seconds(-5)})).unwrap_err(), "the token has expired");
    assert_eq!(
        with_secret(&json!({"nbf": in_seconds(60)})).unwrap_err(),
        "the token is not valid yet"
    );
    let lenient = Rules { leeway: 120, ..rules() };
    let keys = KeySet::single(SECRET).unwrap();
    for claims in [json!({"exp": in_seconds(-60)}), json!({"nbf": in_seconds(60)})] {
        check(&lenient, &Signer::secret(SECRET).token(&claims), &keys).unwrap();
    }
}

#[test]
fn claims_of_the_wrong_type_are_refused() {
    for claims in [
        json!({"exp": "tomorrow"}),
        json!({"exp": in_seconds(60).to_string()}),
        json!({"exp": -1}),
        json!({"exp": [1]}),
        json!({"nbf": {}}),
        json!({"aud": 1}),
        json!({"sub": ["ann"]}),
        json!(["sub"]),
        json!("ann"),
    ] {
        assert!(with_secret(&claims).is_err(), "{claims}");
    }
    assert!(with_secret(&json!({"name": ["ann"]})).unwrap().user.is_none());
}

#[test]
fn audience_and_issuer_must_be_there_and_match() {
    let rules = Rules {
        audience: vec!["a".to_owned(), "b".to_owned()],
        issuer: vec!["i".to_owned()],
        ..rules()
    };
    let keys = KeySet::single(SECRET).unwrap();
    let check = |claims| check(&rules, &Signer::secret(SECRET).token(&claims), &keys);
    for claims in [json!({"aud": "a", "iss": "i"}), json!({"aud": ["x", "b"], "iss": "i"})] {
        check(claims).unwrap();
    }
    for claims in [
        json!({"aud": "x", "iss": "i"}),
        json!({"aud": "a", "iss": "x"}),
        json!({"aud": ["x"], "iss": "i"}),
        json!({"aud": "a"}),
        json!({"iss": "i"}),
        json!({"aud": null, "iss": "i"}),
    ] {
        assert!(check(claims.clone()).is_err(), "{claims}");
    }
    assert!(with_secret(&json!({"aud": "a"})).is_err(), "a token for somebody else");
}

#[test]
fn algorithms_may_be_limited() {
    let rules = Rules { algorithms: vec![Algorithm::ES256], ..rules() };
    let (ec, ed) = (Signer::ec(), Signer::ed());
    let keys = set(&[ec.jwk("1"), ed.jwk("2")]);
    check(&rules, &ec.token(&json!({})), &keys).unwrap();
    assert!(check(&rules, &ed.token(&json!({})), &keys).is_err());
}

#[test]
fn a_key_is_chosen_by_its_id() {
    let (one, two) = (Signer::ed(), Signer::ed());
    let keys = set(&[one.jwk("1"), two.jwk("2")]);
    check(&rules(), &two.token_of("2", &json!({})), &keys).unwrap();
    check(&rules(), &two.token(&json!({})), &keys).unwrap();
    for (id, reason) in
        [("1", "the token's signature is invalid"), ("3", "the token's key is unknown")]
    {
        assert_eq!(check(&rules(), &two.token_of(id, &json!({})), &keys).unwrap_err(), reason);
    }
}

#[test]
fn keys_for_other_uses_are_left_out() {
    let signer = Signer::ed();
    let mut encrypts = signer.jwk("1");
    encrypts["use"] = "enc".into();
    let mut other = signer.jwk("2");
    other["alg"] = "RS256".into();
    let keys = set(&[encrypts, other, json!({"kty": "new"}), Signer::ec().jwk("3")]);
    assert!(check(&rules(), &signer.token(&json!({})), &keys).is_err());
    for json in ["", "[]", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"RSA"}]}"#] {
        assert!(KeySet::from_json(json.as_bytes()).is_err(), "{json}");
    }
}

#[test]
fn a_reason_has_no_part_of_the_token() {
    let long = "A".repeat(20_000);
    for token in [long.as_str(), "secret.secret.secret", "e30.e30.e30"] {
        let reason = check(&rules(), token, &KeySet::single(SECRET).unwrap()).unwrap_err();
        assert!(reason.starts_with("the token"), "{reason}");
    }
}

proptest! {
    #[test]
    fn no_changed_token_is_accepted(at in 0_usize..200, byte in any::<u8>()) {
        let token = Signer::secret(SECRET).token(&json!({"sub": "ann", "exp": in_seconds(1000)}));
        let mut bytes = token.clone().into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let changed = String::from_utf8_lossy(&bytes);
        prop_assert!(check(&rules(), &changed, &KeySet::single(SECRET).unwrap()).is_err());
    }

    #[test]
    fn any_text_is_refused(text in "\\PC{0,80}") {
        prop_assert!(check(&rules(), &text, &KeySet::single(SECRET).unwrap()).is_err());
    }
}
