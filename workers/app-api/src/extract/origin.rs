//! Proof that a request which reads or sets the refresh cookie was made by a page of ours.

use axum::extract::FromRequestParts;
use http::request::Parts;
use slipway_contract::ProblemCode;

use crate::cookies;
use crate::errand::Errand;
use crate::gate::OwnHost;
use crate::refusal::Refusal;
use crate::settings::Settings;

/// The `Origin` is ours.
pub(crate) struct SameOrigin;

/// The `Origin` is ours, or there is none because the client is no browser.
pub(crate) struct NotForeign;

impl<S: Sync> FromRequestParts<S> for SameOrigin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let (settings, host) = known(parts, state).await?;
        cookies::same_origin(&parts.headers, &settings.public_url, &host.0)?;
        Ok(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for NotForeign {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let (settings, host) = known(parts, state).await?;
        cookies::not_foreign(&parts.headers, &settings.public_url, &host.0)?;
        Ok(Self)
    }
}

async fn known<S: Sync>(parts: &mut Parts, state: &S) -> Result<(&'static Settings, OwnHost), Refusal> {
    let errand = Errand::from_request_parts(parts, state).await?;
    let host = parts.extensions.get::<OwnHost>().cloned().ok_or(ProblemCode::Internal)?;
    Ok((Settings::of(errand.env())?, host))
}
