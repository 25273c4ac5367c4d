//! The fake keeps its own rules.

use anyhow::Result;
use reqwest::Client;

use super::*;
use crate::wait::eventually;

/// Runs words in a container; the status and what comes back.
async fn run(bridge: &FakeBridge, id: &str, argv: &[&str]) -> Result<(u16, String)> {
    let url = format!("{}/v1/sandbox/{id}/exec", bridge.url());
    let reply = Client::new().post(url).bearer_auth(KEY).json(&json!({"argv": argv})).send().await?;
    let status = reply.status().as_u16();
    let mut text = String::new();
    for line in reply.text().await?.lines() {
        match line.strip_prefix("data: ") {
            Some(data) if !data.starts_with('{') => {
                text.push_str(&String::from_utf8_lossy(&STANDARD.decode(data)?));
            }
            Some(data) => text.push_str(data),
            None => {}
        }
    }
    Ok((status, text))
}

#[tokio::test]
async fn words_arrive_as_they_are_and_what_is_written_stays() -> Result<()> {
    let bridge = FakeBridge::start().await?;
    let script = "printf '%s|' \"$@\"\necho $((1 + 1)) >>/workspace/count\n\texit 3";
    let words = ["sh", "-c", script, "name", "it's $HOME", "a\\b\n", "", "ä"];
    let (_, told) = run(&bridge, "abc", &words).await?;
    assert_eq!(told, "it's $HOME|a\\b\n||ä|{\"exit_code\":3}");
    let url = format!("{}/v1/sandbox/abc/file/workspace/count", bridge.url());
    let file = || Client::new().get(&url).bearer_auth(KEY);
    assert_eq!(file().send().await?.text().await?, "2\n");
    Client::new().put(&url).bearer_auth(KEY).body("new").send().await?;
    assert_eq!(run(&bridge, "abc", &["cat", "count"]).await?.1, "new{\"exit_code\":0}");
    assert_eq!((bridge.containers(), bridge.made()), (1, 1));
    Ok(())
}

#[tokio::test]
async fn a_container_ends_with_everything_in_it() -> Result<()> {
    let bridge = FakeBridge::start().await?;
    let (_, pid) = run(&bridge, "abc", &["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!"]).await?;
    let pid: u32 = pid.lines().next().unwrap_or_default().parse()?;
    // The state after the name in brackets (proc_pid_stat(5)).
    let alive = || {
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| !rest.starts_with(['Z', 'X'])))
    };
    assert!(alive());
    run(&bridge, "abc", &["touch", "/var/tmp/mine"]).await?;
    let url = format!("{}/v1/sandbox/abc", bridge.url());
    Client::new().delete(&url).bearer_auth(KEY).send().await?;
    // The signal is given by now; the process has still to go.
    eventually("the process ends", async || Ok((!alive()).then_some(()))).await?;
    assert!(run(&bridge, "abc", &["ls", "/var/tmp"]).await?.1.starts_with('{'), "it has another's files");
    assert_eq!(bridge.made(), 2);
    Ok(())
}

#[tokio::test]
async fn it_fails_as_it_is_told_and_asks_for_its_key() -> Result<()> {
    let bridge = FakeBridge::start().await?;
    bridge.fail(&[Fault::Status(500)]);
    assert_eq!(run(&bridge, "abc", &["true"]).await?.0, 500);
    bridge.fail(&[Fault::Cut]);
    assert!(run(&bridge, "abc", &["echo", "x"]).await.is_err());
    bridge.fill(true);
    assert_eq!(run(&bridge, "abd", &["true"]).await?.0, 503);
    let url = format!("{}/v1/pool/stats", bridge.url());
    assert_eq!(Client::new().get(url).bearer_auth("wrong").send().await?.status(), 401);
    Ok(())
}
