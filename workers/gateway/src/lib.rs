//! The public Worker for preview hosts, and the `SandboxRoute` objects.
//!
//! A preview's host names a sandbox and a port. Who brings a token in the address gets a cookie; who has the cookie is asked
//! for by epoch and counted at the sandbox's route object, some times a second at most; then the request goes on to the
//! executor, with a pass that the executor checks for itself.

mod access;
mod address;
mod border;
mod console;
mod door;
mod files;
mod isolate;
mod lease;
mod pages;
mod preview;
mod refusal;
mod relay;
mod reply;
mod route_object;
mod settings;

use wasm_bindgen::prelude::*;
use worker::{Env, worker_sys};

/// The Worker's entry. It is not the macro's: that one makes a future of every request, which costs more than all checks.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, context: worker_sys::Context) -> JsValue {
    preview::answer(request, env, context)
}
