//! Archives on their way, piece by piece: cut into parts for R2, and checked on the way back.
//!
//! Invariant: of a whole archive there is never more in memory than one part and one piece.

use sha2::{Digest, Sha256};

/// An archive that comes in pieces of any size and leaves in parts of one size, counted and hashed.
pub(super) struct Parts {
    size: usize,
    filling: Vec<u8>,
    digest: Sha256,
    bytes: u64,
}

impl Parts {
    /// Parts of `size` bytes.
    pub(super) fn of(size: usize) -> Self {
        Self { size, filling: Vec::new(), digest: Sha256::new(), bytes: 0 }
    }

    /// The next piece; answers how many bytes there were so far.
    pub(super) fn feed(&mut self, piece: &[u8]) -> u64 {
        self.digest.update(piece);
        self.bytes = self.bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        self.filling.extend_from_slice(piece);
        self.bytes
    }

    /// A part that is full.
    pub(super) fn full(&mut self) -> Option<Vec<u8>> {
        if self.filling.len() < self.size {
            return None;
        }
        let mut rest = Vec::with_capacity(self.size);
        rest.extend_from_slice(self.filling.get(self.size..).unwrap_or_default());
        self.filling.truncate(self.size);
        Some(core::mem::replace(&mut self.filling, rest))
    }

    /// The last part, which may be smaller or empty; how many bytes there were, and their SHA-256.
    pub(super) fn end(self) -> (Vec<u8>, u64, String) {
        (self.filling, self.bytes, hexadecimal(&self.digest))
    }
}

/// An archive that passes on to a workspace. Each piece waits for the next: the last one goes only when all was right, and
/// without it the executor replaces nothing.
pub(super) struct Check {
    held: Option<Vec<u8>>,
    digest: Sha256,
    left: u64,
    sha256: String,
}

/// It is not what was put into R2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

impl Check {
    /// For an archive of that size and SHA-256.
    pub(super) fn of(bytes: u64, sha256: &str) -> Self {
        Self { held: None, digest: Sha256::new(), left: bytes, sha256: sha256.to_owned() }
    }

    /// The next piece comes; the one before it may go on.
    pub(super) fn pass(&mut self, piece: Vec<u8>) -> Result<Option<Vec<u8>>, Damaged> {
        let bytes = u64::try_from(piece.len()).map_err(|_| Damaged)?;
        self.left = self.left.checked_sub(bytes).ok_or(Damaged)?;
        self.digest.update(&piece);
        Ok(if piece.is_empty() { None } else { self.held.replace(piece) })
    }

    /// No more comes; the last piece may go on, unless something is wrong.
    pub(super) fn end(&mut self) -> Result<Option<Vec<u8>>, Damaged> {
        if self.left == 0 && hexadecimal(&self.digest) == self.sha256 {
            Ok(self.held.take())
        } else {
            Err(Damaged)
        }
    }
}

fn hexadecimal(digest: &Sha256) -> String {
    digest.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of `abcdefgh`, by `sha256sum`.
    const DIGEST: &str = "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab";

    fn parts(pieces: &[&str]) -> String {
        let mut parts = Parts::of(3);
        let mut told = Vec::new();
        for piece in pieces {
            parts.feed(piece.as_bytes());
            while let Some(full) = parts.full() {
                told.push(String::from_utf8(full).unwrap());
            }
        }
        let (last, bytes, sha256) = parts.end();
        assert_eq!((bytes, sha256.as_str()), (8, DIGEST));
        told.push(format!("and {}", String::from_utf8(last).unwrap()));
        told.join(" ")
    }

    #[test]
    fn pieces_of_any_size_become_parts_of_one_size() {
        assert_eq!(parts(&["a", "b", "c", "d", "e", "f", "g", "h"]), "abc def and gh");
        assert_eq!(parts(&["abcdefgh"]), "abc def and gh");
        assert_eq!(parts(&["abcd", "", "ef", "gh"]), "abc def and gh");
    }

    fn passed(bytes: u64, pieces: &[&str]) -> String {
        let mut check = Check::of(bytes, DIGEST);
        let mut told = String::new();
        for piece in pieces {
            match check.pass(piece.as_bytes().to_vec()) {
                Ok(piece) => told.push_str(&String::from_utf8(piece.unwrap_or_default()).unwrap()),
                Err(Damaged) => return format!("{told} damaged"),
            }
        }
        match check.end() {
            Ok(last) => format!("{told} {}", String::from_utf8(last.unwrap_or_default()).unwrap()),
            Err(Damaged) => format!("{told} damaged"),
        }
    }

    #[test]
    fn the_last_piece_goes_only_when_all_was_right() {
        assert_eq!(passed(8, &["abc", "def", "gh"]), "abcdef gh");
        assert_eq!(passed(8, &["abc", "", "defgh", ""]), "abc defgh");
        // Cut, longer, or with another byte in it.
        assert_eq!(passed(8, &["abc", "def"]), "abc damaged");
        assert_eq!(passed(8, &["abc", "def", "ghi"]), "abc damaged");
        assert_eq!(passed(8, &["abc", "dEf", "gh"]), "abcdEf damaged");
        assert_eq!(passed(7, &["abc", "def", "gh"]), "abc damaged");
        assert_eq!(passed(8, &[]), " damaged");
    }
}
