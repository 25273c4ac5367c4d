//! Files below `/workspace`.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use slipway_contract::limits::SANDBOX_FILE_BYTES;
use slipway_contract::objects::executor::{ExecutorCode, ExecutorProblem};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use super::{Json, Known, Query, Refused, problem};
use crate::inside::wire::{Ask, FRAME_BYTES, Got};

/// Says whether the answer is a file or a folder's list.
const KIND: HeaderName = HeaderName::from_static("x-slipway-kind");

#[derive(Deserialize)]
pub(super) struct PathQuery {
    #[serde(default)]
    path: String,
}

pub(super) async fn get(Known(sandbox): Known, Query(query): Query<PathQuery>) -> Result<Response, Refused> {
    let (got, stream) = sandbox.use_control()?.get::<Got>(&query.path).await?;
    match got {
        Got::Folder(list) => Ok(([(KIND, "folder")], Json(list)).into_response()),
        Got::File { bytes } if bytes > SANDBOX_FILE_BYTES as u64 => Err(too_large().into()),
        Got::File { bytes } => {
            let headers = [
                (KIND, "file".to_owned()),
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::CONTENT_LENGTH, bytes.to_string()),
            ];
            Ok((headers, Body::from_stream(content(stream, bytes))).into_response())
        }
    }
}

/// Exactly so many bytes; fewer are an error, which cuts the answer off.
fn content(stream: UnixStream, bytes: u64) -> impl futures::Stream<Item = std::io::Result<Bytes>> {
    futures::stream::try_unfold((stream, bytes), async |(mut stream, left)| {
        if left == 0 {
            return Ok(None);
        }
        let mut buffer = vec![0; FRAME_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX))];
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buffer.truncate(read);
        Ok(Some((Bytes::from(buffer), (stream, left - read as u64))))
    })
}

pub(super) async fn put(
    Known(sandbox): Known,
    Query(query): Query<PathQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refused> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > SANDBOX_FILE_BYTES as u64) {
        return Err(too_large().into());
    }
    let mut file = sandbox.fill_control()?.put(&query.path).await?;
    let mut body = body.into_data_stream().map_err(|_| cut());
    let mut bytes = 0;
    while let Some(piece) = body.next().await {
        // Dropped unfinished, the file does not appear.
        let piece = piece?;
        bytes += piece.len();
        if bytes > SANDBOX_FILE_BYTES {
            return Err(too_large().into());
        }
        file.write(&piece).await?;
    }
    file.finish().await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(
    Known(sandbox): Known,
    Query(query): Query<PathQuery>,
) -> Result<StatusCode, Refused> {
    sandbox.use_control()?.ask::<()>(&Ask::Remove { path: query.path }).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn too_large() -> ExecutorProblem {
    problem(ExecutorCode::TooLarge, format!("A file may have {SANDBOX_FILE_BYTES} bytes."))
}

/// The body ended before its end.
pub(super) fn cut() -> ExecutorProblem {
    problem(ExecutorCode::Invalid, "The body was cut off.")
}
