//! What a refusal of the bridge means. Its own words stay out: they name what people do not know.

use slipway_contract::objects::executor::ExecutorCode;

use super::told::BridgeProblem;
use crate::executor::ExecutorError;

/// What a reply without success means.
pub(in crate::executor) fn refusal(status: u16, body: &[u8]) -> ExecutorError {
    let problem: Option<BridgeProblem> = serde_json::from_slice(body).ok();
    let refused = |code, detail: &str| ExecutorError::Refused { code, detail: detail.to_owned() };
    let full = |text: &str| text.contains("ENOSPC") || text.contains("No space left");
    match (status, problem.as_ref().map(|problem| (problem.code.as_str(), problem.error.as_str()))) {
        (401, _) => refused(ExecutorCode::Unauthenticated, "the bridge does not know our key"),
        (503, Some(("capacity_exceeded", _))) => refused(ExecutorCode::NoPlace, "every container is in use"),
        (404, Some(("workspace_read_not_found", _))) => {
            refused(ExecutorCode::NotFound, "there is no such file")
        }
        (413, Some(_)) => refused(ExecutorCode::TooLarge, "the file is too large"),
        (403, Some(_)) => refused(ExecutorCode::OutsideWorkspace, "the path is not below /workspace"),
        (502, Some(("workspace_archive_write_error", text))) if full(text) => {
            refused(ExecutorCode::DiskFull, "the disk is full")
        }
        (500.., _) => ExecutorError::Unavailable { cause: "a failure of the bridge" },
        (_, Some(_)) => refused(ExecutorCode::Failed, "the bridge did not take it"),
        (_, None) => ExecutorError::Unavailable { cause: "a refusal that is no problem" },
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn every_refusal_of_the_bridge_has_its_code() {
        let table = [
            (401, r#"{"error":"Unauthorized","code":"unauthorized"}"#),
            (503, r#"{"error":"instance limit reached","code":"capacity_exceeded"}"#),
            (502, r#"{"error":"pool error: x","code":"pool_error"}"#),
            (404, r#"{"error":"File not found: /workspace/x","code":"workspace_read_not_found"}"#),
            (404, "404 Not Found"),
            (413, r#"{"error":"payload too large","code":"payload_too_large"}"#),
            (403, r#"{"error":"path must resolve","code":"invalid_request"}"#),
            (400, r#"{"error":"argv must be a non-empty array","code":"invalid_request"}"#),
            (502, r#"{"error":"write failed: ENOSPC","code":"workspace_archive_write_error"}"#),
            (502, r#"{"error":"write failed: x","code":"workspace_archive_write_error"}"#),
            (302, ""),
            (520, "<html>"),
        ];
        let told: Vec<String> = table
            .iter()
            .map(|(status, body)| match refusal(*status, body.as_bytes()) {
                ExecutorError::Unavailable { cause } => format!("{status} unavailable: {cause}"),
                ExecutorError::Refused { code, detail } => format!("{status} {code:?}: {detail}"),
            })
            .collect();
        expect![[r#"
            401 Unauthenticated: the bridge does not know our key
            503 NoPlace: every container is in use
            502 unavailable: a failure of the bridge
            404 NotFound: there is no such file
            404 unavailable: a refusal that is no problem
            413 TooLarge: the file is too large
            403 OutsideWorkspace: the path is not below /workspace
            400 Failed: the bridge did not take it
            502 DiskFull: the disk is full
            502 unavailable: a failure of the bridge
            302 unavailable: a refusal that is no problem
            520 unavailable: a failure of the bridge"#]]
        .assert_eq(&told.join("\n"));
    }
}
