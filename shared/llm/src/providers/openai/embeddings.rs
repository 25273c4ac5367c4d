//! Embeddings: texts as numbers that are near each other where the texts mean nearly the same
//! (platform.openai.com/docs/api-reference/embeddings).
//!
//! Invariant: an answer gives each input one row of numbers, all rows of one length, none of them without a direction; anything
//! else is no answer.

use serde::Deserialize;
use serde_json::json;

use super::{NAME, OpenAi};
use crate::error::{ErrorKind, ProviderError};
use crate::provider::HttpRequest;

/// The most texts of one call; servers of one's own take fewer than OpenAI's 2,048.
pub const EMBEDDING_INPUTS: usize = 32;
/// The most numbers of a text.
pub const EMBEDDING_NUMBERS: usize = 4_096;

#[derive(Deserialize)]
struct Answer {
    data: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    index: usize,
    embedding: Vec<f32>,
}

impl OpenAi {
    /// Writes a call that asks what these texts mean to `model`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] for no text, or more than [`EMBEDDING_INPUTS`].
    pub fn embed(&self, model: &str, texts: &[String]) -> Result<HttpRequest, ProviderError> {
        if !(1..=EMBEDDING_INPUTS).contains(&texts.len()) {
            let message = "a call for embeddings has 1 to 32 texts";
            return Err(ProviderError::new(ErrorKind::InvalidRequest, NAME, message));
        }
        Ok(self.post("embeddings", "application/json", &json!({"model": model, "input": texts})))
    }

    /// Reads the answer with status 200 to a call with so many texts: the numbers of each, in their order.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] when it is anything else than one row of numbers for each.
    pub fn embeddings(&self, body: &[u8], texts: usize) -> Result<Vec<Vec<f32>>, ProviderError> {
        let wrong = |message| ProviderError::new(ErrorKind::Protocol, NAME, message);
        let answer: Answer =
            serde_json::from_slice(body).map_err(|_| wrong("the answer holds no embeddings"))?;
        let mut rows: Vec<Option<Vec<f32>>> = vec![None; texts];
        for One { index, embedding } in answer.data {
            match rows.get_mut(index) {
                Some(row @ None) => *row = Some(embedding),
                Some(Some(_)) | None => return Err(wrong("the answer has an embedding of no text")),
            }
        }
        let rows: Option<Vec<Vec<f32>>> = rows.into_iter().collect();
        let rows = rows.ok_or_else(|| wrong("the answer lacks the embedding of a text"))?;
        let size = rows.first().map_or(0, Vec::len);
        let usable = |row: &Vec<f32>| {
            // What has no length has no direction, and is near to nothing.
            let square: f32 = row.iter().map(|number| number * number).sum();
            row.len() == size && square.is_normal()
        };
        if (1..=EMBEDDING_NUMBERS).contains(&size) && rows.iter().all(usable) {
            return Ok(rows);
        }
        Err(wrong("the answer's embeddings cannot be compared"))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn server(key: Option<&str>) -> OpenAi {
        OpenAi::new(Some("http://localhost:11434"), key).unwrap()
    }

    fn check(body: &str, texts: usize, expect: Expect) {
        expect.assert_eq(&match server(None).embeddings(body.as_bytes(), texts) {
            Ok(rows) => format!("{rows:?}"),
            Err(error) => error.to_string(),
        });
    }

    #[test]
    fn a_call_names_the_model_and_the_texts() {
        let written = server(Some("k")).embed("m", &["a".to_owned(), "b\n".to_owned()]).unwrap();
        assert_eq!((written.method, written.url.as_str()), ("POST", "http://localhost:11434/v1/embeddings"));
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
            ("authorization", "Bearer k".to_owned()),
        ];
        assert_eq!(written.headers, headers);
        assert_eq!(String::from_utf8(written.body).unwrap(), r#"{"input":["a","b\n"],"model":"m"}"#);
    }

    #[test]
    fn a_call_has_1_to_32_texts() {
        for texts in [0, 33] {
            let refused = server(None).embed("m", &vec!["a".to_owned(); texts]).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidRequest, "{texts}");
        }
        assert!(server(None).embed("m", &vec!["a".to_owned(); 32]).is_ok());
    }

    #[test]
    fn rows_come_in_the_order_of_their_texts() {
        check(
            r#"{"object":"list","model":"m","usage":{"prompt_tokens":2,"total_tokens":2},"data":[
                {"object":"embedding","index":1,"embedding":[0.5,-1]},
                {"object":"embedding","index":0,"embedding":[1,2.5e-1]}]}"#,
            2,
            expect!["[[1.0, 0.25], [0.5, -1.0]]"],
        );
    }

    #[test]
    fn what_is_no_row_for_each_text_is_refused() {
        let none = || expect!["openai: protocol: the answer holds no embeddings"];
        check("<html>", 1, none());
        check(r#"{"data":[{"index":0,"embedding":"AACAPw=="}]}"#, 1, none());
        check(r#"{"data":[{"index":0,"embedding":[null]}]}"#, 1, none());
        let lacks = || expect!["openai: protocol: the answer lacks the embedding of a text"];
        check(r#"{"data":[]}"#, 1, lacks());
        check(r#"{"data":[{"index":1,"embedding":[1]}]}"#, 2, lacks());
        let other = || expect!["openai: protocol: the answer has an embedding of no text"];
        check(r#"{"data":[{"index":1,"embedding":[1]}]}"#, 1, other());
        check(r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#, 1, other());
    }

    #[test]
    fn rows_that_cannot_be_compared_are_refused() {
        let wrong = || expect!["openai: protocol: the answer's embeddings cannot be compared"];
        check(r#"{"data":[{"index":0,"embedding":[]}]}"#, 1, wrong());
        check(r#"{"data":[{"index":0,"embedding":[0,0]}]}"#, 1, wrong());
        check(r#"{"data":[{"index":0,"embedding":[1e39]}]}"#, 1, wrong());
        check(r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}"#, 2, wrong());
        let long = format!(r#"{{"data":[{{"index":0,"embedding":[1{}]}}]}}"#, ",1".repeat(4_096));
        check(&long, 1, wrong());
    }
}
