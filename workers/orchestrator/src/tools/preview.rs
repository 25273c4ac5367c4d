//! `open_preview` and `save_artifact`: what people of the chat get to see.

use std::time::Duration;

use slipway_contract::Actor;
use slipway_contract::objects::executor::ExecutorCode;
use slipway_contract::objects::tools::{ToolEffect, ToolFrame};
use worker::Delay;

use super::desk::{Desk, Usable, refused};
use super::error;
use crate::artifacts::{NotKept, too_large};

/// How long something may take to listen, in milliseconds, and how often that is looked at.
const LISTEN_MS: i64 = 15_000;
const LOOK_MS: u64 = 250;

impl Desk<'_> {
    pub(super) async fn open_preview(&mut self, port: u16) -> ToolFrame {
        let Usable { row, executor } = match self.usable().await {
            Ok(usable) => usable,
            Err(frame) => return frame,
        };
        if let Err(unsupported) = executor.previews() {
            return self.failed(&row, "Opening the preview", unsupported).await;
        }
        let begun = self.changes.errand.now();
        loop {
            let report = match executor.report(row.id).await {
                Ok(report) if report.running => report,
                Ok(_) => return self.ended(&row).await,
                Err(missing) if missing.code() == Some(ExecutorCode::NotFound) => {
                    return self.ended(&row).await;
                }
                Err(error) => return self.failed(&row, "Looking at the port", error).await,
            };
            if report.ports.contains(&port) {
                return ToolFrame::Result {
                    content: format!("People see port {port} as a preview beside the chat now."),
                    is_error: false,
                    effects: vec![ToolEffect::PreviewOpened { sandbox: row.id, port }],
                    ask: None,
                };
            }
            if self.changes.errand.now().since(begun) >= LISTEN_MS {
                return error(nobody_listens(port, &report.ports));
            }
            Delay::from(Duration::from_millis(LOOK_MS)).await;
        }
    }

    pub(super) async fn save_artifact(&mut self, path: &str) -> ToolFrame {
        let Usable { row, .. } = match self.usable().await {
            Ok(usable) => usable,
            Err(frame) => return frame,
        };
        let by = Actor::Agent { id: self.asked.agent };
        match self.changes.keep(&row, path, &self.asked.key, by).await {
            Ok(artifact) => ToolFrame::Result {
                content: format!(
                    "Kept {} ({} bytes); people find it in the chat.",
                    artifact.name, artifact.bytes
                ),
                is_error: false,
                effects: vec![ToolEffect::ArtifactSaved(artifact)],
                ask: None,
            },
            Err(NotKept::Problem(problem)) => refused(problem),
            Err(NotKept::Executor(failure)) => match failure.code() {
                Some(ExecutorCode::NotFound) => error(format!("There is no file {path}.")),
                Some(ExecutorCode::TooLarge) => error(too_large()),
                _ => self.failed(&row, &format!("Keeping {path}"), failure).await,
            },
        }
    }
}

fn nobody_listens(port: u16, ports: &[u16]) -> String {
    let seconds = LISTEN_MS / 1_000;
    let others = if ports.is_empty() {
        "Nothing listens on any port.".to_owned()
    } else {
        let ports: Vec<String> = ports.iter().take(20).map(u16::to_string).collect();
        format!("Something listens on {}.", ports.join(", "))
    };
    format!(
        "Nothing listened on port {port} for {seconds} s. {others} Start the server with run_command in the background, on \
         127.0.0.1 or 0.0.0.0."
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_agent_hears_which_ports_are_open() {
        let told = [nobody_listens(8000, &[]), nobody_listens(8000, &[3000, 5173])];
        expect![[r#"
            Nothing listened on port 8000 for 15 s. Nothing listens on any port. Start the server with run_command in the background, on 127.0.0.1 or 0.0.0.0.
            Nothing listened on port 8000 for 15 s. Something listens on 3000, 5173. Start the server with run_command in the background, on 127.0.0.1 or 0.0.0.0."#]]
        .assert_eq(&told.join("\n"));
    }
}
