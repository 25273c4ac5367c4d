//! What became of a request that was passed on, when it was no answer of the sandbox: the executor's refusals, and none.

use js_sys::Promise;
use js_sys::futures::future_to_promise;
use slipway_contract::objects::executor::ExecutorProblem;
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

use crate::isolate::memory;
use crate::refusal::Refusal;
use crate::{preview, reply};

/// The longest refusal that is read, in bytes.
const REFUSAL_BYTES: usize = 16 * 1024;

/// The executor refused.
pub(crate) fn refused(request: Request, response: JsValue) -> JsValue {
    let answer = async move {
        let refusal = read(&response.unchecked_into()).await;
        let about = preview::about(&request);
        if let Some(visit) = &about.visit
            && matches!(refusal, Refusal::Revoked | Refusal::Stopped)
        {
            // The object may know more by now.
            memory(|memory| memory.leases.forget(visit.key()));
        }
        Ok(reply::refuse(&request, refusal, &about, None)?.into())
    };
    future_to_promise(answer).into()
}

/// The executor was not reached, or broke off before it answered.
pub(crate) fn failed(request: Request, error: JsValue) -> JsValue {
    let about = preview::about(&request);
    match reply::refuse(&request, Refusal::ExecutorGone, &about, Some(&error.into())) {
        Ok(response) => response.into(),
        Err(error) => Promise::reject(&error.into()).into(),
    }
}

/// What an executor's refusal means.
async fn read(response: &Response) -> Refusal {
    let text = async { response.text().ok()?.await.ok()?.as_string() }.await;
    let problem = text
        .filter(|text| text.len() <= REFUSAL_BYTES)
        .and_then(|text| serde_json::from_str::<ExecutorProblem>(&text).ok());
    problem.map_or(Refusal::Broken, |problem| Refusal::by_executor(problem.code))
}
