//! What a chat keeps outside: files that people put there, what agents were told, and the chat itself in an archive.

use anyhow::Result;
use e2e::Team;
use e2e::eventually;
use e2e::person_deletions::removed;
use reqwest::Method;
use sha2::{Digest as _, Sha256};
use slipway_contract::ProblemCode;
use slipway_contract::http::context::{ContextScope, CreateContextItem};
use slipway_contract::http::deletions::DeletedKind;

use crate::scene::Own;

/// A file that nothing else has.
const FILE: &[u8] = b"a file about quokkas that goes with its chat";

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_what_agents_were_told_go_with_their_chat() -> Result<()> {
    let own = Own::start()?;
    let (team, bo, chat) = Team::of_two(&own.world).await?;
    let owner = &team.owner;
    eventually("the chat in the index", async || owner.summary(&chat).await).await?;
    let file = bo.attach(chat.id, "plan.txt", FILE).await?;
    bo.post_files(chat.id, "with", "a file", &[file.id]).await?;
    // One that never came to its end.
    bo.begin(chat.id, "half", 100).await?;
    let told = |scope, chat, title: &str| CreateContextItem {
        scope,
        channel: None,
        chat,
        title: title.to_owned(),
        text: title.to_owned(),
        tags: Vec::new(),
        source: None,
        expires_at: None,
        client_id: title.to_owned(),
    };
    bo.tell(team.org, &told(ContextScope::Chat, Some(chat.id), "of the chat")).await?;
    owner.tell(team.org, &told(ContextScope::Org, None, "of the org")).await?;
    assert!(own.keeps(&digest(FILE))?);

    let asked = owner.delete_chat(chat.id).await?;
    bo.linking(file.id).send().await?.refused(ProblemCode::NotFound)?;
    assert_eq!(bo.titles(team.org, "").await?, ["of the org"]);
    let over = owner.deleted(asked.id).await?;
    assert_eq!((removed(&over, DeletedKind::Attachments), removed(&over, DeletedKind::ContextItems)), (2, 1));
    assert!(!own.keeps(&digest(FILE))?);
    assert_eq!(bo.titles(team.org, "").await?, ["of the org"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_that_lies_in_an_archive_goes_with_that_and_without_coming_back() -> Result<()> {
    let mut own = Own::start()?;
    let (team, bo, chat) = Team::of_two(&own.world).await?;
    let owner = &team.owner;
    bo.post(chat.id, "first", "left alone").await?;
    eventually("a chat that can be archived", async || {
        let call = owner.call(Method::POST, &format!("/v1/chats/{}/archive", chat.id));
        Ok(matches!(call.send().await?.status, 202).then_some(()))
    })
    .await?;
    eventually("the chat in its archive", async || {
        own.sweep()?;
        Ok(owner.summary(&chat).await?.filter(|row| row.archived))
    })
    .await?;
    let asked = owner.delete_chat(chat.id).await?;
    let over = owner.deleted(asked.id).await?;
    assert!(
        removed(&over, DeletedKind::Files) >= 2 && removed(&over, DeletedKind::Archives) == 1,
        "{over:?}"
    );
    bo.get(&format!("/v1/chats/{}", chat.id)).await?.refused(ProblemCode::NotFound)?;
    let left = own.world.sql("SELECT FROM chat_archives WHERE chat_id = $1", &chat.id.to_string()).await?;
    assert_eq!(left, 0);
    Ok(())
}
