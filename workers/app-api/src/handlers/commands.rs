//! Commands that a person runs in a sandbox.

use slipway_contract::http::sandboxes::RunCommand;
use slipway_contract::{Problem, ProblemCode, SandboxId, limits};
use wasm_bindgen::JsValue;
use worker::Method;

use crate::download;
use crate::extract::{Body, SandboxParty};
use crate::orchestrator::{self, Asked};
use crate::refusal::Refusal;
use crate::reply::Passed;

/// Most arguments of one command.
const ARGUMENTS: usize = 1_000;
/// Longest life of a command, in seconds.
const TIMEOUT_S: u32 = 3_600;

/// Runs a command. The reply is a stream of JSON lines, each `{"stdout": …}`, `{"stderr": …}`, `"alive"` or, last,
/// `{"exit": …}`; one that ends otherwise was cut.
#[utoipa::path(
    post, path = "/v1/sandboxes/{sandbox}/exec", operation_id = "run_command", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path)), request_body = RunCommand,
    responses(
        (status = 200, description = "the output as it comes", body = String, content_type = "application/x-ndjson"),
        (status = "default", body = Problem)
    )
)]
#[worker::send]
pub(crate) async fn run(at: SandboxParty, Body(asked): Body<RunCommand>) -> Result<Passed, Refusal> {
    let SandboxParty { party, sandbox, db } = at;
    drop(db);
    party.acts()?;
    check(&asked)?;
    let Ok(body) = serde_json::to_string(&asked) else { return Err(ProblemCode::Internal.into()) };
    let path = format!("/internal/sandboxes/{}/exec", sandbox.id);
    let body = Some(JsValue::from_str(&body));
    let asked = Asked { method: Method::Post, path: &path, body, json: true };
    let reply = orchestrator::stream(&party.errand, party.behalf(), asked).await?;
    if reply.status_code() != 200 {
        return Ok(Passed::new(reply));
    }
    let lines = download::lines(reply, party.errand.id());
    Ok(Passed::new(lines.map_err(|_| ProblemCode::Internal)?))
}

fn check(asked: &RunCommand) -> Result<(), Problem> {
    // A program's arguments end at the character NUL.
    let whole = |text: &String| !text.contains('\0');
    if asked.argv.is_empty() || asked.argv.len() > ARGUMENTS || !asked.argv.iter().all(whole) {
        return Err(Problem::field("argv", format!("must be 1 to {ARGUMENTS} texts without NUL")));
    }
    if asked.argv.first().is_some_and(String::is_empty) {
        return Err(Problem::field("argv", "must begin with a program"));
    }
    if asked.cwd.as_ref().is_some_and(|folder| folder.len() > limits::PATH_BYTES || !whole(folder)) {
        return Err(Problem::field(
            "cwd",
            format!("must have at most {} bytes without NUL", limits::PATH_BYTES),
        ));
    }
    if asked.timeout_s.is_some_and(|seconds| !(1..=TIMEOUT_S).contains(&seconds)) {
        return Err(Problem::field("timeout_s", format!("must be 1 to {TIMEOUT_S}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_field(argv: &[&str], cwd: Option<&str>, timeout_s: Option<u32>) -> Option<String> {
        let argv = argv.iter().map(|text| (*text).to_owned()).collect();
        let asked = RunCommand { argv, cwd: cwd.map(str::to_owned), timeout_s };
        check(&asked).err().and_then(|problem| problem.field)
    }

    #[test]
    fn a_command_has_a_program_and_bounds() {
        assert_eq!(check_field(&["ls", ""], Some("src"), Some(3_600)), None);
        assert_eq!(check_field(&[], None, None).as_deref(), Some("argv"));
        assert_eq!(check_field(&["", "x"], None, None).as_deref(), Some("argv"));
        assert_eq!(check_field(&["a\0b"], None, None).as_deref(), Some("argv"));
        assert_eq!(check_field(&["x"; 1_001], None, None).as_deref(), Some("argv"));
        assert_eq!(check_field(&["ls"], Some("a\0"), None).as_deref(), Some("cwd"));
        assert_eq!(check_field(&["ls"], Some(&"x".repeat(1_025)), None).as_deref(), Some("cwd"));
        for seconds in [0, 3_601] {
            assert_eq!(check_field(&["ls"], None, Some(seconds)).as_deref(), Some("timeout_s"));
        }
    }
}
