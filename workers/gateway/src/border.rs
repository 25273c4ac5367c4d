//! The platform as the hot path needs it: as few calls across the border as can be, with `border.js` on the other side.

use js_sys::Uint8Array;
use slipway_contract::Timestamp;
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

#[wasm_bindgen(module = "/src/border.js")]
extern "C" {
    fn look(request: &Request) -> String;

    #[wasm_bindgen(catch)]
    fn pass(
        request: &Request,
        to: &str,
        refused: &JsValue,
        failed: &JsValue,
        framed: &JsValue,
    ) -> Result<JsValue, JsValue>;

    fn insert(response: &Response, tag: &str, place: &JsValue) -> Response;
}

/// What is read of a request.
#[derive(Debug)]
pub(crate) struct Look(String);

/// The same, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen<'a> {
    /// The method.
    pub(crate) method: &'a str,
    /// It asks for another protocol: a WebSocket, as a rule.
    pub(crate) upgrades: bool,
    /// The `Cookie` value; empty when there is none.
    pub(crate) cookie: &'a str,
    /// The address.
    pub(crate) url: &'a str,
}

impl Look {
    /// Looks at a request.
    pub(crate) fn at(request: &Request) -> Self {
        Self(look(request))
    }

    /// Takes it apart. No header value has a line break in it.
    pub(crate) fn seen(&self) -> Seen<'_> {
        let mut lines = self.0.splitn(4, '\n');
        let mut line = || lines.next().unwrap_or_default();
        let (method, upgrade, cookie, url) = (line(), line(), line(), line());
        Seen { method, upgrades: !upgrade.is_empty(), cookie, url }
    }
}

/// Sends a request on: a promise of the response for the browser. What is not one goes to [`crate::relay`], and what a frame
/// is to show to [`crate::console`].
///
/// # Errors
/// When the platform refuses to send it, which is for its form.
pub(crate) fn send(request: &Request, to: &str) -> Result<JsValue, JsValue> {
    HANDLERS.with(|[refused, failed, framed]| pass(request, to, refused, failed, framed))
}

/// The same response with `tag` where [`crate::console`] finds the place for it; the body passes as it comes.
pub(crate) fn insert_tag(response: &Response, tag: &str) -> Response {
    PLACE.with(|place| insert(response, tag, place))
}

thread_local! {
    static HANDLERS: [JsValue; 3] =
        [handler(crate::relay::refused), handler(crate::relay::failed), handler(crate::console::framed)];
    static PLACE: JsValue = Closure::<dyn FnMut(Uint8Array, bool) -> i32>::new(
        |begin: Uint8Array, whole| crate::console::place_in(&begin, whole)
    )
    .into_js_value();
}

/// A function of a request and of what became of it, that lives as long as the isolate.
fn handler(of: fn(Request, JsValue) -> JsValue) -> JsValue {
    Closure::<dyn FnMut(Request, JsValue) -> JsValue>::new(of).into_js_value()
}

/// The time now. It stands still between I/O.
pub(crate) fn now() -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole milliseconds since 1970 fit for 292 million years"
    )]
    Timestamp::from_unix_ms(js_sys::Date::now() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_is_taken_apart_again() {
        let look = Look("GET\nwebsocket\na=1; b=2\nhttp://h/p?q".to_owned());
        let seen = Seen { method: "GET", upgrades: true, cookie: "a=1; b=2", url: "http://h/p?q" };
        assert_eq!(look.seen(), seen);
        let bare = Look("POST\n\n\nhttp://h/".to_owned());
        assert_eq!(bare.seen(), Seen { method: "POST", upgrades: false, cookie: "", url: "http://h/" });
    }

    #[test]
    fn the_names_on_the_other_side_are_the_contracts() {
        let script = include_str!("border.js");
        let name = format!("\"{}\"", slipway_contract::preview::RELAY_HEADER);
        assert_eq!(script.matches(&name).count(), 1, "{name}");
    }
}
