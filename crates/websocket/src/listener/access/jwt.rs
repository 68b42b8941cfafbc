//! JSON Web Tokens (RFC 7519): which are accepted, and what they say of a client.

use std::time::{Duration, SystemTime};

use ferrowire_core::{Map, Text, Value};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, AlgorithmFamily, Header, Validation, decode, decode_header};

use crate::listener::access::keys::KeySet;
use crate::listener::identity::Identity;

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// What a token must say.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The accepted algorithms; empty for all that fit the key.
    pub(crate) algorithms: Vec<Algorithm>,
    /// One of these must be in `aud`; empty for tokens without `aud`.
    pub(crate) audience: Vec<String>,
    /// One of these must be `iss`; empty for any.
    pub(crate) issuer: Vec<String>,
    /// By how many seconds clocks may differ.
    pub(crate) leeway: u64,
    /// The claim with the name of the user.
    pub(crate) user: String,
    /// The claim with the first rooms, if any.
    pub(crate) rooms: String,
}

impl Rules {
    /// The header of a token, which says the key that it needs.
    ///
    /// # Errors
    /// If it is no token with an algorithm that is accepted.
    pub(crate) fn header(&self, token: &str) -> Result<Header, &'static str> {
        if token.len() > LONGEST {
            return Err("the token is too long");
        }
        // Also fails for `none` and unknown algorithms.
        let header = decode_header(token).map_err(|error| reason(&error))?;
        if !self.algorithms.is_empty() && !self.algorithms.contains(&header.alg) {
            return Err(NOT_ACCEPTED);
        }
        Ok(header)
    }

    /// Who a token belongs to.
    ///
    /// # Errors
    /// Why it is not accepted; without any part of the token.
    pub(crate) fn check(
        &self,
        token: &str,
        header: &Header,
        keys: &KeySet,
    ) -> Result<Identity, &'static str> {
        let validation = self.validation(header.alg.family());
        let mut failure = "the token's key is unknown";
        for key in keys.matching(header) {
            match decode::<Map>(token, key, &validation) {
                Ok(data) => return Ok(self.identity(data.claims)),
                Err(error) => failure = reason(&error),
            }
        }
        Err(failure)
    }

    fn validation(&self, family: AlgorithmFamily) -> Validation {
        let mut validation = Validation::new_for_family(family);
        if !self.algorithms.is_empty() {
            validation.algorithms.retain(|algorithm| self.algorithms.contains(algorithm));
        }
        validation.leeway = self.leeway;
        validation.validate_nbf = true;
        validation.required_spec_claims.clear();
        if !self.audience.is_empty() {
            validation.set_audience(&self.audience);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        if !self.issuer.is_empty() {
            validation.set_issuer(&self.issuer);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        validation
    }

    fn identity(&self, claims: Map) -> Identity {
        let user = claim(&claims, &self.user).and_then(name);
        let rooms = match claim(&claims, &self.rooms) {
            Some(Value::Array(rooms)) => rooms.iter().filter_map(name).collect(),
            Some(room) => name(room).into_iter().collect(),
            None => Vec::new(),
        };
        let expires = claims.get("exp").and_then(Value::as_f64).and_then(|seconds| {
            let seconds = Duration::try_from_secs_f64(seconds + self.leeway as f64).ok()?;
            SystemTime::UNIX_EPOCH.checked_add(seconds)
        });
        Identity { user, claims: Some(claims.into()), expires, rooms }
    }
}

/// A claim by its name, or else by a path such as `realm.rooms`.
fn claim<'a>(claims: &'a Map, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let mut path = name.split('.');
        let first = claims.get(path.next()?)?;
        path.try_fold(first, |value, name| value.get(name))
    })
}

/// The name of a user or room: a text that is not empty, or a number.
fn name(value: &Value) -> Option<Text> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(_) => Some(value.to_json().into()),
        _ => None,
    }
}

const NOT_ACCEPTED: &str = "the token's algorithm is not accepted";

/// Why a token is not accepted. The error itself may contain parts of it.
fn reason(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::InvalidSignature => "the token's signature is invalid",
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidAudience => "the token is for another audience",
        ErrorKind::InvalidIssuer => "the token has another issuer",
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => NOT_ACCEPTED,
        ErrorKind::MissingRequiredClaim(_) => "the token lacks a required claim",
        ErrorKind::InvalidClaimFormat(_) => "a claim of the token has the wrong type",
        _ => "the token is malformed, or its algorithm is not accepted",
    }
}

#[cfg(test)]
mod tests;
