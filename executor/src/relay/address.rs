//! The pass in the address: `/relay/by/{pass}/{scheme}/{host}/{path}?{query}`. A Worker pays for each header field that it
//! writes, and for none that it leaves alone, so its hot path writes none.
//!
//! Invariant: a request of this form is first turned into one of the usual form, with all fields that only the gateway may
//! write taken out before those that the address names are put in. What follows checks both forms alike.

use http::header::{HeaderName, HeaderValue};
use http::{Request, Uri};
use slipway_contract::SandboxId;
use slipway_contract::preview::{RELAY_HEADER, RELAY_PATH};
use slipway_domain::preview::headers;

use super::refusal::Refusal;
use crate::exchange::cut_fields;

/// Whom the platform before the gateway saw; browsers cannot write it there.
const CONNECTING_IP: &str = "cf-connecting-ip";

/// The request in the usual form; one that has it already stays as it is.
pub(super) fn unfold<B>(mut request: Request<B>) -> Result<Request<B>, Refusal> {
    let Some(rest) = request.uri().path().strip_prefix(RELAY_PATH) else { return Ok(request) };
    let mut parts = rest.splitn(4, '/');
    let mut part = || parts.next().unwrap_or_default();
    let (pass, scheme, host, path) = (part(), part(), part(), part());
    if !matches!(scheme, "http" | "https") || host.is_empty() {
        return Err(Refusal::Path);
    }
    // Whether it says so rightly is checked where the pass is.
    let mut said = pass.split('.').skip(1);
    let (Some(sandbox), Some(port)) = (said.next(), said.next()) else { return Err(Refusal::NoPass) };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let uri = format!("/relay/{}_{sandbox}/{port}/{path}{query}", SandboxId::PREFIX);
    let uri: Uri = uri.parse().map_err(|_| Refusal::Path)?;
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Refusal::Path);
    let address = request.headers().get(CONNECTING_IP).cloned();
    let ours = [
        (RELAY_HEADER, Some(value(pass)?)),
        ("x-forwarded-for", address),
        ("x-forwarded-host", Some(value(host)?)),
        ("x-forwarded-proto", Some(value(scheme)?)),
    ];
    let fields = request.headers_mut();
    cut_fields(fields, headers::is_from_outside);
    for (name, value) in ours.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        fields.insert(HeaderName::from_static(name), value);
    }
    *request.uri_mut() = uri;
    Ok(request)
}
