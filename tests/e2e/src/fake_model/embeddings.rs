//! Embeddings that anybody can follow: each word is a direction, and words that mean the same are the same one.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// The numbers of a text; so many that words of a test hardly ever share one.
const NUMBERS: usize = 512;
/// Words of one line mean the same.
const SAME: [&[&str]; 3] =
    [&["car", "automobile", "vehicle"], &["port", "socket", "listens"], &["holiday", "vacation", "leave"]];

/// The status and body of the answer. A text with `script:<status>` is answered with that.
pub(super) fn answer(request: &Value, error_body: impl Fn(u16) -> String) -> (StatusCode, Body) {
    let texts: Option<Vec<&str>> = request
        .get("input")
        .and_then(Value::as_array)
        .and_then(|texts| texts.iter().map(Value::as_str).collect());
    let Some(texts) = texts.filter(|texts| !texts.is_empty()) else {
        return (StatusCode::BAD_REQUEST, Body::from(error_body(400)));
    };
    let scripts = texts.iter().flat_map(|text| text.split_whitespace());
    let status = scripts.filter_map(|word| word.strip_prefix("script:")?.parse::<u16>().ok()).next();
    if let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok()) {
        return (status, Body::from(error_body(status.as_u16())));
    }
    let rows = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": numbers(text)}));
    let answer = json!({
        "object": "list", "model": request.get("model"), "data": rows.collect::<Vec<_>>(),
        "usage": {"prompt_tokens": texts.len(), "total_tokens": texts.len()},
    });
    (StatusCode::OK, Body::from(answer.to_string()))
}

/// How often each word is there, at its own place.
fn numbers(text: &str) -> Vec<u32> {
    let mut numbers = vec![0; NUMBERS];
    // A text without words has a direction too.
    if let Some(first) = numbers.first_mut() {
        *first = 1;
    }
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    for word in words {
        if let Some(number) = numbers.get_mut(place(&word.to_lowercase())) {
            *number += 10;
        }
    }
    numbers
}

/// FNV-1a of the first of the words that mean the same.
fn place(word: &str) -> usize {
    let same = SAME.iter().find(|same| same.contains(&word)).and_then(|same| same.first());
    let hash = same
        .copied()
        .unwrap_or(word)
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    1 + usize::try_from(hash).unwrap_or_default() % (NUMBERS - 1)
}
