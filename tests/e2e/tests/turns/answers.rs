//! Who answers, with what, and how it arrives.

use anyhow::{Context as _, Result};
use e2e::fake_model::Call;
use expect_test::expect;
use slipway_contract::events::{EventBody, TurnFailureCode};
use slipway_contract::limits;

use crate::scene::{Scene, check, shared};

#[tokio::test]
async fn a_mentioned_agent_answers_in_streamed_pieces() -> Result<()> {
    let (_stage, mut scene) = shared(&["demo"]).await?;
    let posted = scene.say("@demo repeat: 2000 words").await?;
    let text = (1..=2000).map(|n| format!("word-{n}")).collect::<Vec<_>>().join(" ");
    let pieces = scene.streams(scene.turn()?, &text).await?;
    assert!(pieces >= 3, "{pieces} pieces");
    scene.rest().await?;
    let names = |body: &EventBody| matches!(body, EventBody::MessagePosted(message) if message.reply_to == Some(posted.message));
    let replied = scene.socket.events.iter().any(|event| names(&event.body));
    assert!(replied, "the answer names the question");
    assert_eq!(answer(&scene), Some((text, false)));
    Ok(())
}

#[tokio::test]
async fn an_openai_compatible_model_answers() -> Result<()> {
    check(
        "oa",
        "script:text",
        expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        oa: Grüß dich — 你好 👋!
        oa is done: openai:fake read 12 wrote 7
    "#]],
    )
    .await
}

#[tokio::test]
async fn an_anthropic_model_answers() -> Result<()> {
    check(
        "an",
        "script:bytes",
        expect![[r#"
        queued an at depth 0
        an starts, attempt 1
        an: Grüß dich — 你好 👋!
        an is done: anthropic:fake read 12 wrote 7
    "#]],
    )
    .await
}

/// What the provider of `@agent` was asked, after something else was said.
async fn asked(agent: &str) -> Result<String> {
    let (stage, mut scene) = shared(&[agent]).await?;
    scene.say("We meet at noon.").await?;
    scene.say(&format!("@{agent} script:text when?")).await?;
    scene.rest().await?;
    let calls = stage.fake.calls();
    let call = calls.iter().find(|call| call.body.to_string().contains(&scene.title));
    let Call { key, body, .. } = call.context("the provider was not asked")?;
    // One tool shows how tools are told; the rest have their names and forms where they are made.
    let mut body = body.clone();
    if let Some(tools) = body.get_mut("tools").and_then(serde_json::Value::as_array_mut) {
        assert!(tools.len() > 5, "sandboxes are set up, and the agent is not told: {tools:?}");
        tools.truncate(1);
    }
    Ok(format!("{key:?}\n{body:#}").replace(&scene.title, "TITLE"))
}

#[tokio::test]
async fn an_openai_compatible_server_is_told_who_is_here_and_what_was_said() -> Result<()> {
    expect![[r#"
        Some("key-of-openai")
        {
          "max_tokens": 8192,
          "messages": [
            {
              "content": "You are oa (@oa), an agent in a chat that people and agents share.\nChat: TITLE\nParticipants: Crew Owner, oa (agent @oa)\nMessages of others begin with their author's name and a colon; do not begin yours so. Answer the last message. Markdown is shown formatted. Writing an agent's @slug calls that agent: do it only when it should act.\n\nBe short.",
              "role": "system"
            },
            {
              "content": "Crew Owner: We meet at noon.\n\nCrew Owner: @oa script:text when?",
              "role": "user"
            }
          ],
          "model": "fake",
          "stream": true,
          "stream_options": {
            "include_usage": true
          },
          "tools": [
            {
              "function": {
                "description": "Lists the people and agents that take part in this chat.",
                "name": "list_participants",
                "parameters": {
                  "additionalProperties": false,
                  "properties": {},
                  "type": "object"
                }
              },
              "type": "function"
            }
          ]
        }"#]].assert_eq(&asked("oa").await?);
    Ok(())
}

#[tokio::test]
async fn anthropic_is_told_who_is_here_and_what_was_said() -> Result<()> {
    expect![[r#"
        Some("key-of-anthropic")
        {
          "max_tokens": 8192,
          "messages": [
            {
              "content": [
                {
                  "text": "Crew Owner: We meet at noon.\n\nCrew Owner: @an script:text when?",
                  "type": "text"
                }
              ],
              "role": "user"
            }
          ],
          "model": "fake",
          "stream": true,
          "system": "You are an (@an), an agent in a chat that people and agents share.\nChat: TITLE\nParticipants: Crew Owner, an (agent @an)\nMessages of others begin with their author's name and a colon; do not begin yours so. Answer the last message. Markdown is shown formatted. Writing an agent's @slug calls that agent: do it only when it should act.\n\nBe short.",
          "tools": [
            {
              "description": "Lists the people and agents that take part in this chat.",
              "input_schema": {
                "additionalProperties": false,
                "properties": {},
                "type": "object"
              },
              "name": "list_participants"
            }
          ]
        }"#]].assert_eq(&asked("an").await?);
    Ok(())
}

#[tokio::test]
async fn the_default_agent_answers_what_mentions_nobody_and_nobody_does_without_one() -> Result<()> {
    let (_stage, mut scene) = shared(&["oa", "echo"]).await?;
    scene.set_default(Some("oa")).await?;
    let posted = scene.say("hello").await?;
    scene.rest().await?;
    scene.say("@echo hello").await?;
    scene.rest().await?;
    scene.set_default(None).await?;
    scene.say("anybody?").await?;
    scene.rest().await?;
    expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        oa: You said: Crew Owner: hello
        oa is done: openai:fake read 12 wrote 7
        owner: @echo hello
        queued echo at depth 0
        echo starts, attempt 1
        echo: Hello Crew Owner! I am the built-in demo model of Slipway. Write `help` to see what I can do.
        echo is done: demo read 327 wrote 19
        default nobody
        owner: anybody?
    "#]]
    .assert_eq(&scene.told_after(posted.seq));
    Ok(())
}

#[tokio::test]
async fn agents_may_call_each_other_only_so_deep() -> Result<()> {
    let (_stage, mut scene) = shared(&["demo", "echo"]).await?;
    let posted = scene.say("@demo mention: @echo mention: @demo mention: @echo mention: @demo hello").await?;
    scene.rest().await?;
    let events = scene.socket.events.iter().filter(|event| event.seq > posted.seq);
    let mut deepest = 0;
    let (mut too_deep, mut refused) = (Vec::new(), Vec::new());
    for event in events {
        if let EventBody::TurnQueued { turn, depth, .. } = &event.body {
            deepest = deepest.max(*depth);
            if *depth > limits::TURN_DEPTH {
                too_deep.push(*turn);
            }
        }
        if let EventBody::TurnFailed { turn, failure } = &event.body {
            assert_eq!(failure.code, TurnFailureCode::TooDeep);
            refused.push(*turn);
        }
    }
    assert_eq!(deepest, limits::TURN_DEPTH + 1, "{}", scene.told_after(posted.seq));
    assert_eq!(refused, too_deep, "{}", scene.told_after(posted.seq));
    Ok(())
}

#[tokio::test]
async fn a_tool_call_is_answered_by_the_chat_and_told_by_the_agent() -> Result<()> {
    check(
        "demo",
        "call: list_participants",
        expect![[r#"
            queued demo at depth 0
            demo starts, attempt 1
            demo calls list_participants {}
            the tool answered "Crew Owner\nDemo (agent demo)"
            demo: The tool `list_participants` answered:

            ```
            Crew Owner
            Demo (agent demo)
            ```
            demo is done: demo read 645 wrote 14
        "#]],
    )
    .await
}

#[tokio::test]
async fn a_provider_s_tool_call_is_answered_and_its_usage_added_up() -> Result<()> {
    check(
        "oa",
        "script:tool",
        expect![[r#"
        queued oa at depth 0
        oa starts, attempt 1
        oa calls list_participants {"city":"Rome"}
        the tool answered "Crew Owner\noa (agent oa)"
        oa: The tool said: Crew Owner
        oa (agent oa)
        oa is done: openai:fake read 24 wrote 14
    "#]],
    )
    .await?;
    check(
        "an",
        "script:tool",
        expect![[r#"
        queued an at depth 0
        an starts, attempt 1
        an calls list_participants {"city":"Rome"}
        the tool answered "Crew Owner\nan (agent an)"
        an: The tool said: Crew Owner
        an (agent an)
        an is done: anthropic:fake read 24 wrote 14
    "#]],
    )
    .await
}

#[tokio::test]
async fn an_unknown_tool_is_an_error_that_the_agent_is_told() -> Result<()> {
    check(
        "demo",
        "call: launch_rockets",
        expect![[r#"
            queued demo at depth 0
            demo starts, attempt 1
            demo: No tool `launch_rockets` is offered to me. I may call these tools:

            - `list_participants`: Lists the people and agents that take part in this chat.
            - `start_sandbox`: Asks the people of the chat for a sandbox: an isolated Linux machine with the folder /workspace, without any network but the hosts you name. People see your reason, the cost and the hosts, and approve or deny; the result tells which. A sandbox that runs already is used again without asking.
            - `run_command`: Runs a shell command in the chat's sandbox and answers with its exit code and output. Servers go into the background.
            - `write_file`: Writes a text file in the chat's sandbox; the folders above it are made, what was there is replaced.
            - `read_file`: Reads a text file of the chat's sandbox.
            - `list_files`: Lists a folder of the chat's sandbox.
            - `delete_file`: Deletes a file of the chat's sandbox, or a folder with all in it.
            - `open_preview`: Shows the people of the chat what a server in the sandbox serves. Start the server first, in the background; this waits up to 15 s until something listens on the port.
            - `save_artifact`: Keeps a file of the sandbox for the people of the chat, beyond the sandbox's life.
            - `request_hosts`: Asks the people of the chat to let the sandbox reach more hosts.
            - `stop_sandbox`: Stops the chat's sandbox. Its files stay.
            - `propose_context`: Proposes something that agents should be told from now on: a decision, a fact, a rule that people have settled. People accept or remove it; until then nobody is given it. Propose what will matter later and is not kept yet.
            demo is done: demo read 317 wrote 277
        "#]],
    )
    .await
}

/// The answer in the log, and whether it is marked as partial.
fn answer(scene: &Scene) -> Option<(String, bool)> {
    scene.socket.events.iter().find_map(|event| {
        let EventBody::MessagePosted(message) = &event.body else { return None };
        message.turn.is_some().then(|| (message.text.clone(), message.partial))
    })
}

#[tokio::test]
async fn an_answer_that_the_model_s_limit_cuts_is_marked_as_partial() -> Result<()> {
    let (_stage, mut scene) = shared(&["demo"]).await?;
    scene.say("@demo write 9000 words").await?;
    scene.rest().await?;
    let (text, partial) = answer(&scene).context("no answer")?;
    assert_eq!((text.split_whitespace().count(), partial), (8_192, true));
    Ok(())
}

#[tokio::test]
async fn an_answer_longer_than_a_message_is_cut_and_marked_as_partial() -> Result<()> {
    let (_stage, mut scene) = shared(&["demo"]).await?;
    scene.say("@demo repeat: 8100 words").await?;
    scene.rest().await?;
    let (text, partial) = answer(&scene).context("no answer")?;
    assert_eq!((text.len(), partial), (limits::MESSAGE_BYTES, true));
    Ok(())
}
