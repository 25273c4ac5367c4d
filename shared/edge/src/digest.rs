//! SHA-256 as the platform computes it: its own code, and none of it in this Worker.

use std::fmt::Write as _;

use wasm_bindgen::prelude::*;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Error, Result, js_sys};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = digest)]
    fn digest(algorithm: &str, bytes: &[u8]) -> core::result::Result<js_sys::Promise, JsValue>;
}

/// SHA-256 of `bytes`, in hexadecimal digits.
///
/// # Errors
/// When the platform refuses, which it does not.
pub async fn sha256(bytes: &[u8]) -> Result<String> {
    // The platform copies the bytes before it answers with a promise (Web Cryptography API, `digest`).
    let promised = digest("SHA-256", bytes).map_err(Error::from)?;
    let digest = js_sys::Uint8Array::new(&JsFuture::from(promised).await.map_err(Error::from)?);
    let mut text = String::with_capacity(64);
    for byte in digest.to_vec() {
        let _written = write!(text, "{byte:02x}");
    }
    Ok(text)
}
