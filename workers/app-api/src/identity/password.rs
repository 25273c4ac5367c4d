//! Passwords: Argon2id with 19 MiB, two passes and one lane (OWASP Password Storage Cheat Sheet). It blocks the isolate for
//! its time, which also bounds its memory: never two at once.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Checked for addresses without an account, so that they take as long as others. It is of no known password.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2xpcHdheS1uby1ib2R5$0TwSxVJTnFpKqR4D8uYQ2vUjF6sQH3m0n9Yy1l7b3Xc";

fn argon() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// What is stored of a password.
pub(crate) fn hash(password: &str, salt: [u8; 16]) -> Option<String> {
    let salt = SaltString::encode_b64(&salt).ok()?;
    Some(argon()?.hash_password(password.as_bytes(), &salt).ok()?.to_string())
}

/// Whether it is the password of the stored hash. Without one it never is, and takes as long.
pub(crate) fn matches(password: &str, stored: Option<&str>) -> bool {
    let known = stored.is_some();
    let verified = PasswordHash::new(stored.unwrap_or(NOBODY)).is_ok_and(|hash| {
        argon().is_some_and(|argon| argon.verify_password(password.as_bytes(), &hash).is_ok())
    });
    known && verified
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_its_own_hash_only() {
        let stored = hash("correct horse", [1; 16]).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(matches("correct horse", Some(&stored)));
        assert!(!matches("correct horsf", Some(&stored)));
        assert!(!matches("correct horse", None));
        assert!(!matches("correct horse", Some("nonsense")));
        assert_ne!(hash("correct horse", [2; 16]).unwrap(), stored);
    }

    #[test]
    fn an_unknown_address_costs_the_same_work() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&nobody).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!(nobody.hash.unwrap().len(), 32);
    }
}
