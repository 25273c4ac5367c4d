//! What is streamed to and from a sandbox: commands, files, terminals; and files that are kept.
//!
//! Invariant: bodies and sockets stay with the platform; this Worker reads a command and a path, nothing else.

use std::rc::Rc;

use slipway_contract::http::artifacts::SaveArtifact;
use slipway_contract::http::sandboxes::RunCommand;
use slipway_contract::limits::{BODY_BYTES, PATH_BYTES, SANDBOX_FILE_BYTES};
use slipway_contract::objects::executor::StartExec;
use slipway_contract::{Actor, Problem, ProblemCode, RequestId, SandboxId};
use slipway_edge::log::Line;
use slipway_edge::reply;
use slipway_store::sandboxes::StoredSandbox;
use worker::{Context, Env, Method, Request, Response};

use super::caller::{self, Caller};
use super::sandboxes::key;
use crate::artifacts::NotKept;
use crate::errand::Errand;
use crate::sandboxes::{Changes, telling, words};
use crate::stream;

/// Longest body of a command, in bytes: the executor takes 128 KiB of arguments, each byte may be escaped as `\u00xx`.
const COMMAND_BYTES: usize = 6 * 128 * 1024;
/// How long a command may take, in seconds, and takes at most when nobody says.
const TIMEOUT_S: core::ops::RangeInclusive<u32> = 1..=3_600;
const TIMEOUT_DEFAULT_S: u32 = 60;
/// Longest name of a terminal, in bytes, and most columns or rows.
const TERMINAL_BYTES: usize = 32;
const TERMINAL_SIDE: u16 = 500;

/// `/internal/sandboxes/{sandbox}/{what}`
pub(crate) async fn stream(
    mut request: Request,
    env: Env,
    context: Rc<Context>,
    sandbox: SandboxId,
    what: &str,
) -> worker::Result<Response> {
    let id = caller::request(request.headers());
    let errand = Errand::of(env, context, id, request.headers());
    let begun = errand.now();
    let caller = match Caller::of(request.headers()) {
        Ok(caller) => caller,
        Err(problem) => return reply::problem(problem, id),
    };
    let asked = match (request.method(), what) {
        (Method::Post, "exec") => "exec",
        (Method::Get | Method::Put | Method::Delete, "files") => "files",
        (Method::Get, "terminal") => "terminal",
        (Method::Post, "artifacts") => "artifacts",
        (_, _) => return reply::problem(ProblemCode::RouteNotFound.into(), id),
    };
    let line =
        |line: Line| line.request(id).org(caller.org).user(caller.user).sandbox(sandbox).name("asked", asked);
    match answer(&mut request, &errand, caller, sandbox, asked).await {
        Ok(reply) => {
            line(Line::info("sandbox_streamed")).took(begun).emit();
            Ok(reply)
        }
        Err(problem) => {
            line(caller::refused("sandbox_not_streamed", &problem)).took(begun).emit();
            reply::problem(problem, id)
        }
    }
}

async fn answer(
    request: &mut Request,
    errand: &Errand,
    caller: Caller,
    sandbox: SandboxId,
    asked: &str,
) -> Result<Response, Problem> {
    let hosts = errand.hosts();
    let mut changes = Changes::new(errand, &hosts);
    let row = changes.usable(caller.org, sandbox).await?;
    match asked {
        "exec" => {
            let wanted: RunCommand = stream::body(request, COMMAND_BYTES).await?;
            exec(&changes, &row, errand.request, wanted).await
        }
        "files" => files(&changes, &row, request).await,
        "terminal" => terminal(&changes, &row, request, caller).await,
        _ => {
            let wanted: SaveArtifact = stream::body(request, BODY_BYTES).await?;
            artifact(&mut changes, &row, caller, &wanted.path).await
        }
    }
}

async fn exec(
    changes: &Changes<'_>,
    row: &StoredSandbox,
    request: RequestId,
    wanted: RunCommand,
) -> Result<Response, Problem> {
    let exec = command(wanted)?;
    let executor = changes.executor(row).ok_or_else(unreachable)?;
    Ok(executor.exec_reply(row.id, &format!("person-{}", key(request)), &exec).await?)
}

/// A person's command as the executor takes it.
fn command(wanted: RunCommand) -> Result<StartExec, Problem> {
    if wanted.argv.first().is_none_or(String::is_empty) || wanted.argv.len() > 1_000 {
        return Err(Problem::field("argv", "must be a program and at most 999 arguments"));
    }
    if wanted.argv.iter().any(|word| word.contains('\0')) {
        return Err(Problem::field("argv", "must not hold the character NUL"));
    }
    if wanted.argv.iter().map(String::len).sum::<usize>() > 128 * 1024 {
        return Err(Problem::field("argv", "must have at most 128 KiB together"));
    }
    if wanted.cwd.as_ref().is_some_and(|cwd| cwd.is_empty() || cwd.len() > PATH_BYTES || cwd.contains('\0')) {
        return Err(Problem::field("cwd", format!("must be a path of at most {PATH_BYTES} bytes")));
    }
    let timeout_s = wanted.timeout_s.unwrap_or(TIMEOUT_DEFAULT_S);
    if !TIMEOUT_S.contains(&timeout_s) {
        return Err(Problem::field("timeout_s", "must be 1 to 3600"));
    }
    Ok(StartExec {
        argv: wanted.argv,
        cwd: wanted.cwd,
        env: Default::default(),
        timeout_ms: u64::from(timeout_s) * 1_000,
        detach: false,
    })
}

async fn files(changes: &Changes<'_>, row: &StoredSandbox, request: &Request) -> Result<Response, Problem> {
    let query = query(request);
    let path = parameter(&query, "path").unwrap_or_default();
    if path.len() > PATH_BYTES || path.contains('\0') {
        return Err(Problem::new(ProblemCode::InvalidParameter)
            .detail(format!("`path` must be a path of at most {PATH_BYTES} bytes")));
    }
    let length = request.headers().get("content-length").ok().flatten();
    if length
        .and_then(|length| length.parse::<u64>().ok())
        .is_some_and(|length| length > SANDBOX_FILE_BYTES as u64)
    {
        return Err(ProblemCode::TooLarge.into());
    }
    let executor = changes.executor(row).ok_or_else(unreachable)?;
    Ok(executor.hand_file(request, row.id, &path).await?)
}

async fn terminal(
    changes: &Changes<'_>,
    row: &StoredSandbox,
    request: &Request,
    caller: Caller,
) -> Result<Response, Problem> {
    let query = query(request);
    let upgrade = request.headers().get("upgrade").ok().flatten();
    if !upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
        return Err(ProblemCode::UpgradeRequired.into());
    }
    let (name, cols, rows) = window(&query)?;
    let executor = changes.executor(row).ok_or_else(unreachable)?;
    // A terminal is its person's own: another's of the same name is another one.
    let key = format!("{}-{name}", caller.user.uuid().simple());
    Ok(executor.hand_terminal(request, row.id, &key, (cols, rows)).await?)
}

/// The terminal that a query names, and the size of its window.
fn window(query: &str) -> Result<(String, u16, u16), Problem> {
    let wrong = |detail| Problem::new(ProblemCode::InvalidParameter).detail(detail);
    let name = parameter(query, "terminal").unwrap_or_default();
    let named = (1..=TERMINAL_BYTES).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if !named {
        return Err(wrong("`terminal` must be 1 to 32 of a-z, 0-9 and -"));
    }
    let side = |name| parameter(query, name)?.parse().ok().filter(|side| (1..=TERMINAL_SIDE).contains(side));
    let (Some(cols), Some(rows)) = (side("cols"), side("rows")) else {
        return Err(wrong("`cols` and `rows` must be 1 to 500"));
    };
    Ok((name, cols, rows))
}

async fn artifact(
    changes: &mut Changes<'_>,
    row: &StoredSandbox,
    caller: Caller,
    path: &str,
) -> Result<Response, Problem> {
    if path.trim().is_empty() || path.len() > PATH_BYTES || path.contains('\0') {
        return Err(Problem::field("path", format!("must be a path of 1 to {PATH_BYTES} bytes")));
    }
    let request = changes.errand.request;
    let by = Actor::User { id: caller.user };
    let kept = changes.keep(row, path, &format!("person-{}", key(request)), by).await;
    let artifact = kept.map_err(|error| match error {
        NotKept::Executor(error) => error.into(),
        NotKept::Problem(problem) => problem,
    })?;
    telling::artifact(changes.errand, row.org, &artifact).await;
    reply::json(201, &artifact, request).map_err(|_| ProblemCode::Internal.into())
}

fn unreachable() -> Problem {
    Problem::new(ProblemCode::Unavailable).detail(words::UNREACHABLE).retry_after(2)
}

/// The query of a request's address.
fn query(request: &Request) -> String {
    let address = request.inner().url();
    let query = address.split_once('?').map(|(_, query)| query.split('#').next().unwrap_or_default());
    query.unwrap_or_default().to_owned()
}

/// A parameter of a query, as text.
fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(known, _)| *known == name)?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit =
                    |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                high * 16 + low
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_parameter_is_read_as_browsers_write_it() {
        let query = "a=1&path=src%2Fm%C3%A4in.rs&plus=a+b%2Bc&cut=%4&empty=";
        for (name, expected) in [
            ("path", Some("src/mäin.rs")),
            ("plus", Some("a b+c")),
            ("cut", None),
            ("empty", Some("")),
            ("absent", None),
        ] {
            assert_eq!(parameter(query, name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_terminal_has_a_name_and_a_size() {
        let told = |query: &str| match window(query) {
            Ok(window) => format!("{window:?}"),
            Err(problem) => problem.to_string(),
        };
        let table = [
            told("ticket=t&terminal=main-1&cols=120&rows=40"),
            told("terminal=Main&cols=120&rows=40"),
            told("terminal=..%2Fx&cols=120&rows=40"),
            told("cols=120&rows=40"),
            told("terminal=main&cols=0&rows=40"),
            told("terminal=main&cols=120&rows=501"),
        ];
        expect![[r#"
            ("main-1", 120, 40)
            `terminal` must be 1 to 32 of a-z, 0-9 and -
            `terminal` must be 1 to 32 of a-z, 0-9 and -
            `terminal` must be 1 to 32 of a-z, 0-9 and -
            `cols` and `rows` must be 1 to 500
            `cols` and `rows` must be 1 to 500"#]]
        .assert_eq(&table.join("\n"));
    }

    #[test]
    fn a_command_of_a_person_has_bounds() {
        let run = |argv: &[&str]| RunCommand {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            cwd: None,
            timeout_s: None,
        };
        let told = |wanted| match command(wanted) {
            Ok(exec) => format!("{:?} {:?} {} ms", exec.argv, exec.cwd, exec.timeout_ms),
            Err(problem) => format!("{}: {problem}", problem.field.clone().unwrap_or_default()),
        };
        let table = [
            told(run(&["ls", "-l"])),
            told(RunCommand { cwd: Some("src".to_owned()), timeout_s: Some(3_600), ..run(&["ls"]) }),
            told(run(&[])),
            told(run(&[""])),
            told(run(&["a\0"])),
            told(run(&vec!["x"; 1_001])),
            told(run(&["echo", &"x".repeat(128 * 1024)])),
            told(RunCommand { timeout_s: Some(0), ..run(&["ls"]) }),
            told(RunCommand { cwd: Some(String::new()), ..run(&["ls"]) }),
        ];
        expect![[r#"
            ["ls", "-l"] None 60000 ms
            ["ls"] Some("src") 3600000 ms
            argv: must be a program and at most 999 arguments
            argv: must be a program and at most 999 arguments
            argv: must not hold the character NUL
            argv: must be a program and at most 999 arguments
            argv: must have at most 128 KiB together
            timeout_s: must be 1 to 3600
            cwd: must be a path of at most 1024 bytes"#]]
        .assert_eq(&table.join("\n"));
    }
}
