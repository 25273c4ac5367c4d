//! Digests of what must not be stored as it is, and the secret in an invitation's link.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use slipway_contract::OrgId;

/// SHA-256 in hexadecimal.
pub(crate) fn hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The secret of an invitation: its org, so that it is looked for among this org's rows, and 32 random bytes.
pub(crate) fn invitation_token(org: OrgId, random: [u8; 32]) -> String {
    let mut bytes = org.uuid().as_bytes().to_vec();
    bytes.extend(random);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The org of an invitation's secret; `None` when it is none.
pub(crate) fn invitation_org(token: &str) -> Option<OrgId> {
    let bytes = (token.len() == 64).then(|| URL_SAFE_NO_PAD.decode(token).ok()).flatten()?;
    let org = bytes.get(..16)?.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{}_{org}", OrgId::PREFIX).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_leads_to_its_org() {
        let org = OrgId::fresh(1_800_000_000_000, [3; 10]);
        let token = invitation_token(org, [5; 32]);
        assert_eq!((token.len(), invitation_org(&token)), (64, Some(org)));
        for wrong in ["", "x", &"!".repeat(64), &"A".repeat(63)] {
            assert_eq!(invitation_org(wrong), None);
        }
    }

    #[test]
    fn a_digest_is_that_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
