//! The console of a page that is shown beside a chat: which replies get the script's tag, and that all others stay as they are.

use anyhow::{Context as _, Result};
use e2e::Visitor;
use e2e::visitor::Page;
use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::land::Land;

/// The sandbox's Node writes `page.gz` as it was before.
const UNPACK: &str =
    "node -e 'process.stdout.write(require(`zlib`).gunzipSync(require(`fs`).readFileSync(`page.gz`)))'";
const SCRIPT: &str = "/.well-known/slipway/console.js";

/// A page of the sandbox as a browser asks for it: for a frame, for a tab, for a script.
async fn page(visitor: &Visitor, method: Method, target: &str, dest: &str) -> Result<Page> {
    Visitor::read(visitor.call(method, target).header("sec-fetch-dest", dest)).await
}

/// The address of the script in a page that has the tag, first in its head and nowhere else.
fn tagged(page: &Page) -> Result<&str> {
    let begin = page.body.strip_prefix("<!doctype html><html><head><script src=\"");
    let (address, rest) = begin.and_then(|rest| rest.split_once('"')).context("the page has no tag")?;
    let rest = rest.split_once("></script>").context("the tag does not end")?.1;
    anyhow::ensure!(
        rest.starts_with("<title>é</title>") && rest.ends_with("</body></html>"),
        "the rest changed"
    );
    anyhow::ensure!(!rest.contains(SCRIPT), "it has two tags");
    Ok(address)
}

#[tokio::test]
async fn a_frames_page_gets_one_tag_and_the_script_is_the_gateways() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let visitor = land.serve(sandbox).await?;

    let plain = page(&visitor, Method::GET, "/page", "document").await?;
    assert!(plain.body.starts_with("<!doctype html><html><head><title>"), "a tab's page has no tag");
    assert_eq!(plain.header("content-length"), plain.body.len().to_string());

    let framed = page(&visitor, Method::GET, "/page", "iframe").await?;
    let address = tagged(&framed)?.to_owned();
    assert_eq!((framed.status, framed.header("etag")), (200, "\"page\""));
    let (begin, rest) = framed.body.split_once("<script").context("no tag")?;
    let (tag, rest) = rest.split_once("</script>").context("no end of the tag")?;
    assert!(tag.contains(" data-app=\"http://localhost:"), "{tag}");
    assert_eq!(format!("{begin}{rest}"), plain.body, "nothing else changed");
    for error in ["/page?status=404", "/page?status=500"] {
        tagged(&page(&visitor, Method::GET, error, "iframe").await?).context(error)?;
    }

    let script = visitor.get(&address).await?;
    assert_eq!(script.status, 200, "{script:?}");
    assert!(script.header("content-type").starts_with("text/javascript"), "{script:?}");
    assert!(script.header("cache-control").contains("immutable"), "{script:?}");
    assert!(script.body.contains("postMessage"), "{script:?}");
    let head = page(&visitor, Method::HEAD, SCRIPT, "script").await?;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    Ok(())
}

#[tokio::test]
async fn a_compressed_page_of_a_frame_stays_compressed_and_gets_the_tag() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let visitor = land.serve(sandbox).await?;
    let call = visitor.call(Method::GET, "/page?gzip").header("sec-fetch-dest", "iframe");
    let reply = call.header("accept-encoding", "gzip").send().await?;
    assert_eq!(reply.headers().get("content-encoding").and_then(|value| value.to_str().ok()), Some("gzip"));
    let bytes = reply.bytes().await?;
    // Gzip's magic number, and less than the tenth of a megabyte that the page has.
    assert!(bytes.starts_with(&[0x1f, 0x8b]) && bytes.len() < 10_000, "{} bytes", bytes.len());
    land.bo.put_file(sandbox, "page.gz", bytes).await?.done()?;
    let unpacked = land.bo.run(sandbox, UNPACK).await?;
    assert_eq!(unpacked.exit.code, 0, "{unpacked:?}");
    tagged(&Page { status: 200, headers: HeaderMap::new(), body: unpacked.stdout })?;
    Ok(())
}

#[tokio::test]
async fn what_is_no_frames_page_is_not_touched() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let visitor = land.serve(sandbox).await?;
    let plain = visitor.get("/page").await?;
    let alike = [
        ("/page", "document"),
        ("/page", "empty"),
        ("/page?download", "iframe"),
        ("/page?type=application/json", "iframe"),
        ("/page?type=application/xhtml%2Bxml", "iframe"),
        ("/page?type=text/html;charset=utf-16le", "iframe"),
    ];
    for (target, dest) in alike {
        let same = page(&visitor, Method::GET, target, dest).await?;
        assert_eq!(same.body, plain.body, "{target} for {dest}");
        assert_eq!(same.header("content-length"), plain.body.len().to_string(), "{target} for {dest}");
    }
    let head = page(&visitor, Method::HEAD, "/page", "iframe").await?;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let call = visitor.call(Method::GET, "/page").header("sec-fetch-dest", "iframe");
    let same = Visitor::read(call.header("if-none-match", "\"page\"")).await?;
    assert_eq!((same.status, same.body.as_str(), same.header("etag")), (304, "", "\"page\""));
    let call = visitor.call(Method::GET, "/stream").header("sec-fetch-dest", "iframe");
    let mut stream = call.send().await?;
    assert_eq!(stream.chunk().await?.as_deref(), Some(b"data: first\n\n".as_slice()));

    // The gateway's own pages allow no script, and have none.
    let outside = Visitor::outside(&format!("http://{}/", visitor.host))?;
    let refused = page(&outside, Method::GET, "/page", "iframe").await?;
    assert_eq!(refused.status, 401, "{refused:?}");
    assert!(!refused.body.contains("<script"), "{refused:?}");
    Ok(())
}
