//! Requests and replies that are handed through: their bodies and sockets stay with the platform.

use slipway_contract::SandboxId;
use worker::{Headers, Method, Request, RequestInit, RequestRedirect, Response};

use super::{Executor, ExecutorError, FILE_MS, escaped, path};

/// How long a file may take to be taken in, in milliseconds: the largest one at 1 Mbit/s.
const UPLOAD_MS: u64 = 270_000;

impl Executor<'_> {
    /// Answers a request about a file or folder: `GET`, `PUT` or `DELETE`.
    ///
    /// # Errors
    /// It was refused, or the host cannot be reached.
    pub(crate) async fn hand_file(
        &self,
        request: &Request,
        sandbox: SandboxId,
        file: &str,
    ) -> Result<Response, ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.hand_file(request, sandbox, file).await;
        }
        self.hand(request, &path(sandbox, &format!("/files?path={}", escaped(file)))).await
    }

    /// Opens a terminal for a request that wants a socket; `key` names it, `(cols, rows)` is its window.
    ///
    /// # Errors
    /// As [`Self::hand_file`].
    pub(crate) async fn hand_terminal(
        &self,
        request: &Request,
        sandbox: SandboxId,
        key: &str,
        window: (u16, u16),
    ) -> Result<Response, ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.hand_terminal(request, sandbox, key, window).await;
        }
        let (cols, rows) = window;
        self.hand(request, &path(sandbox, &format!("/terminals/{key}?cols={cols}&rows={rows}"))).await
    }

    /// Hands a request on to `path`: its method, its body and, if it wants a socket, its upgrade. The reply's body or
    /// socket is the executor's.
    ///
    /// # Errors
    /// The executor refused, or cannot be reached.
    pub(crate) async fn hand(&self, request: &Request, path: &str) -> Result<Response, ExecutorError> {
        let unwritten = |_| ExecutorError::Unavailable { cause: "the request cannot be written" };
        let headers = Headers::new();
        self.mark(&headers).map_err(unwritten)?;
        for name in ["upgrade", "content-type"] {
            if let Some(value) = request.headers().get(name).ok().flatten() {
                headers.set(name, &value).map_err(unwritten)?;
            }
        }
        let bodiless = matches!(request.method(), Method::Get | Method::Head);
        let body = if bodiless { None } else { request.inner().body() };
        let mut init = RequestInit::new();
        init.with_method(request.method())
            .with_headers(headers)
            .with_redirect(RequestRedirect::Manual)
            .with_body(body.map(Into::into));
        let handed = Request::new_with_init(&format!("{}{path}", self.host.url), &init).map_err(unwritten)?;
        let limit_ms = if request.method() == Method::Put { UPLOAD_MS } else { FILE_MS };
        let (reply, abort) = self.send(handed, limit_ms).await?;
        abort.release();
        Ok(reply)
    }
}
