//! Who asks: the person whose access token the request bears.

use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;
use slipway_contract::{Actor, ProblemCode, UserId};

use crate::errand::Errand;
use crate::identity::access;
use crate::refusal::Refusal;
use crate::settings::Settings;

/// A person with a valid access token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) user: UserId,
}

impl Caller {
    /// The person as the chats' objects are told.
    pub(crate) const fn actor(self) -> Actor {
        Actor::User { id: self.user }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let errand = Errand::from_request_parts(parts, state).await?;
        let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = bearer.and_then(token).ok_or(ProblemCode::Unauthenticated)?;
        let settings = Settings::of(errand.env())?;
        let user = access::verify(&settings.keys, token, errand.now()).ok_or(ProblemCode::Unauthenticated)?;
        errand.is_by(user);
        Ok(Self { user })
    }
}

/// The token behind the scheme, whose name has no case (RFC 9110, section 11.1).
fn token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn the_scheme_of_a_bearer_token_has_no_case() {
        assert_eq!(token("Bearer a.b.c"), Some("a.b.c"));
        assert_eq!(token("bearer a.b.c"), Some("a.b.c"));
        assert_eq!(token("Basic a.b.c"), None);
        assert_eq!(token("Bearer"), None);
    }
}
