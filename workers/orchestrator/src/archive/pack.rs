//! Bytes that stay with the platform, which hashes, packs and passes them on: none of that costs Wasm, and no copy of them
//! is made here but to read them.
//!
//! Invariant: they go as soon as they are dropped. The platform's collector sees but the handle of each, and would let
//! tens of megabytes stand.

use slipway_edge::digest;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{ArrayBuffer, Uint8Array};
use worker::{Error, ObjectBody, Response, ResponseBody, Result, web_sys};

use super::book::Measure;

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

    type Transferable;

    // ECMA-262, ArrayBuffer.prototype.transfer: a new buffer of this length; the old one has nothing from then on.
    #[wasm_bindgen(catch, method)]
    fn transfer(this: &Transferable, length: u32) -> core::result::Result<JsValue, JsValue>;
}

const GZIP: &str = "gzip";

/// Bytes that the platform holds.
pub(super) struct Held(ArrayBuffer);

impl Drop for Held {
    fn drop(&mut self) {
        // What still reads them keeps them until it has.
        let _released = self.0.unchecked_ref::<Transferable>().transfer(0);
    }
}

impl Held {
    /// The body of a reply.
    ///
    /// # Errors
    /// It breaks off.
    pub(super) async fn reply(reply: Response) -> Result<Self> {
        Self::of(&reply.into()).await
    }

    /// What an object of R2 has.
    ///
    /// # Errors
    /// It breaks off.
    pub(super) async fn object(body: ObjectBody<'_>) -> Result<Self> {
        let ResponseBody::Stream(body) = body.response_body()? else {
            return Err(Error::RustError("an object of R2 without a stream".to_owned()));
        };
        Self::of(&web_sys::Response::new_with_opt_readable_stream(Some(&body))?).await
    }

    async fn of(reply: &web_sys::Response) -> Result<Self> {
        Ok(Self(JsFuture::from(reply.array_buffer()?).await?.unchecked_into()))
    }

    /// A copy.
    pub(super) fn read(&self) -> Vec<u8> {
        Uint8Array::new(&self.0).to_vec()
    }

    /// Their size and digest.
    ///
    /// # Errors
    /// When the platform refuses, which it does not.
    pub(super) async fn measure(&self) -> Result<Measure> {
        Ok(Measure { bytes: self.0.byte_length().into(), sha256: digest::sha256_of(&self.0).await? })
    }

    /// The same, as whatever reads streams takes them.
    ///
    /// # Errors
    /// The platform refuses.
    pub(super) fn stream(&self) -> Result<web_sys::ReadableStream> {
        let whole = web_sys::Response::new_with_opt_buffer_source(Some(&self.0))?;
        whole.body().ok_or_else(|| Error::RustError("a reply without a body".to_owned()))
    }

    /// The bytes, packed with gzip.
    ///
    /// # Errors
    /// The platform refuses.
    pub(super) async fn packed(&self) -> Result<Self> {
        self.through(Packer::new(GZIP)?.as_ref()).await
    }

    /// The bytes, unpacked.
    ///
    /// # Errors
    /// They are not what [`Self::packed`] makes.
    pub(super) async fn unpacked(&self) -> Result<Self> {
        self.through(Unpacker::new(GZIP)?.as_ref()).await
    }

    async fn through(&self, change: &JsValue) -> Result<Self> {
        let changed = self.stream()?.unchecked_ref::<RawStream>().pipe_through(change)?;
        Self::of(&web_sys::Response::new_with_opt_readable_stream(Some(&changed))?).await
    }

    /// The same as [`Self::unpacked`], as they come.
    ///
    /// # Errors
    /// The platform refuses.
    pub(super) fn unpacking(&self) -> Result<web_sys::ReadableStream> {
        let unpacker = Unpacker::new(GZIP)?;
        Ok(self.stream()?.unchecked_ref::<RawStream>().pipe_through(unpacker.as_ref())?)
    }
}
