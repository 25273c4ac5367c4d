//! Files of a sandbox. Where a path leads is found out in the container, where its links are; bytes go by the bridge's
//! own routes, new ones under a name of ours first.

use slipway_contract::limits::SANDBOX_FILE_BYTES;
use slipway_contract::objects::executor::ExecutorCode;
use slipway_contract::{RequestId, SandboxId};
use slipway_edge::ids;
use worker::{Headers, Method, Request, Response, ResponseBuilder};

use super::{Bridge, WORKSPACE, agent, at, no, refused, told};
use crate::executor::files::{File, Found, KIND};
use crate::executor::{ASK_MS, ExecutorError, FILE_MS, Sent, escaped};

impl Bridge<'_> {
    /// What is at a path.
    pub(in crate::executor) async fn read(
        &self,
        sandbox: SandboxId,
        path: &str,
    ) -> Result<Found, ExecutorError> {
        let lines = self.ask(sandbox, &agent(&["look", below(path)?]), 2 * ASK_MS).await?;
        let (word, rest) = match lines.first() {
            Some(line) => line.split_once(' ').unwrap_or((line, "")),
            None => return Err(no(None)),
        };
        let unread = ExecutorError::Unavailable { cause: "the container's list cannot be read" };
        match word {
            "folder" => told::folder(rest).map(Found::Folder).ok_or(unread),
            "file" => {
                let (bytes, real) = rest.split_once(' ').ok_or(unread.clone())?;
                let bytes = bytes.parse::<u64>().map_err(|_| unread)?;
                self.get(sandbox, bytes, real).await.map(Found::File)
            }
            word => Err(no(Some(word))),
        }
    }

    async fn get(&self, sandbox: SandboxId, bytes: u64, real: &str) -> Result<File, ExecutorError> {
        if bytes > SANDBOX_FILE_BYTES as u64 {
            let detail = format!("the file has more than {} MiB", SANDBOX_FILE_BYTES >> 20);
            return Err(ExecutorError::Refused { code: ExecutorCode::TooLarge, detail });
        }
        let path = format!("{}{WORKSPACE}/{}", at(sandbox, "/file"), address(real)?);
        let (mut reply, abort) = self.via.open(Method::Get, &path, Sent::Nothing, FILE_MS).await?;
        let body =
            reply.stream().map_err(|_| ExecutorError::Unavailable { cause: "the file has no body" })?;
        Ok(File { body, bytes: Some(bytes), abort })
    }

    /// Writes a file; folders above it are made.
    pub(in crate::executor) async fn write(
        &self,
        sandbox: SandboxId,
        path: &str,
        content: &[u8],
    ) -> Result<(), ExecutorError> {
        self.put(sandbox, path, content, false).await
    }

    /// As [`Self::write`]; `first` leaves the workspace unused.
    pub(super) async fn put(
        &self,
        sandbox: SandboxId,
        path: &str,
        content: &[u8],
        first: bool,
    ) -> Result<(), ExecutorError> {
        let path = below(path)?;
        let name = fresh("in");
        self.via.done(Method::Put, &upload(sandbox, &name), Sent::Bytes(content), FILE_MS).await?;
        let mut place = agent(&["place", &name, path]);
        place.extend(first.then(|| "first".to_owned()));
        self.done(sandbox, &place).await
    }

    /// Deletes a file, or a folder with all in it.
    pub(in crate::executor) async fn delete(
        &self,
        sandbox: SandboxId,
        path: &str,
    ) -> Result<(), ExecutorError> {
        self.done(sandbox, &agent(&["remove", below(path)?])).await
    }

    /// Answers a request about a file, as an executor would.
    pub(in crate::executor) async fn hand_file(
        &self,
        request: &Request,
        sandbox: SandboxId,
        path: &str,
    ) -> Result<Response, ExecutorError> {
        let unwritten = |_| ExecutorError::Unavailable { cause: "the reply cannot be written" };
        if request.method() == Method::Put {
            let path = below(path)?;
            let name = fresh("in");
            drop(self.via.hand(request, &upload(sandbox, &name)).await?);
            self.done(sandbox, &agent(&["place", &name, path])).await?;
        } else if request.method() == Method::Delete {
            self.delete(sandbox, path).await?;
        } else {
            return reply(self.read(sandbox, path).await?).map_err(unwritten);
        }
        Ok(ResponseBuilder::new().with_status(204).empty())
    }

    /// A terminal's socket. The bridge speaks the contract's frames, and some more that say nothing of consequence.
    pub(in crate::executor) async fn hand_terminal(
        &self,
        request: &Request,
        sandbox: SandboxId,
        key: &str,
        (cols, rows): (u16, u16),
    ) -> Result<Response, ExecutorError> {
        self.touch(sandbox).await?;
        let folder = escaped(WORKSPACE);
        let pty = format!("/pty?terminalId={}&cols={cols}&rows={rows}&cwd={folder}", escaped(key));
        self.via.hand(request, &at(sandbox, &pty)).await
    }
}

/// What was found, as an executor's reply.
fn reply(found: Found) -> worker::Result<Response> {
    let headers = Headers::new();
    match found {
        Found::Folder(list) => {
            headers.set(KIND, "folder")?;
            headers.set("content-type", "application/json")?;
            let text =
                serde_json::to_vec(&list).map_err(|error| worker::Error::RustError(error.to_string()))?;
            ResponseBuilder::new().with_headers(headers).from_bytes(text)
        }
        Found::File(File { body, bytes, abort }) => {
            headers.set(KIND, "file")?;
            headers.set("content-type", "application/octet-stream")?;
            if let Some(bytes) = bytes {
                headers.set("content-length", &bytes.to_string())?;
            }
            let reply = ResponseBuilder::new().with_headers(headers).from_stream(body)?;
            abort.release();
            Ok(reply)
        }
    }
}

/// A fresh name in the workspace for what goes in or out.
pub(super) fn fresh(way: &str) -> String {
    format!(".slipway-{way}-{}", ids::fresh::<RequestId>().uuid().simple())
}

/// Where something goes in under a name of ours.
pub(super) fn upload(sandbox: SandboxId, name: &str) -> String {
    format!("{}{WORKSPACE}/{name}", at(sandbox, "/file"))
}

/// A path as it is below the workspace.
fn below(path: &str) -> Result<&str, ExecutorError> {
    // The agent speaks in lines, and its arguments end at NUL.
    if path.contains(['\n', '\r', '\0']) {
        return Err(refused(ExecutorCode::Invalid, "the name holds a character that cannot be sent"));
    }
    let path = match path.strip_prefix(WORKSPACE) {
        Some("") => "",
        Some(rest) if rest.starts_with('/') => rest.trim_start_matches('/'),
        _ => path,
    };
    if path.starts_with('/') {
        return Err(refused(ExecutorCode::OutsideWorkspace, "the path is not below /workspace"));
    }
    Ok(path)
}

/// A path in an address of the bridge, which decodes it as `decodeURI` does: what that leaves as it is goes as it is, and
/// what would end the path cannot be sent.
fn address(path: &str) -> Result<String, ExecutorError> {
    if path.contains(['?', '#', '%']) {
        let detail = "files with `?`, `#` or `%` in their names cannot be read there";
        return Err(refused(ExecutorCode::Unsupported, detail));
    }
    let kept = |char: char| "/;:@&=+$,".contains(char);
    Ok(path
        .split_inclusive(kept)
        .map(|part| match part.char_indices().next_back() {
            Some((at, last)) if kept(last) => {
                format!("{}{last}", escaped(part.get(..at).unwrap_or_default()))
            }
            Some(_) | None => escaped(part),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn told<T: ToString>(result: Result<T, ExecutorError>) -> String {
        match result {
            Ok(value) => value.to_string(),
            Err(ExecutorError::Refused { code, .. }) => format!("{code:?}"),
            Err(ExecutorError::Unavailable { cause }) => cause.to_owned(),
        }
    }

    #[test]
    fn a_path_is_below_the_workspace_or_refused() {
        let paths = [
            "a/b",
            "/workspace/a",
            "/workspace",
            "",
            "/workspaces/a",
            "/etc/passwd",
            "a\nb",
            "//etc",
            "../x",
        ];
        expect!["a/b|a|||OutsideWorkspace|OutsideWorkspace|Invalid|OutsideWorkspace|../x"]
            .assert_eq(&paths.map(|path| told(below(path))).join("|"));
    }

    #[test]
    fn a_name_arrives_as_it_is_or_is_refused() {
        let paths = ["a b/c.txt", "ä&b=c;d,e+f$g:h@i", "\"<x>\"", "a?b", "a#b", "100%"];
        expect!["a%20b/c.txt %C3%A4&b=c;d,e+f$g:h@i %22%3Cx%3E%22 Unsupported Unsupported Unsupported"]
            .assert_eq(&paths.map(|path| told(address(path))).join(" "));
    }
}
