//! Sign-up, sign-in, and the life of a session.
//!
//! Invariant: an unknown address and a wrong password get the same answer after the same work, and both count.

use axum::response::{AppendHeaders, IntoResponse};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use slipway_contract::http::auth::{LogIn, Session, SignUp, User};
use slipway_contract::{Problem, ProblemCode, SessionId};
use slipway_domain::identity::session::Rotation;
use slipway_domain::identity::throttle::Subject;
use slipway_domain::{identity as rules, names};
use slipway_edge::ids;
use slipway_edge::log::Line;
use slipway_store::sessions::EndReason;
use slipway_store::signin_attempts::Counted;
use slipway_store::{Db, IdentityDb, sessions, signin_attempts, users};

use crate::cookies;
use crate::errand::Errand;
use crate::extract::{Body, Caller, NotForeign, SameOrigin};
use crate::identity::{access, digest, password, refresh as tokens};
use crate::refusal::Refusal;
use crate::reply::{Done, Json};
use crate::settings::Settings;

/// A reply with the cookie it sets.
pub(super) type WithCookie<T> = (AppendHeaders<Option<(HeaderName, HeaderValue)>>, T);

/// Makes an account and signs in.
#[utoipa::path(
    post, path = "/v1/auth/signup", tag = "identity", security(()), request_body = SignUp,
    responses((status = 201, body = Session), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn sign_up(
    errand: Errand,
    _page: NotForeign,
    Body(asked): Body<SignUp>,
) -> Result<impl IntoResponse, Refusal> {
    let email = rules::email(&asked.email)?;
    rules::password(&asked.password)?;
    let display_name = names::name("display_name", &asked.display_name)?;
    let user = User { id: ids::fresh(), email, display_name };
    let hash = password::hash(&asked.password, ids::random()).ok_or(ProblemCode::Internal)?;
    let session = ids::fresh();
    let mut db = errand.dial().await?.identity();
    users::create(&mut db, &user, &hash, errand.now()).await?;
    sessions::begin(&mut db, session, user.id, errand.now()).await?;
    db.commit().await?;
    errand.line(Line::info("account_made").user(user.id)).emit();
    let (cookie, begun) = begun(&errand, user, session, 0)?;
    Ok((cookie, Json::created(begun)))
}

/// Signs in.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "identity", security(()), request_body = LogIn,
    responses((status = 200, body = Session), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn log_in(
    errand: Errand,
    _page: NotForeign,
    headers: HeaderMap,
    Body(asked): Body<LogIn>,
) -> Result<impl IntoResponse, Refusal> {
    let email = rules::email(&asked.email)?;
    let counted = counted(&email, &headers);
    let mut db = errand.dial().await?.identity();
    count_attempt(&errand, &mut db, &counted).await?;
    let account = users::find_by_email(&mut db, &email).await?;
    let db = db.commit().await?;
    let stored = account.as_ref().map(|account| account.password_hash.as_str());
    let Some(account) = account.as_ref().filter(|_| password::matches(&asked.password, stored)) else {
        // Without an account the work is done all the same.
        if account.is_none() {
            password::matches(&asked.password, None);
        }
        errand.line(Line::info("signin_refused")).emit();
        return Err(ProblemCode::WrongCredentials.into());
    };
    let session = ids::fresh();
    let mut db = db.identity();
    signin_attempts::forgive(&mut db, &counted).await?;
    sessions::begin(&mut db, session, account.user.id, errand.now()).await?;
    db.commit().await?;
    let (cookie, begun) = begun(&errand, account.user.clone(), session, 0)?;
    Ok((cookie, Json::ok(begun)))
}

/// A new access token for the refresh cookie, which is renewed too. An old cookie ends the whole sign-in.
#[utoipa::path(
    post, path = "/v1/auth/refresh", tag = "identity", security(()),
    responses((status = 200, body = Session), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn refresh(
    errand: Errand,
    _page: SameOrigin,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let (session, generation) = presented(&errand, &headers)?.ok_or(ProblemCode::SessionEnded)?;
    let mut db = errand.dial().await?.identity();
    let (user, state) = sessions::lock(&mut db, session).await?.ok_or(ProblemCode::SessionEnded)?;
    errand.is_by(user.id);
    let newest = match state.present(generation, errand.now()) {
        Rotation::Rotate { to } => {
            sessions::rotate(&mut db, session, to, errand.now()).await?;
            db.commit().await?;
            to
        }
        Rotation::Repeat { newest } => newest,
        Rotation::Reused => {
            sessions::end(&mut db, session, EndReason::Reuse, errand.now()).await?;
            db.commit().await?;
            errand.line(Line::warn("refresh_token_reused")).emit();
            return Err(ProblemCode::SessionEnded.into());
        }
        Rotation::Ended => return Err(ProblemCode::SessionEnded.into()),
    };
    let (cookie, begun) = begun(&errand, user, session, newest)?;
    Ok((cookie, Json::ok(begun)))
}

/// Ends the sign-in of the refresh cookie. Without one there is nothing to end, and that is fine.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "identity", security(()),
    responses((status = 204), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn log_out(
    errand: Errand,
    _page: SameOrigin,
    headers: HeaderMap,
) -> Result<WithCookie<Done>, Refusal> {
    if let Some((session, _)) = presented(&errand, &headers)? {
        let mut db = errand.dial().await?.identity();
        sessions::end(&mut db, session, EndReason::LogOut, errand.now()).await?;
        db.commit().await?;
    }
    ended(&errand)
}

/// Ends all the caller's sign-ins, this one too.
#[utoipa::path(
    post, path = "/v1/auth/logout-all", tag = "identity",
    responses((status = 204), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn log_out_everywhere(errand: Errand, caller: Caller) -> Result<WithCookie<Done>, Refusal> {
    let db: Db = errand.dial().await?;
    let mut db = db.identity();
    sessions::end_all(&mut db, caller.user, errand.now()).await?;
    db.commit().await?;
    ended(&errand)
}

/// Counts one more try of a password, unless there were too many: before the password is looked at, so that many guesses at
/// once are still counted one by one.
pub(super) async fn count_attempt(
    errand: &Errand,
    db: &mut IdentityDb,
    counted: &[Counted],
) -> Result<(), Refusal> {
    let before = signin_attempts::lock(db, counted, errand.now()).await?;
    let waits =
        counted.iter().zip(&before).map(|(one, attempts)| attempts.wait_ms(one.subject, errand.now()));
    if let Some(wait @ 1..) = waits.max() {
        errand.line(Line::warn("signin_throttled").number("wait_ms", wait)).emit();
        let seconds = u32::try_from(wait.saturating_add(999) / 1000).unwrap_or(u32::MAX);
        return Err(Problem::new(ProblemCode::RateLimited).retry_after(seconds).into());
    }
    let after = before.iter().map(|attempts| attempts.after_one_more(errand.now())).collect::<Vec<_>>();
    signin_attempts::record(db, counted, &after, errand.now()).await?;
    Ok(())
}

/// What attempts at this address are counted by. The platform says where the client is; without it only the address counts.
pub(super) fn counted(email: &str, headers: &HeaderMap) -> Vec<Counted> {
    let client = headers.get("cf-connecting-ip").and_then(|value| value.to_str().ok());
    let address = Counted { subject: Subject::Address, key: digest::hex(email) };
    let client = client.map(|ip| Counted { subject: Subject::Client, key: digest::hex(ip) });
    core::iter::once(address).chain(client).collect()
}

fn presented(errand: &Errand, headers: &HeaderMap) -> Result<Option<(SessionId, u64)>, Problem> {
    let settings = Settings::of(errand.env())?;
    Ok(cookies::read(headers).and_then(|token| tokens::verify(&settings.keys, token)))
}

fn begun(
    errand: &Errand,
    user: User,
    session: SessionId,
    generation: u64,
) -> Result<WithCookie<Session>, Refusal> {
    let settings = Settings::of(errand.env())?;
    let issued = access::issue(&settings.keys, user.id, session, errand.now());
    let (access_token, expires_at) = issued.ok_or(ProblemCode::Internal)?;
    let cookie = cookies::set(settings, &tokens::issue(&settings.keys, session, generation));
    let cookie = AppendHeaders(cookie.map(|value| (header::SET_COOKIE, value)));
    Ok((cookie, Session { access_token, expires_at, user }))
}

fn ended(errand: &Errand) -> Result<WithCookie<Done>, Refusal> {
    without_cookie(errand, Done)
}

/// A reply that takes the cookie back.
pub(super) fn without_cookie<T>(errand: &Errand, reply: T) -> Result<WithCookie<T>, Refusal> {
    let cookie = cookies::clear(Settings::of(errand.env())?);
    Ok((AppendHeaders(cookie.map(|value| (header::SET_COOKIE, value))), reply))
}
