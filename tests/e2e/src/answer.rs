//! A reply, held against what the API promises of every reply: it names its request, it is never our fault (500), and a
//! refusal is a problem (RFC 9457) whose code, status and headers agree.

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use slipway_contract::{Problem, ProblemCode, RequestId};

/// A reply that kept the promises.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The request, for messages of tests: `POST /v1/orgs`.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Checks a reply.
    ///
    /// # Errors
    /// The promise that was broken.
    pub fn check(asked: String, status: u16, headers: HeaderMap, body: String) -> Result<Self> {
        let answer = Self { asked, status, headers, body };
        answer.keeps_promises().with_context(|| answer.to_string())?;
        Ok(answer)
    }

    fn keeps_promises(&self) -> Result<()> {
        let request: RequestId =
            self.header("x-request-id").parse().context("x-request-id is no request id")?;
        ensure!(self.status != 500, "an internal error");
        if self.status < 400 {
            return Ok(());
        }
        ensure!(self.header("content-type") == "application/problem+json", "a refusal is no problem+json");
        let problem: Problem = serde_json::from_str(&self.body).context("a refusal is no problem")?;
        ensure!(problem.kind == "about:blank", "the problem's type is {}", problem.kind);
        ensure!(problem.status == self.status, "the problem's status is {}", problem.status);
        ensure!(problem.code.status() == self.status, "{:?} goes with another status", problem.code);
        ensure!(problem.title == problem.code.title(), "the title is {}", problem.title);
        ensure!(problem.request_id == Some(request), "the problem names another request");
        let retry = problem.retry_after_s.map(|seconds| seconds.to_string()).unwrap_or_default();
        ensure!(self.header("retry-after") == retry, "Retry-After is not what the problem says");
        let told_to_wait = matches!(self.status, 429 | 503);
        ensure!(told_to_wait != retry.is_empty(), "Retry-After goes with 429 and 503");
        Ok(())
    }

    /// The value of a header; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether the request was done.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body of a request that was done.
    ///
    /// # Errors
    /// When it was refused, or the body is something else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        self.done()?;
        serde_json::from_str(&self.body).with_context(|| format!("not the expected body: {self}"))
    }

    /// The request was done.
    ///
    /// # Errors
    /// When it was refused.
    pub fn done(&self) -> Result<()> {
        ensure!(self.is_success(), "not done: {self}");
        Ok(())
    }

    /// The refusal.
    ///
    /// # Errors
    /// When it was done.
    pub fn problem(&self) -> Result<Problem> {
        if self.status < 400 {
            bail!("not refused: {self}");
        }
        Ok(serde_json::from_str(&self.body)?)
    }

    /// The request was refused with `code`.
    ///
    /// # Errors
    /// When it was done, or refused with another code.
    pub fn refused(&self, code: ProblemCode) -> Result<Problem> {
        let problem = self.problem()?;
        ensure!(problem.code == code, "refused, but not as {code:?}: {self}");
        Ok(problem)
    }
}

impl core::fmt::Display for Answer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let start: String = self.body.chars().take(600).collect();
        write!(f, "{} -> {} {start}", self.asked, self.status)
    }
}
