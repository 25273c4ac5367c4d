//! How the demo model works in a sandbox, step by step.

use expect_test::{Expect, expect};
use serde_json::json;

use super::{Plan, read};
use crate::providers::demo::answer;
use crate::{Content, Message, ModelRequest, Role, StreamEvent, ToolSpec};

const TOOLS: [&str; 7] = [
    "start_sandbox",
    "list_files",
    "write_file",
    "run_command",
    "open_preview",
    "save_artifact",
    "stop_sandbox",
];

fn request(text: &str, tools: &[&str]) -> ModelRequest {
    let tool = |name: &&str| ToolSpec {
        name: (*name).to_owned(),
        description: String::new(),
        input_schema: json!({"type": "object"}),
    };
    ModelRequest {
        model: "demo".to_owned(),
        system: String::new(),
        messages: vec![Message { author: Some("Ana".to_owned()), ..Message::text(Role::User, text) }],
        tools: tools.iter().map(tool).collect(),
        max_tokens: 8_192,
        temperature: None,
    }
}

/// Plays the tools: each call gets the next of its tool's answers (`!` before an error), and `ok` when there is none.
fn play(text: &str, answers: &[(&str, &str)], expect: Expect) {
    let mut request = request(text, &TOOLS);
    let mut left: Vec<(&str, &str)> = answers.to_vec();
    let mut told = Vec::new();
    loop {
        let answer = answer(&request);
        let (mut said, mut calls) = (String::new(), Vec::new());
        for event in answer.events {
            match event {
                StreamEvent::Text(piece) => said.push_str(&piece),
                StreamEvent::ToolCall { id, name, arguments } => calls.push((id, name, arguments)),
                StreamEvent::Usage(_) | StreamEvent::Finished { .. } => {}
            }
        }
        told.push(said.clone());
        let mut results = Vec::new();
        for (id, name, arguments) in &calls {
            let shown: String = arguments.to_string().chars().take(110).collect();
            let at = left.iter().position(|(tool, _)| tool == name);
            let result = at.map_or("ok", |at| left.remove(at).1);
            told.push(format!("  {name} {shown}\n    -> {result}"));
            let (content, is_error) = match result.strip_prefix('!') {
                Some(error) => (error, true),
                None => (result, false),
            };
            results.push(Content::ToolResult { id: id.clone(), content: content.to_owned(), is_error });
        }
        if calls.is_empty() {
            break;
        }
        let calls = calls.into_iter().map(|(id, name, arguments)| Content::ToolCall { id, name, arguments });
        let content = [Content::Text { text: said }].into_iter().chain(calls).collect();
        request.messages.push(Message { role: Role::Assistant, author: None, content });
        request.messages.push(Message { role: Role::User, author: None, content: results });
        assert!(request.messages.len() < 20, "the plan does not end");
    }
    assert!(left.is_empty(), "never asked for: {left:?}");
    expect.assert_eq(&told.join("\n"));
}

const NONE: &str = "!No sandbox is running. Call start_sandbox first and say what it is for.";

#[test]
fn a_page_is_asked_for_in_many_ways() {
    for text in [
        "make me a web page about the sea",
        "Make a website about the sea.",
        "please build us a nice web page about the sea!",
        "Create a page on the sea",
        "can you make me a small web app for the sea?",
    ] {
        assert_eq!(read(text), Some(Plan::Page("the sea".to_owned())), "{text}");
    }
    for text in
        ["make me a web page", "make me a web page about", "make up a page about it", "run:", "run", ""]
    {
        assert_eq!(read(text), None, "{text}");
    }
    assert_eq!(read("Run: ls -la | wc"), Some(Plan::Run("ls -la | wc".to_owned())));
    assert_eq!(read("change the page: Hello, World!"), Some(Plan::Change("Hello, World".to_owned())));
}

#[test]
fn a_page_goes_from_the_question_to_the_artifact() {
    play(
        "@demo make me a web page about <b>otters</b> & @bo",
        &[("list_files", "README.md\nserve.mjs\nstyle.css")],
        expect![[r#"
            I need a sandbox for that: a small one with the static-site template, and no network.
              start_sandbox {"reason":"To make and show a web page about <b>otters</b> & @bo.","size":"small","template":"static-site"}
                -> ok
            The sandbox runs. Let me see what is in it.
              list_files {}
                -> README.md
            serve.mjs
            style.css
            Writing the page.
              write_file {"content":"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" con
                -> ok
            Starting its server.
              run_command {"background":true,"command":"node serve.mjs || python3 -m http.server 8000 --bind 127.0.0.1"}
                -> ok
            Opening the preview.
              open_preview {"port":8000}
                -> ok
            Keeping the page.
              save_artifact {"path":"index.html"}
                -> ok
            Here is your page about **<b>otters</b> & bo**. It is served on port 8000 of the sandbox, open the preview beside this chat to see it. `index.html` is kept as an artifact, so it stays when the sandbox stops.

            Write `change the page: something else` while you look at it: it reloads by itself."#]],
    );
}

#[test]
fn a_sandbox_without_the_template_gets_the_server_too() {
    play(
        "make me a web page about otters",
        &[("list_files", "notes.txt")],
        expect![[r#"
        I need a sandbox for that: a small one with the static-site template, and no network.
          start_sandbox {"reason":"To make and show a web page about otters.","size":"small","template":"static-site"}
            -> ok
        The sandbox runs. Let me see what is in it.
          list_files {}
            -> notes.txt
        Writing the page.
          write_file {"content":"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" con
            -> ok
          write_file {"content":"// Serves this folder and reloads the pages that are open when a file changes.\n//\n//   node serv
            -> ok
        Starting its server.
          run_command {"background":true,"command":"node serve.mjs || python3 -m http.server 8000 --bind 127.0.0.1"}
            -> ok
        Opening the preview.
          open_preview {"port":8000}
            -> ok
        Keeping the page.
          save_artifact {"path":"index.html"}
            -> ok
        Here is your page about **otters**. It is served on port 8000 of the sandbox, open the preview beside this chat to see it. `index.html` is kept as an artifact, so it stays when the sandbox stops.

        Write `change the page: something else` while you look at it: it reloads by itself."#]],
    );
}

#[test]
fn a_denied_sandbox_ends_the_work_with_the_reason() {
    play(
        "make me a web page about otters",
        &[("start_sandbox", "!Bo denied it: ask @ana first, otters are expensive")],
        expect![[r#"
            I need a sandbox for that: a small one with the static-site template, and no network.
              start_sandbox {"reason":"To make and show a web page about otters.","size":"small","template":"static-site"}
                -> !Bo denied it: ask @ana first, otters are expensive
            I have no sandbox, so I stop here:

            ```
            Bo denied it: ask ana first, otters are expensive
            ```"#]],
    );
    play(
        "run: ls",
        &[("run_command", NONE), ("start_sandbox", "!Nobody answered within 24 hours.")],
        expect![[r#"
        Running it.
          run_command {"command":"ls"}
            -> !No sandbox is running. Call start_sandbox first and say what it is for.
        No sandbox runs here yet, so I ask for one.
          start_sandbox {"reason":"To run: ls","size":"small"}
            -> !Nobody answered within 24 hours.
        I have no sandbox, so I stop here:

        ```
        Nobody answered within 24 hours.
        ```"#]],
    );
}

#[test]
fn what_breaks_later_is_told() {
    let listed = ("list_files", "serve.mjs");
    play(
        "make me a web page about otters",
        &[listed, ("open_preview", "!Nothing listens on port 8000.")],
        expect![[r#"
            I need a sandbox for that: a small one with the static-site template, and no network.
              start_sandbox {"reason":"To make and show a web page about otters.","size":"small","template":"static-site"}
                -> ok
            The sandbox runs. Let me see what is in it.
              list_files {}
                -> serve.mjs
            Writing the page.
              write_file {"content":"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" con
                -> ok
            Starting its server.
              run_command {"background":true,"command":"node serve.mjs || python3 -m http.server 8000 --bind 127.0.0.1"}
                -> ok
            Opening the preview.
              open_preview {"port":8000}
                -> !Nothing listens on port 8000.
            I wrote the page, but nothing serves it:

            ```
            Nothing listens on port 8000.
            ```"#]],
    );
    play(
        "make me a web page about otters",
        &[listed, ("save_artifact", "!The file store cannot be reached.")],
        expect![[r#"
            I need a sandbox for that: a small one with the static-site template, and no network.
              start_sandbox {"reason":"To make and show a web page about otters.","size":"small","template":"static-site"}
                -> ok
            The sandbox runs. Let me see what is in it.
              list_files {}
                -> serve.mjs
            Writing the page.
              write_file {"content":"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" con
                -> ok
            Starting its server.
              run_command {"background":true,"command":"node serve.mjs || python3 -m http.server 8000 --bind 127.0.0.1"}
                -> ok
            Opening the preview.
              open_preview {"port":8000}
                -> ok
            Keeping the page.
              save_artifact {"path":"index.html"}
                -> !The file store cannot be reached.
            The page about **otters** is served on port 8000: open the preview to see it. It was not kept as an artifact:

            ```
            The file store cannot be reached.
            ```"#]],
    );
    play(
        "make me a web page about otters",
        &[("list_files", "!x"), ("write_file", "!The disk is full.")],
        expect![[r#"
        I need a sandbox for that: a small one with the static-site template, and no network.
          start_sandbox {"reason":"To make and show a web page about otters.","size":"small","template":"static-site"}
            -> ok
        The sandbox runs. Let me see what is in it.
          list_files {}
            -> !x
        Writing the page.
          write_file {"content":"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" con
            -> !The disk is full.
          write_file {"content":"// Serves this folder and reloads the pages that are open when a file changes.\n//\n//   node serv
            -> ok
        I could not write the page:

        ```
        The disk is full.
        ```"#]],
    );
}

#[test]
fn a_command_runs_at_once_where_a_sandbox_runs() {
    play(
        "run: echo hi",
        &[("run_command", "hi\n\nExit code 0.")],
        expect![[r#"
        Running it.
          run_command {"command":"echo hi"}
            -> hi

        Exit code 0.
        ```
        hi

        Exit code 0.
        ```"#]],
    );
}

#[test]
fn a_command_asks_for_a_sandbox_where_none_runs() {
    play(
        "@demo run: cat notes.md",
        &[("run_command", NONE), ("run_command", "```\ncode of @bo\n```\n\nExit code 0.")],
        expect![[r#"
            Running it.
              run_command {"command":"cat notes.md"}
                -> !No sandbox is running. Call start_sandbox first and say what it is for.
            No sandbox runs here yet, so I ask for one.
              start_sandbox {"reason":"To run: cat notes.md","size":"small"}
                -> ok
            The sandbox runs. Running it there.
              run_command {"command":"cat notes.md"}
                -> ```
            code of @bo
            ```

            Exit code 0.
            ````
            ```
            code of bo
            ```

            Exit code 0.
            ````"#]],
    );
}

#[test]
fn a_command_that_fails_is_not_tried_again() {
    play(
        "run: false",
        &[("run_command", "!Exit code 1.")],
        expect![[r#"
        Running it.
          run_command {"command":"false"}
            -> !Exit code 1.
        The command failed:

        ```
        Exit code 1.
        ```"#]],
    );
    play(
        "run: ls",
        &[("run_command", NONE), ("run_command", NONE)],
        expect![[r#"
        Running it.
          run_command {"command":"ls"}
            -> !No sandbox is running. Call start_sandbox first and say what it is for.
        No sandbox runs here yet, so I ask for one.
          start_sandbox {"reason":"To run: ls","size":"small"}
            -> ok
        The sandbox runs. Running it there.
          run_command {"command":"ls"}
            -> !No sandbox is running. Call start_sandbox first and say what it is for.
        The command failed:

        ```
        No sandbox is running. Call start_sandbox first and say what it is for.
        ```"#]],
    );
}

#[test]
fn a_page_is_changed_where_one_is() {
    play(
        "change the page: Hello @bo",
        &[],
        expect![[r#"
        Writing the page anew.
          write_file {"content":"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" con
            -> ok
        The page says **Hello bo** now. An open preview shows it by itself."#]],
    );
    play(
        "change the page: Hello",
        &[("write_file", NONE)],
        expect![[r#"
        Writing the page anew.
          write_file {"content":"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" con
            -> !No sandbox is running. Call start_sandbox first and say what it is for.
        There is no page to change: no sandbox runs here. Write `make me a web page about something` first."#]],
    );
    play(
        "change the page: Hello",
        &[("write_file", "!The disk is full.")],
        expect![[r#"
        Writing the page anew.
          write_file {"content":"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" con
            -> !The disk is full.
        I could not change the page:

        ```
        The disk is full.
        ```"#]],
    );
}

#[test]
fn without_the_tools_it_says_that_sandboxes_are_not_set_up() {
    for text in ["make me a web page about otters", "run: ls", "change the page: x"] {
        let told: String = answer(&request(text, &["start_sandbox", "now"]))
            .events
            .into_iter()
            .filter_map(|event| match event {
                StreamEvent::Text(piece) => Some(piece),
                StreamEvent::ToolCall { .. } | StreamEvent::Usage(_) | StreamEvent::Finished { .. } => None,
            })
            .collect();
        assert!(told.starts_with("Sandboxes are not set up here"), "{text}: {told}");
    }
}
