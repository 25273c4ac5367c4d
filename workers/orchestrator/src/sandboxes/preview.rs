//! Tokens that open a port of a sandbox to one person's browser, for half an hour.

use jwt_compact::alg::Ed25519;
use jwt_compact::{AlgorithmExt, Claims, Header};
use slipway_contract::http::sandboxes::PreviewToken;
use slipway_contract::preview::{AUDIENCE, ISSUER, PreviewClaims, QUERY, TOKEN_LIFE_S};
use slipway_contract::{Problem, ProblemCode, Timestamp, UserId};
use slipway_domain::preview::PreviewHost;
use slipway_store::sandboxes::StoredSandbox;

use crate::settings::Previews;

/// The address that opens `port` of a sandbox, with the token in it.
///
/// # Errors
/// `internal`: the token cannot be signed.
pub(crate) fn token(
    previews: &Previews,
    row: &StoredSandbox,
    user: UserId,
    port: u16,
    now: Timestamp,
) -> Result<PreviewToken, Problem> {
    let claims = PreviewClaims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: user,
        org: row.org,
        chat: row.chat,
        sbx: row.id,
        port,
        epoch: row.sandbox.epoch,
    };
    issue(previews, claims, now)
}

fn issue(previews: &Previews, claims: PreviewClaims, now: Timestamp) -> Result<PreviewToken, Problem> {
    let host = PreviewHost { sandbox: claims.sbx, port: claims.port };
    // Whole seconds, as they stand in the token.
    let begins = Timestamp::from_unix_ms(now.unix_seconds().saturating_mul(1_000));
    let ends = begins.plus_ms(TOKEN_LIFE_S.saturating_mul(1_000));
    let mut claims = Claims::new(claims);
    claims.issued_at = Some(begins.into());
    claims.expiration = Some(ends.into());
    let header = Header::empty().with_key_id(previews.kid.as_str());
    let token = Ed25519.token(&header, &claims, &previews.secret);
    let token = token.map_err(|_| Problem::new(ProblemCode::Internal))?;
    Ok(PreviewToken {
        url: format!("{}/?{QUERY}={token}", previews.base.address_of(&host)),
        expires_at: ends,
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ed25519_compact::{KeyPair, Seed};
    use expect_test::expect;
    use jwt_compact::UntrustedToken;
    use slipway_contract::{ChatId, OrgId, SandboxId};
    use slipway_domain::preview::check;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_795_162_530_623);

    fn previews() -> Previews {
        let seed = URL_SAFE_NO_PAD.encode([7; 32]);
        Previews::read(|name| match name {
            "PREVIEW_KEYS" => Some(format!(r#"[{{"kid":"p1","seed":"{seed}"}}]"#)),
            "PREVIEW_URL" => Some("http://localhost:8788".to_owned()),
            _ => None,
        })
        .unwrap()
    }

    fn claims() -> PreviewClaims {
        PreviewClaims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: UserId::fresh(1, [1; 10]),
            org: OrgId::fresh(1, [2; 10]),
            chat: ChatId::fresh(1, [3; 10]),
            sbx: SandboxId::fresh(1, [4; 10]),
            port: 5173,
            epoch: 9,
        }
    }

    #[test]
    fn the_address_names_port_and_sandbox_and_brings_a_token_of_half_an_hour() {
        let issued = issue(&previews(), claims(), NOW).unwrap();
        let (address, token) = issued.url.split_once("/?slipway_token=").unwrap();
        assert_eq!(address, "http://5173-00000000000174048404040404040404.localhost:8788");
        assert_eq!(issued.expires_at.to_string(), "2026-11-20T08:45:30.000Z");
        let part = |at: usize| {
            let part = token.split('.').nth(at).unwrap();
            String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        expect![[r#"{"alg":"EdDSA","kid":"p1"}"#]].assert_eq(&part(0));
        expect![[r#"{"exp":1795164330,"iat":1795162530,"iss":"slipway-orchestrator","aud":"slipway-preview","sub":"user_00000000000171018101010101010101","org":"org_00000000000172028202020202020202","chat":"chat_00000000000173038303030303030303","sbx":"sbx_00000000000174048404040404040404","port":5173,"epoch":9}"#]].assert_eq(&part(1));
    }

    #[test]
    fn what_is_signed_here_passes_the_gateway_s_rules_until_it_ends() {
        let issued = issue(&previews(), claims(), NOW).unwrap();
        let token = issued.url.split_once("slipway_token=").unwrap().1;
        let public = KeyPair::from_seed(Seed::new([7; 32])).pk;
        let token = UntrustedToken::new(token).unwrap();
        let token = Ed25519.validator::<PreviewClaims>(&public).validate(&token).unwrap();
        let (iat, exp) =
            (token.claims().issued_at.unwrap().into(), token.claims().expiration.unwrap().into());
        let claims = &token.claims().custom;
        let host = PreviewHost { sandbox: claims.sbx, port: 5173 };
        for (now, passes) in [(NOW, true), (exp, false), (NOW.plus_ms(30 * 60_000 - 1_000), true)] {
            assert_eq!(check(claims, iat, exp, &host, now).is_ok(), passes, "{now}");
        }
    }
}
