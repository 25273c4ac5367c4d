//! Commands: started, attached to, killed.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use slipway_contract::objects::executor::{ExecFrame, StartExec};

use super::{Json, KnownKey, Refused};
use crate::fleet::output::Cursor;
use crate::fleet::runs::Run;

pub(super) async fn start(
    KnownKey(sandbox, key): KnownKey,
    Json(wanted): Json<StartExec>,
) -> Result<Response, Refused> {
    let detach = wanted.detach;
    let run = sandbox.run(&key, wanted)?;
    if detach {
        run.started().await?;
        return Ok(lines(Body::from(line(&ExecFrame::Detached))));
    }
    Ok(lines(Body::from_stream(stream(run))))
}

pub(super) async fn kill(KnownKey(sandbox, key): KnownKey) -> Result<StatusCode, Refused> {
    sandbox.kill_run(&key)?;
    Ok(StatusCode::NO_CONTENT)
}

fn lines(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/jsonl"), (header::CACHE_CONTROL, "no-store")], body).into_response()
}

fn line(frame: &ExecFrame) -> Bytes {
    let mut line = serde_json::to_vec(frame).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

/// All that a run says, from its start. A reader that goes away leaves the run alone.
fn stream(run: Arc<Run>) -> impl futures::Stream<Item = Result<Bytes, Infallible>> {
    futures::stream::unfold(Some((run, Cursor::default())), async |state| {
        let (run, mut cursor) = state?;
        let news = run.next(&mut cursor).await;
        let over = news.iter().any(|frame| matches!(frame, ExecFrame::Exit(_)));
        let text: Vec<u8> = news.iter().flat_map(line).collect();
        Some((Ok(Bytes::from(text)), (!over).then_some((run, cursor))))
    })
}
