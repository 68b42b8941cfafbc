//! `Secrets`: the tokens of a listener, or its users with their passwords.

use ferrowire_core::Text;
use ring::digest::{SHA256, digest};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// A list of secrets. Only their digests are kept, which have one length and are compared in
/// constant time.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<Entry>);

#[derive(Clone)]
struct Entry {
    user: Option<Text>,
    digest: [u8; 32],
}

/// The secrets must not appear in logs.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl Secrets {
    /// Reads `TOKEN` or `NAME:TOKEN` in each line, or separated by commas in one line.
    pub(crate) fn tokens(list: &str) -> Self {
        let entry = |line: &str| match line.rsplit_once(':') {
            Some((name, token)) => Entry::new(Some(name.trim()), token.trim()),
            None => Entry::new(None, line),
        };
        Secrets(lines(list).map(entry).collect())
    }

    /// Reads `NAME:PASSWORD` in each line, or separated by commas in one line.
    ///
    /// # Errors
    /// If an entry has no colon, or no name.
    pub(crate) fn users(list: &str) -> Result<Self, &'static str> {
        let entry = |line: &str| match line.split_once(':') {
            Some((name, _)) if !name.is_empty() => Ok(Entry::new(Some(name), line)),
            _ => Err("expected `NAME:PASSWORD` in each line"),
        };
        lines(list).map(entry).collect::<Result<_, _>>().map(Secrets)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The user that a secret belongs to: of a token, or `NAME:PASSWORD`. `None` if it is not one of
    /// these. Takes the same time whichever it is.
    pub(crate) fn user_of(&self, secret: &str) -> Option<Option<Text>> {
        let digest = sha256(secret);
        let mut found = u32::MAX;
        for (at, entry) in (0_u32..).zip(&self.0) {
            let is_it: Choice = entry.digest.ct_eq(&digest);
            found.conditional_assign(&at, is_it);
        }
        self.0.get(found as usize).map(|entry| entry.user.clone())
    }
}

impl Entry {
    fn new(user: Option<&str>, secret: &str) -> Self {
        Entry { user: user.map(Text::from), digest: sha256(secret) }
    }
}

fn lines(list: &str) -> impl Iterator<Item = &str> {
    let separator = if list.contains('\n') { '\n' } else { ',' };
    list.split(separator).map(str::trim).filter(|line| !line.is_empty())
}

fn sha256(secret: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_have_a_user() {
        for list in ["one, ann:two", "one\nann:two\n"] {
            let secrets = Secrets::tokens(list);
            assert_eq!(secrets.user_of("one"), Some(None));
            assert_eq!(secrets.user_of("two"), Some(Some("ann".into())));
            for wrong in ["", "ann:two", "ann", "one, ann:two", "on"] {
                assert_eq!(secrets.user_of(wrong), None, "{wrong}");
            }
        }
    }

    #[test]
    fn a_password_may_contain_colons_and_in_lines_of_their_own_commas() {
        let secrets = Secrets::users("ann:a:b,c\nbob:pw").unwrap();
        assert_eq!(secrets.user_of("ann:a:b,c"), Some(Some("ann".into())));
        assert_eq!(secrets.user_of("bob:pw"), Some(Some("bob".into())));
        assert_eq!(secrets.user_of("ann:pw"), None);
        assert!(Secrets::users("ann").is_err() && Secrets::users(":pw").is_err());
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", Secrets::tokens("one,two")), "2 secrets");
    }
}
