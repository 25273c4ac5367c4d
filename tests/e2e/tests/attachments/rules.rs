//! What is refused: parts that do not fit, more than the org has room for, and everybody's files but one's own.

use anyhow::Result;
use e2e::{Person, Team, World};
use futures::future::join_all;
use reqwest::Method;
use slipway_contract::http::attachments::Attachment;
use slipway_contract::limits::{ATTACHMENT_BYTES, ATTACHMENT_PART_BYTES, MESSAGE_BYTES};
use slipway_contract::{AttachmentId, ProblemCode};

#[tokio::test]
async fn what_is_announced_is_a_file_of_a_size_under_a_name() -> Result<()> {
    let (team, _, chat) = Team::of_two(&World::shared()?).await?;
    let ada = &team.owner;
    for (client_id, name, bytes, field) in [
        ("c", "", 1, "name"),
        ("c", "a/b", 1, "name"),
        ("c", "..", 1, "name"),
        ("c", "a\u{202e}gpj.exe", 1, "name"),
        ("c", "a", 0, "bytes"),
        ("c", "a", ATTACHMENT_BYTES + 1, "bytes"),
        ("", "a", 1, "client_id"),
    ] {
        let refused = ada.beginning(chat.id, client_id, name, bytes).send().await?;
        assert_eq!(
            refused.refused(ProblemCode::InvalidField)?.field.as_deref(),
            Some(field),
            "{name:?} {bytes}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_part_has_its_own_size_and_the_last_one_put_counts() -> Result<()> {
    let (team, _, chat) = Team::of_two(&World::shared()?).await?;
    let ada = &team.owner;
    let id = ada.begin(chat.id, "one", 5).await?.id;
    ada.completing(id).send().await?.refused(ProblemCode::UploadIncomplete)?;
    for wrong in [&b""[..], b"1234", b"123456"] {
        ada.putting(id, 1, wrong).send().await?.refused(ProblemCode::UploadIncomplete)?;
    }
    let long = vec![0; usize::try_from(ATTACHMENT_PART_BYTES)? + 1];
    // The answer comes before the body was read; who still writes may find the connection closed instead.
    if let Some(answer) = ada.putting(id, 1, &long).try_send().await? {
        answer.refused(ProblemCode::TooLarge)?;
    }
    for part in [0, 2, 70_000] {
        ada.putting(id, part, b"12345").send().await?.refused(ProblemCode::InvalidParameter)?;
    }
    ada.completing(id).send().await?.refused(ProblemCode::UploadIncomplete)?;
    ada.putting(id, 1, b"12345").send().await?.done()?;
    ada.putting(id, 1, b"abcde").send().await?.done()?;
    ada.completing(id).send().await?.done()?;
    ada.putting(id, 1, b"12345").send().await?.refused(ProblemCode::Forbidden)?;
    let fetched = e2e::person_attachments::open(&ada.link(id).await?.url, &[]).await?;
    assert_eq!(fetched.bytes, b"abcde");
    Ok(())
}

#[tokio::test]
async fn of_several_who_begin_or_complete_at_once_all_get_the_same() -> Result<()> {
    let (team, _, chat) = Team::of_two(&World::shared()?).await?;
    let ada = &team.owner;
    let begun = join_all((0..4).map(|_| ada.begin(chat.id, "one", 5))).await;
    let begun = begun.into_iter().collect::<Result<Vec<_>>>()?;
    assert!(begun.windows(2).all(|pair| pair[0].id == pair[1].id), "{begun:?}");
    let id = begun[0].id;
    ada.put_parts(id, b"12345").await?;
    let completed = join_all((0..4).map(|_| ada.completing(id).send())).await;
    for answer in completed {
        let file: Attachment = answer?.read()?;
        assert_eq!((file.id, file.media_type.as_str()), (id, "text/plain"));
    }
    Ok(())
}

#[tokio::test]
async fn an_org_s_files_and_uploads_have_as_much_room_as_it_may_have() -> Result<()> {
    let world = World::shared()?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    let limit = "INSERT INTO quotas (org_id, holder, attachment_bytes) VALUES ($1, 'org', 10)";
    world.sql(limit, &team.org.to_string()).await?;
    let ada = &team.owner;
    let half = ada.begin(chat.id, "half", 5).await?.id;
    let kept = ada.attach(chat.id, "kept", b"12345").await?.id;
    bo.beginning(chat.id, "more", "more", 1).send().await?.refused(ProblemCode::QuotaReached)?;
    // What is given up makes room, whether it was complete or not.
    for gone in [half, kept] {
        ada.giving_up(gone).send().await?.done()?;
        ada.giving_up(gone).send().await?.refused(ProblemCode::NotFound)?;
        ada.linking(gone).send().await?.refused(ProblemCode::NotFound)?;
    }
    bo.attach(chat.id, "more", b"1234567890").await?;
    Ok(())
}

/// Every route that names an attachment.
async fn refused_everywhere(who: &Person, id: AttachmentId, code: ProblemCode) -> Result<()> {
    who.putting(id, 1, b"12345").send().await?.refused(code)?;
    who.completing(id).send().await?.refused(code)?;
    who.giving_up(id).send().await?.refused(code)?;
    Ok(())
}

#[tokio::test]
async fn another_s_file_is_looked_at_once_it_is_posted_and_nothing_else() -> Result<()> {
    let world = World::shared()?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    let ada = &team.owner;
    let elsewhere = team.chat("Elsewhere", &[]).await?;
    let rival = world.team("Rival").await?.owner;
    let outside = team.join("Outside", slipway_contract::http::orgs::Role::Member).await?;

    let uploading = ada.begin(chat.id, "uploading", 5).await?.id;
    let file = ada.attach(chat.id, "file", b"12345").await?.id;
    for id in [uploading, file] {
        for who in [&bo, &outside, &rival] {
            refused_everywhere(who, id, ProblemCode::NotFound).await?;
            who.linking(id).send().await?.refused(ProblemCode::NotFound)?;
        }
        let unnamed = ada.nowhere().linking(id).send().await?;
        unnamed.refused(ProblemCode::OrgContextRequired)?;
    }
    // Into messages goes what is complete, of this chat, and the sender's own.
    let post = async |who: &Person, chat, files: &[AttachmentId]| -> Result<()> {
        let refused = who.posting_files(chat, "post", "x", files).send().await?;
        assert_eq!(refused.refused(ProblemCode::InvalidField)?.field.as_deref(), Some("attachments"));
        Ok(())
    };
    post(&bo, chat.id, &[file]).await?;
    post(ada, elsewhere.id, &[file]).await?;
    post(ada, chat.id, &[file, uploading]).await?;
    post(ada, chat.id, &[file, file]).await?;
    post(ada, chat.id, &[file; 11]).await?;
    let strange = rival.posting_files(chat.id, "post", "x", &[file]).send().await?;
    assert!(
        matches!(strange.problem()?.code, ProblemCode::NotFound | ProblemCode::InvalidField),
        "{strange}"
    );

    // A message that the chat does not take leaves its files free.
    let long = "x".repeat(MESSAGE_BYTES + 1);
    assert!(!ada.posting_files(chat.id, "long", &long, &[file]).send().await?.is_success());
    ada.post_files(chat.id, "post", "x", &[file]).await?;
    ada.posting_files(chat.id, "again", "x", &[file]).send().await?.refused(ProblemCode::InvalidField)?;

    bo.link(file).await?;
    refused_everywhere(&bo, file, ProblemCode::Forbidden).await?;
    ada.giving_up(file).send().await?.refused(ProblemCode::Forbidden)?;
    for who in [&outside, &rival] {
        who.linking(file).send().await?.refused(ProblemCode::NotFound)?;
        refused_everywhere(who, file, ProblemCode::NotFound).await?;
    }
    // Who is put out of the chat sees it no longer, also what they put there themselves.
    let own = bo.attach(chat.id, "own", b"12345").await?.id;
    let bo_there = slipway_contract::ParticipantId::User { id: bo.id() };
    ada.dismiss(chat.id, bo_there).await?.done()?;
    for id in [file, own] {
        bo.linking(id).send().await?.refused(ProblemCode::NotFound)?;
    }
    bo.beginning(chat.id, "late", "late", 1).send().await?.refused(ProblemCode::NotFound)?;
    bo.posting_files(chat.id, "late", "x", &[own]).send().await?.refused(ProblemCode::NotFound)?;
    Ok(())
}

#[tokio::test]
async fn a_fork_s_message_has_files_too() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let ada = &team.owner;
    let message = ada.post(chat.id, "first", "The server has no port.").await?.message;
    let fork = ada.fork(message, "fork").await?.id;
    let file = ada.attach(chat.id, "port.txt", b"8080").await?;
    let body = serde_json::json!({"client_id": "in", "text": "", "fork": fork, "attachments": [file.id]});
    ada.call(Method::POST, &format!("/v1/chats/{}/messages", chat.id)).json(&body).send().await?.done()?;
    assert_eq!(bo.link(file.id).await?.attachment, file);
    Ok(())
}
