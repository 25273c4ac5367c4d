//! A file goes into a message: in parts, in any order; and is read by who takes part in the chat.

use anyhow::{Context as _, Result, ensure};
use e2e::person_attachments::open;
use e2e::{Team, World};
use slipway_contract::events::EventBody;
use slipway_contract::http::attachments::{Attachment, AttachmentUpload};
use slipway_contract::limits::ATTACHMENT_PART_BYTES;
use slipway_contract::{Actor, ProblemCode};

use crate::pictures::{HTML, PNG, SVG};

#[tokio::test]
async fn a_file_of_several_parts_is_put_in_any_order_and_read_whole_or_in_part() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let ada = &team.owner;
    let part = usize::try_from(ATTACHMENT_PART_BYTES)?;
    let content: Vec<u8> = (0..part + 1_000).map(|at| b"abcdefghij"[at % 10]).collect();
    let (first, last) = content.split_at(part);
    let size = u64::try_from(content.len())?;

    let begun = ada.begin(chat.id, "one", size).await?;
    assert_eq!(
        (begun.part_bytes, begun.parts.as_slice(), begun.complete),
        (ATTACHMENT_PART_BYTES, &[][..], false)
    );
    ada.putting(begun.id, 2, last).send().await?.done()?;
    // Who was interrupted asks how far it is.
    let again = ada.begin(chat.id, "one", size).await?;
    assert_eq!(again, AttachmentUpload { parts: vec![2], ..begun.clone() });
    ada.completing(begun.id).send().await?.refused(ProblemCode::UploadIncomplete)?;
    ada.putting(begun.id, 1, first).send().await?.done()?;
    let whole: Attachment = ada.completing(begun.id).send().await?.read()?;
    assert_eq!(
        (whole.id, whole.chat, whole.name.as_str(), whole.bytes),
        (begun.id, chat.id, "plan.txt", size)
    );
    assert_eq!(
        (whole.media_type.as_str(), whole.pixels, whole.by),
        ("text/plain", None, Actor::User { id: ada.id() })
    );
    let again: Attachment = ada.completing(begun.id).send().await?.read()?;
    assert_eq!(again, whole, "once more is harmless");
    let again = ada.begin(chat.id, "one", size).await?;
    assert_eq!((again.parts.as_slice(), again.complete), (&[1, 2][..], true));

    // Before it is posted it is its sender's alone.
    assert_eq!(ada.link(whole.id).await?.attachment, whole);
    bo.linking(whole.id).send().await?.refused(ProblemCode::NotFound)?;
    let posted = ada.post_files(chat.id, "post", "Here it is.", &[whole.id]).await?;
    let again = ada.post_files(chat.id, "post", "Here it is.", &[whole.id]).await?;
    assert_eq!(again, posted);
    let log = bo.log(chat.id).await?;
    let files = log.iter().find_map(|event| {
        let EventBody::MessagePosted(message) = &event.body else { return None };
        (message.message == posted.message).then_some(&message.attachments)
    });
    assert_eq!(files.context("the message is not in the log")?, std::slice::from_ref(&whole));

    let link = bo.link(whole.id).await?;
    let fetched = open(&link.url, &[]).await?;
    ensure!(fetched.status == 200 && fetched.bytes == content, "{} {}", fetched.status, fetched.bytes.len());
    assert_eq!(fetched.header("content-type"), "application/octet-stream");
    assert_eq!(
        fetched.header("content-disposition"),
        "attachment; filename=\"plan.txt\"; filename*=UTF-8''plan.txt"
    );
    for (range, status, expected) in [
        ("bytes=0-3", 206, &b"abcd"[..]),
        ("bytes=-5", 206, &content[content.len() - 5..]),
        ("bytes=8388600-8388615", 206, &content[8_388_600..8_388_616]),
        ("bytes=99999999-", 416, &b""[..]),
    ] {
        let fetched = open(&link.url, &[("range", range)]).await?;
        assert_eq!((fetched.status, fetched.bytes.as_slice()), (status, expected), "{range}");
        let told = fetched.header("content-range");
        assert!(told.starts_with("bytes ") && told.ends_with(&format!("/{size}")), "{told}");
    }
    Ok(())
}

#[tokio::test]
async fn pictures_are_shown_and_nothing_else_ever_is() -> Result<()> {
    let (team, _, chat) = Team::of_two(&World::shared()?).await?;
    let ada = &team.owner;
    let picture = ("picture.html", PNG, "image/png");
    let octets = "application/octet-stream";
    let cases = [
        picture,
        ("drawing.svg", SVG, octets),
        ("picture.png", SVG, octets),
        ("page.html", HTML, octets),
        ("page.txt", b"\xef\xbb\xbf\n <script>alert(1)</script>", octets),
        ("a \"b\"; c.pdf", b"%PDF-1.7 <html>", "application/pdf"),
    ];
    let mut files = Vec::new();
    for (name, content, media_type) in cases {
        let shown = name == picture.0;
        let pixels = shown.then_some([1, 1]);
        let file = ada.attach(chat.id, name, content).await?;
        assert_eq!((file.name.as_str(), file.media_type.as_str(), file.pixels), (name, media_type, pixels));
        files.push(file.id);
        let fetched = open(&ada.link(file.id).await?.url, &[("cookie", "slipway_preview=x")]).await?;
        assert_eq!((fetched.status, fetched.bytes.as_slice()), (200, content), "{name}");
        let expected =
            if shown { ("image/png", "inline;") } else { ("application/octet-stream", "attachment;") };
        assert_eq!(fetched.header("content-type"), expected.0, "{name}");
        assert!(fetched.header("content-disposition").starts_with(expected.1), "{name}");
        assert_eq!(fetched.header("content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(fetched.header("x-content-type-options"), "nosniff");
        assert_eq!(fetched.header("set-cookie"), "");
        assert!(fetched.header("cache-control").starts_with("private, max-age="), "{name}");
    }
    // A message may say nothing but its files.
    ada.post_files(chat.id, "post", "", &files).await?;
    ada.posting(chat.id, "empty", "").send().await?.refused(ProblemCode::InvalidField)?;
    Ok(())
}
