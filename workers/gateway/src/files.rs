//! Links to files: `/{token}/{name}` on a host of their own. The bytes come from the orchestrator and go on as they come.
//!
//! Invariant: the token alone opens its one file: no cookie is read or set here, and the name in the address is for people.

use slipway_contract::ProblemCode;
use slipway_contract::Timestamp;
use slipway_contract::objects::attachments::OpenFile;
use slipway_edge::log::Line;
use slipway_edge::{ids, reply};
use wasm_bindgen::JsValue;
use web_sys::Request;
use worker::{Env, Headers, Method, RequestInit, Response};

use crate::access::{self, Denied};
use crate::border::Seen;
use crate::refusal::Refusal;
use crate::settings::Settings;

/// Answers a request to the files' host.
pub(crate) async fn answer(
    request: &Request,
    env: &Env,
    settings: &Settings,
    seen: &Seen<'_>,
    target: &str,
    now: Timestamp,
) -> Result<JsValue, Refusal> {
    if !matches!(seen.method, "GET" | "HEAD") || seen.upgrades {
        return Err(Refusal::Method);
    }
    let range = request.headers().get("range").ok().flatten().unwrap_or_default();
    let file = wanted(settings, target, range, now)?;
    let reply = open(env, &file).await.map_err(|error| {
        Line::warn("file_unreachable").org(file.org).chat(file.chat).fault(&error).emit();
        Refusal::Unavailable
    })?;
    match reply.status_code() {
        200..=299 | 416 => Ok(web_sys::Response::from(reply).into()),
        status if status == ProblemCode::NotFound.status() => Err(Refusal::NoFile),
        _ => Err(Refusal::Unavailable),
    }
}

/// What the token in an address opens now.
fn wanted(settings: &Settings, target: &str, range: String, now: Timestamp) -> Result<OpenFile, Refusal> {
    let token = target.strip_prefix('/').and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    let (claims, ends) = access::file(&settings.keys, token, now).map_err(|denied| match denied {
        Denied::Expired => Refusal::LinkExpired,
        Denied::Invalid => Refusal::NoFile,
    })?;
    Ok(OpenFile {
        org: claims.org,
        chat: claims.chat,
        attachment: claims.att,
        name: claims.name,
        media_type: claims.media_type,
        bytes: claims.bytes,
        keep_s: ends.since(now) / 1_000,
        range,
    })
}

async fn open(env: &Env, file: &OpenFile) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    headers.set(reply::REQUEST_ID, &ids::fresh::<slipway_contract::RequestId>().to_string())?;
    let mut init = RequestInit::new();
    let body = JsValue::from_str(&serde_json::to_string(file)?);
    init.with_method(Method::Post).with_headers(headers).with_body(Some(body));
    env.service("ORCHESTRATOR")?.fetch("https://orchestrator/internal/files/open", Some(init)).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use slipway_contract::files::AUDIENCE;
    use slipway_contract::preview::{ISSUER, TOKEN_LIFE_S};
    use slipway_contract::{AttachmentId, ChatId, OrgId, SandboxId, UserId};
    use slipway_domain::preview::PreviewHost;

    use super::*;
    use crate::access::tests::{MADE, NOW, claims, header, keys, token};

    fn settings() -> Settings {
        crate::settings::tests::usual()
    }

    fn file() -> serde_json::Value {
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "iat": MADE, "exp": MADE + 3_600,
            "org": OrgId::fresh(1, [3; 10]), "chat": ChatId::fresh(1, [4; 10]), "att": AttachmentId::fresh(1, [5; 10]),
            "name": "a \"b\".png", "media_type": "image/png", "bytes": 7,
        })
    }

    fn asked(target: &str, now: Timestamp) -> Result<OpenFile, Refusal> {
        wanted(&settings(), target, String::new(), now)
    }

    #[test]
    fn a_token_opens_its_file_under_any_name_until_its_end() {
        let token = token(&header(), &file());
        for target in [
            format!("/{token}/a.png"),
            format!("/{token}"),
            format!("/{token}?x=/y"),
            format!("/{token}/b/c"),
        ] {
            let opened = asked(&target, NOW).unwrap();
            assert_eq!((opened.attachment, opened.bytes), (AttachmentId::fresh(1, [5; 10]), 7), "{target}");
            assert_eq!((opened.name.as_str(), opened.keep_s), ("a \"b\".png", 3_540), "{target}");
        }
        let ends = Timestamp::from_unix_ms((MADE + 3_600) * 1_000);
        assert!(asked(&format!("/{token}/a"), ends.plus_ms(-1)).is_ok());
        assert_eq!(asked(&format!("/{token}/a"), ends), Err(Refusal::LinkExpired));
    }

    #[test]
    fn neither_token_opens_what_the_other_opens() {
        let host = PreviewHost { sandbox: SandboxId::fresh(1, [1; 10]), port: 3000 };
        let verify = |token: &str| access::verify(&keys(&[1]), token, host, NOW);
        let preview = token(&header(), &claims());
        assert!(verify(&preview).is_ok());
        assert_eq!(asked(&format!("/{preview}/a"), NOW), Err(Refusal::NoFile));
        assert_eq!(verify(&token(&header(), &file())), Err(Denied::Invalid));

        // One that says everything that either says still has one audience.
        let mut both = claims();
        for (name, value) in file().as_object().unwrap() {
            both[name] = value.clone();
        }
        let as_file = token(&header(), &both);
        assert!(asked(&format!("/{as_file}/a"), NOW).is_ok());
        assert_eq!(verify(&as_file), Err(Denied::Invalid));
        both["aud"] = json!(slipway_contract::preview::AUDIENCE);
        both["exp"] = json!(MADE + TOKEN_LIFE_S);
        let as_preview = token(&header(), &both);
        assert!(verify(&as_preview).is_ok());
        assert_eq!(asked(&format!("/{as_preview}/a"), NOW), Err(Refusal::NoFile));
    }

    #[test]
    fn what_is_no_good_token_opens_nothing() {
        let with = |name: &str, value: serde_json::Value| {
            let mut claims = file();
            claims[name] = value;
            token(&header(), &claims)
        };
        let good = token(&header(), &file());
        for (name, attack) in [
            ("nothing", String::new()),
            ("another audience", with("aud", json!("slipway-api"))),
            ("another issuer", with("iss", json!("somebody"))),
            ("too long a life", with("exp", json!(MADE + 3_601))),
            ("from the future", with("iat", json!(MADE + 121))),
            ("no file", with("att", json!(null))),
            ("a sandbox for a file", with("att", json!(SandboxId::fresh(1, [5; 10])))),
            ("a person for an org", with("org", json!(UserId::fresh(1, [5; 10])))),
            ("an unknown key", token(&json!({"alg": "EdDSA", "kid": "k9"}), &file())),
            ("no algorithm", token(&json!({"alg": "none", "kid": "k1"}), &file())),
            ("a letter less", good.chars().take(good.len() - 1).collect()),
            ("far too long", format!("{good}{}", "A".repeat(10_000))),
        ] {
            assert_eq!(asked(&format!("/{attack}/a"), NOW), Err(Refusal::NoFile), "{name}");
        }
    }
}
