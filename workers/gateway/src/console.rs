//! What goes wrong in a page that is shown beside a chat is told to the app: one script tag in the page, and the script.
//!
//! Invariant: only the document of a frame is touched, and of it only one place at its beginning; what is not certainly a
//! page that can take the tag goes on as it came. Nothing but the address of the app is in the tag.

use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use web_sys::{Request, Response};

use crate::border;
use crate::isolate::memory;
use crate::settings::AppUrl;

/// The script.
pub(crate) const SCRIPT: &str = include_str!("console.js");
/// Where it is served, on every preview host; what a sandbox has there is not reached.
pub(crate) const PATH: &str = "/.well-known/slipway/console.js";
/// The beginning of its SHA-256: browsers keep it for good.
const VERSION: &str = "73bcdfbaec7b";
/// So much of a page is looked at.
const LOOKED_AT: u32 = 16 * 1024;

/// A byte order mark in UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Whether a request's target is the script's.
pub(crate) fn is_script(target: &str) -> bool {
    target.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('?'))
}

/// What a frame is shown, perhaps with the tag.
pub(crate) fn framed(request: Request, response: JsValue) -> JsValue {
    let response: Response = response.unchecked_into();
    let app = memory(|memory| memory.settings.as_ref().map(|settings| tag(&settings.app)));
    match app {
        Some(tag) if response.body().is_some() && takes(&reply(&request, &response)) => {
            border::insert_tag(&response, &tag).into()
        }
        Some(_) | None => response.into(),
    }
}

/// Where the tag goes in a page that begins so, as `border.js` understands it.
pub(crate) fn place_in(begin: &Uint8Array, whole: bool) -> i32 {
    let seen = begin.subarray(0, LOOKED_AT.min(begin.length())).to_vec();
    match place(&seen, whole || begin.length() >= LOOKED_AT) {
        Place::At(at) => i32::try_from(at).unwrap_or(-2),
        Place::Later => -1,
        Place::Nowhere => -2,
    }
}

/// The tag. The app's address fits into an attribute as it is.
fn tag(app: &AppUrl) -> String {
    format!(r#"<script src="{PATH}?v={VERSION}" data-app="{}"></script>"#, app.as_str())
}

/// What is asked of a reply.
#[derive(Debug)]
struct Reply {
    method: String,
    status: u16,
    content_type: Option<String>,
    encoding: Option<String>,
    disposition: Option<String>,
}

fn reply(request: &Request, response: &Response) -> Reply {
    let headers = response.headers();
    let field = |name| headers.get(name).ok().flatten();
    Reply {
        method: request.method(),
        status: response.status(),
        content_type: field("content-type"),
        encoding: field("content-encoding"),
        disposition: field("content-disposition"),
    }
}

/// Whether a reply is a whole page that a browser shows and the platform can read.
fn takes(reply: &Reply) -> bool {
    let shown = match reply.status {
        200..=203 => true,
        status => status >= 400,
    };
    let disposition = reply.disposition.as_deref().unwrap_or_default().trim_start();
    let kept = disposition.get(..10).is_some_and(|begin| begin.eq_ignore_ascii_case("attachment"));
    // The platform undoes these and does them again; what it cannot read it must not write.
    let readable = matches!(reply.encoding.as_deref(), None | Some("" | "identity" | "gzip" | "br"));
    matches!(reply.method.as_str(), "GET" | "POST")
        && shown
        && !kept
        && readable
        && reply.content_type.as_deref().is_some_and(is_page)
}

/// `text/html` in a writing in which ASCII is ASCII (UTF-16 is not). Who names none means UTF-8 or the like.
fn is_page(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let html = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("text/html"));
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim_end()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim_matches(['"', ' ']).to_ascii_lowercase())
    });
    let ascii = charset.is_none_or(|charset| {
        matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii" | "ascii" | "latin1")
            || charset.starts_with("iso-8859-")
            || charset.starts_with("windows-125")
    });
    html && ascii
}

/// Where the tag goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before this byte.
    At(usize),
    /// More of the page must be seen.
    Later,
    /// There is no place in what may be seen.
    Nowhere,
}

/// Finds where the head begins, as browsers do (HTML, 13.2.6.4.1 to 13.2.6.4.3): after comments, the doctype and the `html`
/// tag, right behind the `head` tag; whatever else comes first begins a head that is not written.
fn place(page: &[u8], whole: bool) -> Place {
    let short = if whole { Place::Nowhere } else { Place::Later };
    if page.len() < BOM.len() && BOM.starts_with(page) {
        return short;
    }
    let mut at = if page.starts_with(BOM) { BOM.len() } else { 0 };
    loop {
        let rest = page.get(at..).unwrap_or_default();
        let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        at += space;
        let rest = page.get(at..).unwrap_or_default();
        // `<head` and what ends its name.
        if rest.is_empty() || (!whole && rest.first() == Some(&b'<') && rest.len() < 6) {
            return short;
        }
        let (end, begins) = if rest.starts_with(b"<!--") {
            (comment_end(rest), false)
        } else if rest.starts_with(b"<!") || rest.starts_with(b"<?") || rest.starts_with(b"</") {
            (rest.iter().position(|byte| *byte == b'>').map(|last| last + 1), false)
        } else if is_tag(rest, b"html") {
            (tag_end(rest), false)
        } else if is_tag(rest, b"head") {
            (tag_end(rest), true)
        } else {
            return Place::At(at);
        };
        let Some(end) = end else { return short };
        at += end;
        if begins {
            return Place::At(at);
        }
    }
}

/// How long a comment is, also one that ends as it should not.
fn comment_end(rest: &[u8]) -> Option<usize> {
    // `<!-->` is a whole comment.
    let body = rest.get(2..)?;
    let ends =
        |end: &[u8]| body.windows(end.len()).position(|bytes| bytes == end).map(|at| at + end.len() + 2);
    [ends(b"-->"), ends(b"--!>")].into_iter().flatten().min()
}

fn is_tag(rest: &[u8], name: &[u8]) -> bool {
    let named = rest.get(1..=name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
    let ends = rest
        .get(name.len() + 1)
        .is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'));
    rest.first() == Some(&b'<') && named && ends
}

/// How long a tag is: up to the first `>` that stands in no quoted value.
fn tag_end(rest: &[u8]) -> Option<usize> {
    let mut quote = None;
    let mut value = false;
    for (at, byte) in rest.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => (quote, value) = (None, false),
            (Some(_), _) => {}
            (None, b'>') => return Some(at + 1),
            (None, b'=') => value = true,
            (None, b'"' | b'\'') if value => quote = Some(*byte),
            (None, byte) => value = value && byte.is_ascii_whitespace(),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// The page with a mark where the tag goes.
    fn marked(page: &str, whole: bool) -> String {
        match place(page.as_bytes(), whole) {
            Place::At(at) => {
                let (before, after) = page.split_at(at);
                format!("{before}¦{after}")
            }
            other @ (Place::Later | Place::Nowhere) => format!("{other:?}"),
        }
    }

    #[test]
    fn the_tag_stands_first_in_the_head() {
        for page in [
            "<!doctype html><html lang=\"en\"><head>¦<title>x</title>",
            "<!DOCTYPE html>\n<HTML>\n  <HEAD profile='a>b'>¦\n<script>",
            "\u{feff}<!doctype html><head>¦</head>",
            "<!-- <head> --><html data-a=1><!-- > --!><head>¦",
            "<!--><head>¦<!-- -->",
            "<?xml version=\"1.0\"?><html><head\n>¦",
            "<html class=\"a>b\" data-c='\">'><head>¦",
            "<html a=b\"><head>¦<p title=\">",
            // No head is written, so what comes first begins it.
            "<!doctype html><html>¦<body>",
            "<!doctype html>\n¦<title>x</title>",
            "¦<h1>x</h1>",
            "¦hello",
            "<html>¦<header>",
            "¦<htmlx>",
        ] {
            assert_eq!(marked(&page.replace('¦', ""), true), page);
        }
    }

    #[test]
    fn a_page_that_came_in_part_is_waited_for_and_ends_in_the_same_place() {
        for page in [
            "<!doctype html><!-- a --><html lang='>'><head class=\"b\">¦<title>x</title>",
            "<!doctype html>\n¦<title>x</title>",
            "\u{feff} ¦<h1>x",
        ] {
            let plain = page.replace('¦', "");
            for seen in 0..plain.len() {
                let found = place(plain.as_bytes().get(..seen).unwrap(), false);
                let wanted = Place::At(page.find('¦').unwrap());
                assert!(found == Place::Later || found == wanted, "{page} at {seen}: {found:?}");
            }
        }
    }

    #[test]
    fn a_page_without_a_place_goes_on_as_it_came() {
        for page in ["", " \n", "<!doctype html>", "<!-- never ends", "<html lang=\"", "<head lang='>"] {
            assert_eq!(marked(page, true), "Nowhere", "{page}");
            assert_eq!(marked(page, false), "Later", "{page}");
        }
    }

    #[test]
    fn no_bytes_break_the_search() {
        use proptest::prelude::*;
        proptest!(|(parts in proptest::collection::vec(proptest::sample::select(vec![
            "<", ">", "<!", "<!--", "-->", "--!>", "<html", "<head", " ", "=", "\"", "'", "/", "é", "</", "<?", "a",
        ]), 0..20), whole: bool)| {
            let page = parts.concat();
            if let Place::At(at) = place(page.as_bytes(), whole) {
                prop_assert!(at <= page.len());
            }
        });
    }

    fn html() -> Reply {
        Reply {
            method: "GET".to_owned(),
            status: 200,
            content_type: Some("text/html".to_owned()),
            encoding: None,
            disposition: None,
        }
    }

    #[test]
    fn pages_that_a_browser_shows_take_the_tag() {
        let some = |text: &str| Some(text.to_owned());
        for content_type in ["text/html", "Text/HTML; charset=UTF-8", "text/html;charset=\"windows-1252\""] {
            assert!(takes(&Reply { content_type: some(content_type), ..html() }), "{content_type}");
        }
        for encoding in ["", "identity", "gzip", "br"] {
            assert!(takes(&Reply { encoding: some(encoding), ..html() }), "{encoding}");
        }
        for status in [200, 404, 500] {
            assert!(takes(&Reply { status, ..html() }), "{status}");
        }
        assert!(takes(&Reply { method: "POST".to_owned(), ..html() }), "the answer to a form");
        assert!(takes(&Reply { disposition: some("inline"), ..html() }));
    }

    #[test]
    fn everything_else_goes_on_as_it_came() {
        let some = |text: &str| Some(text.to_owned());
        for content_type in [
            "application/json",
            "text/event-stream",
            "text/htmlx",
            "application/xhtml+xml",
            "text/plain; a=text/html",
            "text/html; charset=utf-16le",
            "text/html;charset=ucs-2",
            "",
        ] {
            assert!(!takes(&Reply { content_type: some(content_type), ..html() }), "{content_type}");
        }
        assert!(!takes(&Reply { content_type: None, ..html() }));
        for encoding in ["zstd", "deflate", "gzip, br", "compress"] {
            assert!(!takes(&Reply { encoding: some(encoding), ..html() }), "{encoding}");
        }
        for status in [101, 204, 205, 206, 301, 303, 304] {
            assert!(!takes(&Reply { status, ..html() }), "{status}");
        }
        for method in ["HEAD", "OPTIONS"] {
            assert!(!takes(&Reply { method: method.to_owned(), ..html() }), "{method}");
        }
        for disposition in ["attachment", "Attachment; filename=\"a.html\"", " attachment"] {
            assert!(!takes(&Reply { disposition: some(disposition), ..html() }), "{disposition}");
        }
    }

    #[test]
    fn the_script_has_one_address_which_changes_with_it() {
        assert!(is_script(PATH) && is_script("/.well-known/slipway/console.js?v=1"));
        for other in [
            "/",
            "/.well-known/slipway/console.jsx",
            "/.well-known/slipway/",
            "/a?/.well-known/slipway/console.js",
        ] {
            assert!(!is_script(other), "{other}");
        }
        let digest = Sha256::digest(SCRIPT);
        let version: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(version, VERSION);
        assert!(SCRIPT.len() < 8 * 1024, "it is {} bytes", SCRIPT.len());
        assert!(SCRIPT.contains("/.well-known/slipway/"), "its own lines are left out of stacks");
    }

    #[test]
    fn the_tag_names_the_app_and_nothing_else() {
        let tag = tag(&crate::settings::tests::app());
        let wanted =
            format!(r#"<script src="{PATH}?v={VERSION}" data-app="http://localhost:8787"></script>"#);
        assert_eq!(tag, wanted);
    }
}
