//! JSON bodies: of the operation's form, without unknown fields, within the operation's limit.

use axum::extract::{FromRequest, Request};
use http::header;
use serde::de::DeserializeOwned;
use slipway_contract::{Problem, ProblemCode, limits};

use crate::refusal::Refusal;

/// Longest part of a parser's message that is told, in bytes.
const DETAIL_BYTES: usize = 300;

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

/// A JSON body that holds a message.
pub(crate) struct PostBody<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refusal> {
        read(request, limits::BODY_BYTES).await.map(Self)
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for PostBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refusal> {
        read(request, limits::POST_BODY_BYTES).await.map(Self)
    }
}

async fn read<T: DeserializeOwned>(request: Request, limit: usize) -> Result<T, Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !kind.is_some_and(is_json) {
        return Err(invalid("the content type must be application/json").into());
    }
    let bytes = axum::body::to_bytes(request.into_body(), limit).await.map_err(|_| {
        Problem::new(ProblemCode::TooLarge).detail(format!("this body has at most {limit} bytes"))
    })?;
    Ok(parse(&bytes)?)
}

fn is_json(kind: &str) -> bool {
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Reads an object. A list of its fields' values in their order would be read as well, and an empty one as all defaults.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(invalid("the body must be an object"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let mut detail = error.to_string();
        let end = (0..=DETAIL_BYTES).rev().find(|at| detail.is_char_boundary(*at)).unwrap_or(0);
        detail.truncate(end);
        invalid(detail)
    })
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::InvalidBody).detail(detail)
}

#[cfg(test)]
mod tests {
    use slipway_contract::http::orgs::CreateOrg;

    use super::*;

    fn check(body: &str) -> String {
        parse::<CreateOrg>(body.as_bytes()).unwrap_err().detail.unwrap()
    }

    #[test]
    fn a_wrong_body_is_told_what_is_wrong_with_it() {
        assert!(check("").contains("EOF"));
        assert_eq!(check(" []"), "the body must be an object");
        assert_eq!(check(r#"["a"]"#), "the body must be an object");
        assert!(check(r#"{"name":"a","x":1}"#).contains("unknown field `x`"));
        assert!(check(r#"{"name":7}"#).contains("expected a string"));
        let long = format!(r#"{{"{}":1}}"#, "ä".repeat(1000));
        assert!(check(&long).len() <= DETAIL_BYTES);
        assert!(parse::<CreateOrg>(b"\xff").is_err());
    }

    #[test]
    fn only_json_is_read() {
        assert!(is_json("application/json") && is_json("Application/JSON; charset=utf-8"));
        assert!(!is_json("text/plain") && !is_json("application/jsonx") && !is_json(""));
    }
}
