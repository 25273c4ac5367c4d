//! Only our tokens open a file, each its own, for an hour; and none of them opens a preview (RFC 8725).

use anyhow::{Context as _, Result};
use e2e::forge::{Forgery, public_half};
use e2e::person_attachments::open;
use e2e::{Team, Visitor, World};
use reqwest::Method;
use slipway_contract::preview::QUERY;
use slipway_contract::{SandboxId, UserId};
use xtask::secrets::Secrets;

fn token_of(url: &str) -> Result<&str> {
    url.split('/').nth(3).context("no token in the address")
}

#[tokio::test]
async fn forged_links_open_nothing() -> Result<()> {
    let world = World::shared()?;
    let (team, _, chat) = Team::of_two(&world).await?;
    let ada = &team.owner;
    let file = ada.attach(chat.id, "plan.txt", b"canary").await?;
    let url = ada.link(file.id).await?.url;
    let token = token_of(&url)?;
    let host = url.split_once(token).context("no token")?.0;
    let at = |token: &str| format!("{host}{token}/plan.txt");
    let key = world.preview_keys().first().context("no key")?;
    let forgery = Forgery::of(token)?;
    let made = forgery.claims["iat"].as_i64().context("no iat")?;
    let stranger = Secrets::generate()?;
    let mut impostor = stranger.preview_keys.first().context("no key")?.clone();
    impostor.kid.clone_from(&key.kid);
    let of_app = world.keys().first().context("no key")?;

    assert_eq!(open(&at(&forgery.signed(key)?), &[]).await?.bytes, b"canary", "as it was signed");
    let ended = forgery.clone().claim("iat", made - 7_200).claim("exp", made - 3_600).signed(key)?;
    assert_eq!(open(&at(&ended), &[]).await?.status, 401);
    let preview = forgery
        .clone()
        .claim("aud", "slipway-preview")
        .claim("sub", UserId::fresh(1, [1; 10]).to_string())
        .claim("sbx", SandboxId::fresh(1, [1; 10]).to_string())
        .claim("port", 3_000)
        .claim("epoch", 1)
        .claim("exp", made + 1_800);
    for (name, token) in [
        ("alg none", forgery.clone().header("alg", "none").with_signature(b"")),
        ("HS256 with the public key", forgery.clone().header("alg", "HS256").hmac(&public_half(key)?)?),
        ("a signature of zeros", forgery.with_signature(&[0; 64])),
        ("a stranger's key under our kid", forgery.signed(&impostor)?),
        ("the key of access tokens", forgery.clone().header("kid", of_app.kid.as_str()).signed(of_app)?),
        ("an access token", ada.token()),
        ("a preview's token", preview.signed(key)?),
        ("another issuer", forgery.clone().claim("iss", "somebody").signed(key)?),
        ("too long a life", forgery.clone().claim("exp", made + 3_601).signed(key)?),
        ("no expiry", forgery.clone().claim("exp", serde_json::Value::Null).signed(key)?),
        ("another file", forgery.clone().claim("att", "att_00000000000170008000000000000000").signed(key)?),
        ("another org", forgery.clone().claim("org", "org_00000000000170008000000000000000").signed(key)?),
        ("a path for a file", forgery.clone().claim("att", "../x").signed(key)?),
        ("nothing", String::new()),
        ("a cut token", token.split_at(60).0.to_owned()),
    ] {
        let reply = open(&at(&token), &[]).await?;
        assert_eq!(reply.status, 404, "{name}: {:?}", String::from_utf8_lossy(&reply.bytes));
    }
    // The name in the address is for people.
    assert_eq!(
        open(&format!("{host}{token}/evil.html"), &[]).await?.header("content-type"),
        "application/octet-stream"
    );
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let reply = Visitor::outside(&url)?.call(method.clone(), &format!("/{token}/a")).send().await?;
        assert_eq!(reply.status().as_u16(), 405, "{method}");
    }
    let head = Visitor::outside(&url)?.call(Method::HEAD, &format!("/{token}/a")).send().await?;
    assert_eq!(head.status().as_u16(), 200);
    Ok(())
}

#[tokio::test]
async fn a_link_s_token_opens_no_preview() -> Result<()> {
    let world = World::shared()?;
    let (team, _, chat) = Team::of_two(&world).await?;
    let file = team.owner.attach(chat.id, "plan.txt", b"canary").await?;
    let url = team.owner.link(file.id).await?.url;
    let gateway = world.gateway_url().strip_prefix("http://").context("no address")?;
    let sandbox = SandboxId::fresh(1, [1; 10]).uuid().simple();
    let token = token_of(&url)?;
    let preview = format!("http://3000-{sandbox}.{gateway}/?{QUERY}={token}");
    let reply = Visitor::outside(&preview)?.get(&format!("/?{QUERY}={token}")).await?;
    assert_eq!((reply.status, reply.header("set-cookie")), (401, ""));
    // Nor one that says of which sandbox it is as well.
    let key = world.preview_keys().first().context("no key")?;
    let both = Forgery::of(token)?
        .claim("sub", team.owner.id().to_string())
        .claim("sbx", SandboxId::fresh(1, [1; 10]).to_string())
        .claim("port", 3_000)
        .claim("epoch", 1)
        .signed(key)?;
    let reply = Visitor::outside(&preview)?.get(&format!("/?{QUERY}={both}")).await?;
    assert_eq!((reply.status, reply.header("set-cookie")), (401, ""));
    Ok(())
}
