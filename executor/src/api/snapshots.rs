//! The workspace as one archive, out and in. The archive is written and read inside the sandbox.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use slipway_contract::objects::executor::ExecutorCode;
use tokio::net::UnixStream;

use super::{Known, Refused, problem};
use crate::inside::wire::{Frame, RunMode, read_frame, write_frame};
use crate::inside::{PROGRAM, archive};

pub(super) async fn take(Known(sandbox): Known) -> Result<Response, Refused> {
    let run = sandbox.command([PROGRAM, "archive"].map(String::from).into(), RunMode::Output);
    let stream = sandbox.use_control()?.run(run).await?;
    Ok(([(header::CONTENT_TYPE, "application/gzip")], Body::from_stream(content(stream))).into_response())
}

/// What the program writes. Unless it ended well, the answer is cut off: half an archive must not look like one.
fn content(stream: UnixStream) -> impl futures::Stream<Item = io::Result<Bytes>> {
    futures::stream::try_unfold(stream, async |mut stream| {
        loop {
            match read_frame(&mut stream).await? {
                Some(Frame::Stdout(bytes)) => return Ok(Some((Bytes::from(bytes), stream))),
                Some(Frame::Exit(0)) => return Ok(None),
                Some(Frame::Stderr(_)) => {}
                Some(
                    Frame::Exit(_) | Frame::Input(_) | Frame::InputEnd | Frame::Kill(_) | Frame::Resize(..),
                )
                | None => return Err(io::Error::other("the snapshot broke off")),
            }
        }
    })
}

pub(super) async fn restore(Known(sandbox): Known, body: Body) -> Result<StatusCode, Refused> {
    let most = sandbox.place().resources.disk_bytes;
    let argv = [PROGRAM, "unarchive", &most.to_string()].map(String::from).into();
    let run = sandbox.command(argv, RunMode::Piped);
    let mut stream = sandbox.use_control()?.run(run).await?;
    let mut body = body.into_data_stream();
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
    loop {
        match read_frame(&mut stream).await {
            Ok(Some(Frame::Stderr(bytes))) if said.len() < 4096 => said.extend(bytes),
            Ok(Some(Frame::Exit(code))) => return verdict(code, &String::from_utf8_lossy(&said)),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return Err(crate::backend::control::not_running().into()),
        }
    }
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
