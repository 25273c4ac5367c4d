//! Bytes that people or programs made, on their way to a browser.
//!
//! Invariant: a browser saves them and never shows them as a page of ours: they are an attachment of no known type, in a
//! sandbox without scripts. Nothing of the headers that they came with is handed on but their length.

use slipway_contract::RequestId;
use slipway_edge::reply;
use worker::{Headers, Response, ResponseBody, ResponseBuilder};

/// The reply's bytes as a file called `name`.
pub(crate) fn file(from: Response, name: &str, request: RequestId) -> worker::Result<Response> {
    let headers = safe(request)?;
    headers.set("content-type", "application/octet-stream")?;
    headers.set("content-disposition", &disposition(name))?;
    if let Some(length) = from.headers().get("content-length")? {
        headers.set("content-length", &length)?;
    }
    Ok(rebuilt(from, headers))
}

/// The reply's bytes as JSON of ours.
pub(crate) fn json(from: Response, request: RequestId) -> worker::Result<Response> {
    of_ours(from, "application/json", request)
}

/// The reply's bytes as JSON lines of ours, as they come.
pub(crate) fn lines(from: Response, request: RequestId) -> worker::Result<Response> {
    of_ours(from, "application/x-ndjson", request)
}

fn of_ours(from: Response, media_type: &str, request: RequestId) -> worker::Result<Response> {
    let headers = safe(request)?;
    headers.set("content-type", media_type)?;
    Ok(rebuilt(from, headers))
}

fn safe(request: RequestId) -> worker::Result<Headers> {
    let headers = Headers::new();
    headers.set("cache-control", "no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    headers.set("content-security-policy", "default-src 'none'; sandbox")?;
    headers.set("cross-origin-resource-policy", "same-origin")?;
    headers.set(reply::REQUEST_ID, &request.to_string())?;
    Ok(headers)
}

fn rebuilt(from: Response, headers: Headers) -> Response {
    let (_, body) = from.into_parts();
    let builder = ResponseBuilder::new().with_headers(headers);
    match body {
        ResponseBody::Empty => builder.empty(),
        body @ (ResponseBody::Body(_) | ResponseBody::Stream(_)) => builder.body(body),
    }
}

/// The header that makes a browser save the file (RFC 6266), with the name in both of its forms.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", encoded(name))
}

/// Every byte as `%XX` that is not unreserved (RFC 3986, section 2.3).
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_its_header() {
        assert_eq!(
            disposition("a\"b\r\nx: y;ä.html"),
            "attachment; filename=\"a_b__x_ y__.html\"; filename*=UTF-8''a%22b%0D%0Ax%3A%20y%3B%C3%A4.html"
        );
    }

    #[test]
    fn a_file_is_called_by_the_last_part_of_its_path() {
        for (path, name) in
            [("a/b.txt", "b.txt"), ("b.txt", "b.txt"), ("a/b/", "b"), ("", "file"), ("/", "file")]
        {
            assert_eq!(file_name(path), name);
        }
    }
}
