//! The workspace as one archive, out and in. The archive is written and read inside the sandbox.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde::Deserialize;
use slipway_contract::objects::executor::ExecutorCode;

use super::{Known, Query, Refused, problem};
use crate::inside::wire::{Frame, RunMode, read_frame, write_frame};
use crate::inside::{PROGRAM, archive};

pub(super) async fn take(Known(sandbox): Known) -> Result<Response, Refused> {
    let archive = sandbox.archive().await?;
    let pieces = futures::stream::try_unfold(archive, async |mut archive| {
        Ok::<_, std::io::Error>(archive.next().await?.map(|piece| (piece, archive)))
    });
    Ok(([(header::CONTENT_TYPE, "application/gzip")], Body::from_stream(pieces)).into_response())
}

/// When to restore.
#[derive(Deserialize)]
pub(super) struct When {
    /// Only while the sandbox is blank: another who was at it first has restored it, and it may be used since.
    #[serde(default)]
    blank: bool,
}

pub(super) async fn restore(
    Known(sandbox): Known,
    Query(when): Query<When>,
    body: Body,
) -> Result<StatusCode, Refused> {
    let most = sandbox.place().resources.disk_bytes;
    let _alone = sandbox.replace_workspace().await;
    let mut body = body.into_data_stream();
    if when.blank && !sandbox.is_blank() {
        // Read to its end all the same: an answer in the middle of a body looks like a broken connection.
        while let Some(Ok(_)) = body.next().await {}
        return Ok(StatusCode::NO_CONTENT);
    }
    let argv = [PROGRAM, "unarchive", &most.to_string()].map(String::from).into();
    let run = sandbox.command(argv, RunMode::Piped);
    let mut stream = sandbox.use_control()?.run(run).await?;
    let mut bytes = 0_u64;
    while let Some(piece) = body.next().await {
        // Dropped unfinished, the program is killed and nothing is replaced.
        let piece = piece.map_err(|_| super::files::cut())?;
        bytes += piece.len() as u64;
        if bytes > most {
            return Err(problem(ExecutorCode::TooLarge, format!("An archive may have {most} bytes.")).into());
        }
        if write_frame(&mut stream, &Frame::Input(piece.to_vec())).await.is_err() {
            // It has ended already; why, is read below.
            break;
        }
    }
    // The same.
    let _ = write_frame(&mut stream, &Frame::InputEnd).await;
    let mut said = Vec::new();
    let code = loop {
        match read_frame(&mut stream).await {
            Ok(Some(Frame::Stderr(bytes))) if said.len() < 4096 => said.extend(bytes),
            Ok(Some(Frame::Exit(code))) => break code,
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return Err(crate::backend::control::not_running().into()),
        }
    };
    let restored = verdict(code, &String::from_utf8_lossy(&said))?;
    // Not before: should anything end in between, it is restored again.
    sandbox.fill()?;
    Ok(restored)
}

fn verdict(code: i32, said: &str) -> Result<StatusCode, Refused> {
    let code = match u8::try_from(code).unwrap_or(u8::MAX) {
        0 => return Ok(StatusCode::NO_CONTENT),
        archive::ESCAPES => ExecutorCode::OutsideWorkspace,
        archive::TOO_LARGE => ExecutorCode::TooLarge,
        archive::DISK_FULL => ExecutorCode::DiskFull,
        archive::INVALID => ExecutorCode::Invalid,
        _ => ExecutorCode::Failed,
    };
    let said = said.trim();
    Err(problem(code, if said.is_empty() { "The archive could not be restored." } else { said }).into())
}
