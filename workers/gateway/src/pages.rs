//! The pages that people see in place of a preview: whole in themselves, without a script, in the system's colours.
//!
//! Invariant: nothing of the request is in them but the port's number, and their policy allows their own style alone.

use crate::refusal::Refusal;
use crate::settings::AppUrl;

/// The pages' style. Its hash stands in the policy.
const STYLE: &str = ":root{color-scheme:light dark}\
body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;\
background:light-dark(#fafafa,#18181b);color:light-dark(#18181b,#f4f4f5)}\
main{max-width:26rem;padding:2rem}\
h1{font-size:1.25rem;line-height:1.3;margin:0 0 .5rem}\
p{margin:0 0 1rem;color:light-dark(#52525b,#a1a1aa)}\
a{color:light-dark(#1d4ed8,#93c5fd)}";
/// SHA-256 of [`STYLE`], base64.
const STYLE_HASH: &str = "066p8kCRSDwsBaJGKYkxCS4vM0vnzCvxgjPXmxf75ls=";

/// The page for a refusal.
pub(crate) fn page(refusal: Refusal, port: Option<u16>, app: Option<&AppUrl>) -> String {
    let (title, text) = refusal.told(port);
    // In the app's preview pane the link must leave the frame.
    let link = app.map(|app| {
        format!(r#"<p><a href="{}" target="_top" rel="noreferrer">Open Slipway</a></p>"#, app.as_str())
    });
    let link = link.unwrap_or_default();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1><p>{text}</p>{link}</main></body></html>"
    )
}

/// The policy of these pages: their style and nothing else, in no frame but the app's.
pub(crate) fn policy(app: Option<&AppUrl>) -> String {
    let app = app.map_or("'none'", AppUrl::as_str);
    format!(
        "default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors {app}"
    )
}

/// Whether an `Accept` value wants JSON rather than a page (RFC 9110, 12.5.1). Who says nothing gets a page.
pub(crate) fn prefers_json(accept: Option<&str>) -> bool {
    let weight = |wanted: fn(&str) -> bool| {
        let fitting = accept.unwrap_or_default().split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().filter(|media| wanted(&media.to_ascii_lowercase()))?;
            let q = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            Some((!media.contains('*'), q.map_or(1.0, |q| q.parse().unwrap_or(0.0_f32))))
        });
        // What is named counts before what is only meant along with others.
        let closest = fitting.max_by(|one, two| one.0.cmp(&two.0).then(one.1.total_cmp(&two.1)));
        closest.map_or(0.0, |(_, weight)| weight)
    };
    let json = weight(|media| {
        matches!(media, "application/json" | "application/problem+json" | "application/*" | "*/*")
    });
    let html = weight(|media| matches!(media, "text/html" | "application/xhtml+xml" | "text/*" | "*/*"));
    json > html
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use expect_test::expect;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::refusal::tests::ALL;

    fn app() -> AppUrl {
        crate::settings::tests::app()
    }

    #[test]
    fn the_policy_allows_the_style_that_the_pages_have() {
        assert_eq!(STANDARD.encode(Sha256::digest(STYLE)), STYLE_HASH);
        expect![[r#"default-src 'none'; style-src 'sha256-066p8kCRSDwsBaJGKYkxCS4vM0vnzCvxgjPXmxf75ls='; base-uri 'none'; form-action 'none'; frame-ancestors http://localhost:8787"#]]
            .assert_eq(&policy(Some(&app())));
        assert!(policy(None).ends_with("frame-ancestors 'none'"));
    }

    #[test]
    fn a_page_says_what_is_wrong_and_where_to_go() {
        let page = page(Refusal::PortClosed, Some(5173), Some(&app()));
        assert!(page.contains("nothing listens on port 5173 yet"), "{page}");
        assert!(page.contains(r#"<a href="http://localhost:8787" target="_top""#), "{page}");
    }

    #[test]
    fn no_page_has_a_script_or_an_address_but_the_apps() {
        for refusal in ALL {
            let page = page(refusal, Some(80), Some(&app()));
            assert!(!page.contains("<script") && !page.contains("javascript"), "{page}");
            assert_eq!(page.matches("http").count(), 1, "{page}");
            assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>"), "{page}");
        }
    }

    #[test]
    fn json_is_for_those_who_prefer_it() {
        let json = [
            "application/json",
            "application/problem+json",
            "application/json, text/plain",
            "application/json, text/html;q=0.9",
            "text/html;q=0.1, application/json;q=0.2",
            "application/json, */*;q=0.5",
            "APPLICATION/JSON",
        ];
        let page = [
            "",
            "*/*",
            "text/html",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json;q=0.5, text/html",
            "application/json;q=0, */*",
            "application/json, text/html",
            "text/*, */*;q=0.1",
            "application/json;q=x, text/html;q=0.1",
        ];
        for accept in json {
            assert!(prefers_json(Some(accept)), "{accept}");
        }
        for accept in page {
            assert!(!prefers_json(Some(accept)), "{accept}");
        }
        assert!(!prefers_json(None));
    }
}
