//! Somebody who is signed in: their token, their refresh cookie, the org that their requests name.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use reqwest::Method;
use slipway_contract::http::auth::{Session, User};
use slipway_contract::{OrgId, UserId};

use crate::answer::Answer;
use crate::world::{Call, World};

/// Name of the refresh cookie.
pub const COOKIE: &str = "slipway_refresh";

/// A person with a session. Clones share the session, as tabs of a browser do.
#[derive(Clone, Debug)]
pub struct Person {
    /// Where they are.
    pub world: World,
    /// Who they are.
    pub user: User,
    /// The org that their requests name in `X-Org-Id`.
    pub org: Option<OrgId>,
    keys: Arc<Mutex<Keys>>,
}

#[derive(Clone, Debug, Default)]
struct Keys {
    token: String,
    cookie: Option<String>,
}

impl Person {
    /// Whom an answer of sign-up or sign-in let in.
    ///
    /// # Errors
    /// When it let nobody in.
    pub fn of(world: &World, answer: &Answer) -> Result<Self> {
        let session: Session = answer.read()?;
        let person = Self { world: world.clone(), user: session.user, org: None, keys: Arc::default() };
        person.keep(session.access_token, answer);
        Ok(person)
    }

    fn keep(&self, token: String, answer: &Answer) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.token = token;
        if let Some(cookie) = set_cookie(answer) {
            keys.cookie = cookie;
        }
    }

    fn keys(&self) -> Keys {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Their id.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.user.id
    }

    /// The access token.
    #[must_use]
    pub fn token(&self) -> String {
        self.keys().token
    }

    /// The refresh token, as the browser's cookie jar holds it.
    #[must_use]
    pub fn cookie(&self) -> Option<String> {
        self.keys().cookie
    }

    /// The same person with requests about `org`.
    #[must_use]
    pub fn at(&self, org: OrgId) -> Self {
        Self { org: Some(org), ..self.clone() }
    }

    /// The same person with requests that name no org.
    #[must_use]
    pub fn nowhere(&self) -> Self {
        Self { org: None, ..self.clone() }
    }

    /// A request of theirs.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let call = self.world.call(method, path).token(&self.token());
        match self.org {
            Some(org) => call.header("x-org-id", &org.to_string()),
            None => call,
        }
    }

    /// Reads.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.call(Method::GET, path).send().await
    }

    /// Sends a body.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn send<T: serde::Serialize + ?Sized>(
        &self,
        method: Method,
        path: &str,
        body: &T,
    ) -> Result<Answer> {
        self.call(method, path).json(body).send().await
    }

    /// A request to a path of the session, with the cookie and as a page of ours sends it.
    pub fn session_call(&self, path: &str) -> Call {
        self.session_call_with(path, self.cookie().as_deref())
    }

    /// The same with another refresh token.
    pub fn session_call_with(&self, path: &str, cookie: Option<&str>) -> Call {
        let call = self.world.call(Method::POST, path).header("origin", self.world.url());
        match cookie {
            Some(cookie) => call.header("cookie", &format!("{COOKIE}={cookie}")),
            None => call,
        }
    }

    /// Gets a new access token and the next refresh token.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn refresh(&self) -> Result<Answer> {
        let answer = self.session_call("/v1/auth/refresh").send().await?;
        let session: Session = answer.read()?;
        self.keep(session.access_token, &answer);
        Ok(answer)
    }
}

/// The refresh token that an answer sets: `Some(None)` when it takes it away.
#[must_use]
pub fn set_cookie(answer: &Answer) -> Option<Option<String>> {
    let value = answer.header("set-cookie").strip_prefix(COOKIE)?.strip_prefix('=')?;
    let token = value.split(';').next().unwrap_or_default();
    Some((!token.is_empty()).then(|| token.to_owned()))
}

/// The refresh token of an answer that must set one.
///
/// # Errors
/// When it sets none.
pub fn new_cookie(answer: &Answer) -> Result<String> {
    set_cookie(answer).flatten().with_context(|| format!("no {COOKIE} is set: {answer}"))
}
