//! SHA-256 as the platform computes it: its own code, and none of it in the Worker.

use std::fmt::Write as _;

use wasm_bindgen::prelude::*;
use worker::js_sys::{ArrayBuffer, Promise, Uint8Array};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Error, Result};

// The platform copies the bytes before it answers with a promise (Web Cryptography API, `digest`).
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = digest)]
    fn digest(algorithm: &str, bytes: &[u8]) -> core::result::Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = digest)]
    fn digest_of(algorithm: &str, bytes: &ArrayBuffer) -> core::result::Result<Promise, JsValue>;
}

const ALGORITHM: &str = "SHA-256";

/// SHA-256 of `bytes`, in hexadecimal digits.
///
/// # Errors
/// When the platform refuses, which it does not.
pub async fn sha256(bytes: &[u8]) -> Result<String> {
    hexadecimal(digest(ALGORITHM, bytes).map_err(Error::from)?).await
}

/// The same of bytes that the platform holds.
///
/// # Errors
/// As for [`sha256`].
pub async fn sha256_of(bytes: &ArrayBuffer) -> Result<String> {
    hexadecimal(digest_of(ALGORITHM, bytes).map_err(Error::from)?).await
}

async fn hexadecimal(promised: Promise) -> Result<String> {
    let digest = Uint8Array::new(&JsFuture::from(promised).await.map_err(Error::from)?);
    let mut text = String::with_capacity(64);
    for byte in digest.to_vec() {
        let _written = write!(text, "{byte:02x}");
    }
    Ok(text)
}
