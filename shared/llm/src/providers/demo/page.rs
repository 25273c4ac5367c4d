//! The web page that the demo model makes: one template, filled with what the page is about.
//!
//! Invariant: what people wrote stands in the page as text, never as markup, style or script.

use crate::error::clip;

const TEMPLATE: &str = include_str!("page.html");
/// Longest subject, in characters: it is a heading.
const TOPIC_CHARS: usize = 120;

/// The subject as it goes into headings: one line, without the marks that end a sentence.
pub(super) fn topic(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    let topic = clip(line.trim_end_matches(['.', '!', '?', ' ']), TOPIC_CHARS);
    (!topic.is_empty()).then_some(topic)
}

/// A whole page about the subject. The same subject gives the same page, in its own colour.
pub(super) fn write(topic: &str) -> String {
    let mut letters = topic.chars();
    let title: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let values = [("title", escaped(&title)), ("topic", escaped(topic)), ("hue", hue(topic).to_string())];
    let mut pieces = TEMPLATE.split("{{");
    let mut page = pieces.next().unwrap_or_default().to_owned();
    // One pass: what was put in is not searched again.
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or_default();
        let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        page.push_str(value.unwrap_or_default());
        page.push_str(rest);
    }
    page
}

/// A colour's angle, by FNV-1a of the subject.
fn hue(topic: &str) -> u32 {
    topic.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)) % 360
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::{topic, write};

    #[test]
    fn a_page_names_its_subject_in_title_and_heading() {
        let page = write("sea otters");
        assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
        assert!(page.contains("<title>Sea otters</title>") && page.contains("<h1>Sea otters</h1>"));
        assert!(page.contains("I like sea otters</button>"));
        assert!(!page.contains("{{") && !page.contains("}}"));
        assert_eq!(page, write("sea otters"));
        assert_ne!(page, write("sea urchins"));
    }

    #[test]
    fn markup_in_a_subject_stays_text() {
        let page = write(r#"</title><script>alert("1' & {{hue}}")</script>"#);
        assert!(!page.contains("<script>alert"));
        assert!(page.contains("&lt;script&gt;alert(&quot;1&#39; &amp; {{hue}}&quot;)&lt;/script&gt;"));
    }

    #[test]
    fn a_subject_is_one_line_of_bounded_length() {
        assert_eq!(topic(" the\n  moon\u{7}and back?! "), Some("the moon and back".to_owned()));
        assert_eq!(topic(" \n?"), None);
        assert!(topic(&"é".repeat(500)).is_some_and(|topic| topic.chars().count() == 120));
    }
}
