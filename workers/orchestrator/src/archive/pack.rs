//! gzip, by the platform's own streams: it costs no Wasm.

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::Uint8Array;
use worker::js_sys::futures::JsFuture;
use worker::{Result, web_sys};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = CompressionStream)]
    type Packer;

    #[wasm_bindgen(catch, constructor, js_class = "CompressionStream")]
    fn new(format: &str) -> core::result::Result<Packer, JsValue>;

    #[wasm_bindgen(js_name = DecompressionStream)]
    type Unpacker;

    #[wasm_bindgen(catch, constructor, js_class = "DecompressionStream")]
    fn new(format: &str) -> core::result::Result<Unpacker, JsValue>;

    type RawStream;

    #[wasm_bindgen(catch, method, js_name = pipeThrough)]
    fn pipe_through(
        this: &RawStream,
        through: &JsValue,
    ) -> core::result::Result<web_sys::ReadableStream, JsValue>;
}

const GZIP: &str = "gzip";

/// The bytes, packed.
///
/// # Errors
/// The platform refuses.
pub(super) async fn packed(bytes: &[u8]) -> Result<Vec<u8>> {
    through(bytes, Packer::new(GZIP)?.as_ref()).await
}

/// The bytes, unpacked.
///
/// # Errors
/// They are not what [`packed`] makes.
pub(super) async fn unpacked(bytes: &[u8]) -> Result<Vec<u8>> {
    through(bytes, Unpacker::new(GZIP)?.as_ref()).await
}

async fn through(bytes: &[u8], stream: &JsValue) -> Result<Vec<u8>> {
    let whole = web_sys::Response::new_with_opt_js_u8_array(Some(&Uint8Array::from(bytes)))?;
    let Some(body) = whole.body() else { return Ok(Vec::new()) };
    let changed = body.unchecked_ref::<RawStream>().pipe_through(stream)?;
    let whole = web_sys::Response::new_with_opt_readable_stream(Some(&changed))?;
    let buffer = JsFuture::from(whole.array_buffer()?).await?;
    Ok(Uint8Array::new(&buffer).to_vec())
}
