//! Links: where an attachment's bytes are for a while, on a host that carries no session.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::SecretKey;
use jwt_compact::Claims;
use serde::Serialize;
use slipway_contract::files::{AUDIENCE, FileClaims};
use slipway_contract::http::attachments::{Attachment, AttachmentLink};
use slipway_contract::limits::ATTACHMENT_LINK_MS;
use slipway_contract::preview::ISSUER;
use slipway_contract::{AttachmentId, OrgId, Problem, ProblemCode, Timestamp};
use slipway_store::attachments::AttachmentState;

use super::Attachments;
use crate::executor::escaped;
use crate::settings::Previews;

/// Links that are asked for within this time are the same, so that browsers keep what they have, in milliseconds.
const SAME_MS: i64 = 15 * 60 * 1000;

impl Attachments<'_> {
    /// Where a file is that R2 has all of.
    ///
    /// # Errors
    /// There is no such one, or links are not set up.
    pub(crate) async fn link(&mut self, attachment: AttachmentId) -> Result<AttachmentLink, Problem> {
        let previews = self.errand.previews()?;
        let found = self.find(attachment).await?;
        let found = found.filter(|found| found.state == AttachmentState::Complete);
        issue(&previews, self.org, found.ok_or(ProblemCode::NotFound)?.attachment, self.errand.now())
    }
}

fn issue(
    previews: &Previews,
    org: OrgId,
    attachment: Attachment,
    now: Timestamp,
) -> Result<AttachmentLink, Problem> {
    let begins = Timestamp::from_unix_ms(now.unix_ms() - now.unix_ms().rem_euclid(SAME_MS));
    let ends = begins.plus_ms(ATTACHMENT_LINK_MS);
    let mut claims = Claims::new(FileClaims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        org,
        chat: attachment.chat,
        att: attachment.id,
        name: attachment.name.clone(),
        media_type: attachment.media_type.clone(),
        bytes: attachment.bytes,
    });
    claims.issued_at = Some(begins.into());
    claims.expiration = Some(ends.into());
    let header = Header { alg: "EdDSA", kid: &previews.kid };
    let token = signed(&header, &claims, &previews.secret).ok_or(ProblemCode::Internal)?;
    let url = format!("{}/{token}/{}", previews.base.files_address(), escaped(&attachment.name));
    Ok(AttachmentLink { attachment, url, expires_at: ends })
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
}

/// A JWS in its compact form (RFC 7515, 3.1). `jwt-compact` puts randomness into its signatures (which verify all the same);
/// without, one link is one address.
fn signed(header: &Header<'_>, claims: &Claims<FileClaims>, key: &SecretKey) -> Option<String> {
    let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
    let said = [part(serde_json::to_vec(header).ok()?), part(serde_json::to_vec(claims).ok()?)].join(".");
    let signature = key.sign(said.as_bytes(), None);
    Some(format!("{said}.{}", part(signature.to_vec())))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use jwt_compact::alg::Ed25519;
    use jwt_compact::{AlgorithmExt, UntrustedToken};
    use slipway_contract::{Actor, ChatId, UserId};
    use slipway_domain::attachments::check;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_795_162_530_623);

    fn previews() -> Previews {
        let seed = URL_SAFE_NO_PAD.encode([7; 32]);
        let read = Previews::read(|name| match name {
            "PREVIEW_KEYS" => Some(format!(r#"[{{"kid":"p1","seed":"{seed}"}}]"#)),
            "PREVIEW_URL" => Some("http://localhost:8788".to_owned()),
            _ => None,
        });
        read.unwrap()
    }

    fn link(name: &str, now: Timestamp) -> AttachmentLink {
        let attachment = Attachment {
            id: AttachmentId::fresh(1, [1; 10]),
            chat: ChatId::fresh(1, [2; 10]),
            name: name.to_owned(),
            media_type: "image/png".to_owned(),
            bytes: 7,
            pixels: None,
            by: Actor::User { id: UserId::fresh(1, [3; 10]) },
            created_at: NOW,
        };
        issue(&previews(), OrgId::fresh(1, [4; 10]), attachment, now).unwrap()
    }

    fn parts(link: &AttachmentLink) -> (String, String) {
        let rest = link.url.strip_prefix("http://files.localhost:8788/").unwrap();
        let (token, name) = rest.split_once('/').unwrap();
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        (String::from_utf8(claims).unwrap(), name.to_owned())
    }

    #[test]
    fn a_link_names_the_file_and_works_for_most_of_an_hour() {
        let made = link("Plan (für \"Q3\").png", NOW);
        let (claims, name) = parts(&made);
        let key = previews().secret.public_key();
        let token = made.url.split('/').nth(3).unwrap();
        let token = UntrustedToken::new(token).unwrap();
        assert_eq!(token.header().key_id.as_deref(), Some("p1"));
        assert!(
            Ed25519.validator::<FileClaims>(&key).validate(&token).is_ok(),
            "the gateway's way to check it"
        );
        assert_eq!(name, "Plan%20%28f%C3%BCr%20%22Q3%22%29.png");
        expect![[r#"{"exp":1795166100,"iat":1795162500,"iss":"slipway-orchestrator","aud":"slipway-file","org":"org_00000000000174048404040404040404","chat":"chat_00000000000172028202020202020202","att":"att_00000000000171018101010101010101","name":"Plan (für \"Q3\").png","media_type":"image/png","bytes":7}"#]].assert_eq(&claims);
        let begins = Timestamp::from_unix_ms(1_795_162_500_000);
        assert_eq!(made.expires_at, begins.plus_ms(ATTACHMENT_LINK_MS));
        let claims: FileClaims = serde_json::from_str(&claims).unwrap();
        assert_eq!(check(&claims, begins, made.expires_at, NOW), Ok(()));
        assert!(made.expires_at.since(NOW) > 40 * 60 * 1000);
    }

    #[test]
    fn links_of_one_time_are_the_same() {
        let within = NOW.plus_ms(SAME_MS - 1 - NOW.unix_ms().rem_euclid(SAME_MS));
        assert_eq!(link("a", NOW), link("a", within));
        assert_ne!(link("a", NOW), link("a", within.plus_ms(1)));
    }

    #[test]
    fn the_longest_name_makes_a_token_that_the_gateway_reads() {
        let made = link(&"\"".repeat(255), NOW);
        let token = made.url.split('/').nth(3).unwrap();
        assert!(token.len() <= 2_048, "{}", token.len());
    }
}
