//! bcrypt hashes of passwords, as in Node-RED's settings.

/// bcrypt's cost: each step doubles the time. This is about a quarter of a second.
const COST: u32 = 12;

/// The bytes of a password that bcrypt uses.
const LONGEST: usize = 72;

/// Why a password cannot be hashed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoHash {
    /// It is empty.
    #[error("the password is empty")]
    Empty,
    /// It has more bytes than bcrypt uses.
    #[error(
        "the password has {0} bytes, of which only {LONGEST} would count; choose a shorter one"
    )]
    TooLong(usize),
    /// bcrypt refuses it.
    #[error("the password cannot be hashed")]
    Bcrypt(#[from] bcrypt::BcryptError),
}

/// The hash of a password, for the setting `admin-auth`.
///
/// # Errors
/// When the password is empty or too long.
pub fn hash_password(password: &str) -> Result<String, NoHash> {
    match password.len() {
        0 => Err(NoHash::Empty),
        1..=LONGEST => Ok(bcrypt::hash(password, COST)?),
        length => Err(NoHash::TooLong(length)),
    }
}

/// Whether `text` is a bcrypt hash.
pub fn is_password_hash(text: &str) -> bool {
    text.len() == 60 && text.parse::<bcrypt::HashParts>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hashed_whole_or_not_at_all() {
        let hash = hash_password("correct horse").unwrap();
        assert!(is_password_hash(&hash));
        assert!(bcrypt::verify("correct horse", &hash).unwrap());
        assert!(matches!(hash_password(""), Err(NoHash::Empty)));
        assert!(matches!(hash_password(&"x".repeat(73)), Err(NoHash::TooLong(73))));
    }

    #[test]
    fn hashes_are_told_from_passwords() {
        assert!(!is_password_hash("correct horse"));
        assert!(!is_password_hash("$2b$12$short"));
        assert!(!is_password_hash(""));
    }
}
