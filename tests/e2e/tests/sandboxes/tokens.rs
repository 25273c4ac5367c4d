//! Only our tokens open a preview, each one sandbox's one port (RFC 8725).

use anyhow::{Context as _, Result};
use e2e::forge::{Forgery, public_half};
use e2e::{Visitor, World};
use slipway_contract::ProblemCode;
use slipway_contract::preview::QUERY;
use xtask::secrets::Secrets;

use crate::land::{Land, PORT};

fn token_of(url: &str) -> Result<&str> {
    let start = format!("?{QUERY}=");
    url.split_once(&start).map(|(_, token)| token).context("no token in the address")
}

#[tokio::test]
async fn forged_tokens_open_nothing() -> Result<()> {
    let land = Land::shared().await?;
    let world = World::shared()?;
    let (one, two) = (land.start().await?, Land::shared().await?);
    let other = two.start().await?;
    let visitor = land.serve(one).await?;
    let good = land.bo.preview_token(one, PORT).await?.url;
    let elsewhere = two.bo.preview_token(other, PORT).await?.url;
    let key = world.preview_keys().first().context("no key")?;
    let forgery = Forgery::of(token_of(&good)?)?;
    let now = forgery.claims["iat"].as_i64().context("no iat")?;
    let text = |name: &str| forgery.claims[name].as_str().unwrap_or_default().to_owned();
    let mut unknown = key.clone();
    unknown.kid = "unknown".to_owned();
    let stranger = Secrets::generate()?;
    let stranger = stranger.preview_keys.first().context("no key")?;
    let mut impostor = stranger.clone();
    impostor.kid.clone_from(&key.kid);
    let of_app = world.keys().first().context("no key")?;
    let forged = vec![
        ("alg none", forgery.clone().header("alg", "none").with_signature(b"")),
        ("alg None", forgery.clone().header("alg", "None").with_signature(b"")),
        ("HS256 with the public key", forgery.clone().header("alg", "HS256").hmac(&public_half(key)?)?),
        ("no signature", forgery.with_signature(b"")),
        ("a signature of zeros", forgery.with_signature(&[0; 64])),
        ("an unknown kid", forgery.clone().header("kid", "unknown").signed(&unknown)?),
        ("no kid", forgery.clone().header("kid", serde_json::Value::Null).signed(stranger)?),
        ("a stranger's key under our kid", forgery.signed(&impostor)?),
        ("the key of access tokens", forgery.clone().header("kid", of_app.kid.as_str()).signed(of_app)?),
        ("an access token", land.bo.token()),
        ("expired by a second", forgery.clone().claim("iat", now - 1801).claim("exp", now - 1).signed(key)?),
        ("no expiry", forgery.clone().claim("exp", serde_json::Value::Null).signed(key)?),
        ("another audience", forgery.clone().claim("aud", "slipway-api").signed(key)?),
        ("another issuer", forgery.clone().claim("iss", "somebody").signed(key)?),
        ("an older epoch", forgery.clone().claim("epoch", 0).signed(key)?),
        ("another port", forgery.clone().claim("port", PORT + 1).signed(key)?),
        ("another sandbox", token_of(&elsewhere)?.to_owned()),
        ("another org", forgery.clone().claim("org", two.team.org.to_string()).signed(key)?),
        ("a text for a port", forgery.clone().claim("port", "8000").signed(key)?),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("a cut token", token_of(&good)?.split_at(60).0.to_owned()),
    ];
    assert_eq!(text("iss"), slipway_contract::preview::ISSUER);
    for (what, token) in &forged {
        let by_query = Visitor::outside(&good)?.get(&format!("/echo?{QUERY}={token}")).await?;
        let mut holder = Visitor::outside(&good)?;
        holder.cookie = Some(format!("slipway_preview={token}"));
        let by_cookie = holder.get("/echo").await?;
        let by_socket = holder.socket("/live", None).await?;
        for (way, status) in [("query", by_query.status), ("cookie", by_cookie.status)] {
            // A token that says the right things of another state of affairs is let in by the door and stopped behind it.
            let behind = way == "query" && matches!(*what, "an older epoch" | "another org");
            assert!(status >= 400 || (behind && status == 303), "{what} by {way}: {status}");
        }
        assert!(by_socket.is_err(), "{what} opened a socket");
        assert!(!by_cookie.headers.contains_key("x-from-inside"), "{what} reached the inside");
    }
    // The real one still works, on its own host alone.
    assert_eq!(visitor.get("/echo").await?.status, 200);
    let mut replay = Visitor::outside(&elsewhere)?;
    replay.cookie.clone_from(&visitor.cookie);
    assert!(replay.get("/echo").await?.status >= 400);
    let mut wrong_port = visitor.clone();
    wrong_port.host = visitor.host.replacen("8000-", "8001-", 1);
    assert!(wrong_port.get("/echo").await?.status >= 400);
    Ok(())
}

#[tokio::test]
async fn access_is_given_to_those_in_the_chat_alone() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let stranger = Land::shared().await?;
    let path = format!("/v1/sandboxes/{sandbox}/preview-tokens");
    for person in [&stranger.bo, &stranger.team.owner] {
        let body = serde_json::json!({"port": PORT});
        person.send(reqwest::Method::POST, &path, &body).await?.refused(ProblemCode::NotFound)?;
    }
    for wrong in [0, 65_536] {
        let answer = land.bo.send(reqwest::Method::POST, &path, &serde_json::json!({"port": wrong})).await?;
        assert!(matches!(answer.status, 400 | 422), "{answer}");
    }
    Ok(())
}
