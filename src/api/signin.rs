//! `/api/users/login` and `/logout`: a session's cookie for programs that act for a person at a screen (`rest-api §2`).
//! The second factor is asked for as on the pages: its code is sent along as `Code`.
//!
//! Whatever is wrong gets the answer that nobody known gets.

use super::{
    caller::{Ask, Reply},
    error,
    users::{self, UserResource},
    wire::{Answer, Described, Sent},
};
use crate::{
    base::{error::Result, secret::Secret},
    company::access::admit::{self, Entry, Offered, Stage},
    http::csrf::{self, SESSION},
};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody signs in with.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Credentials {
    /// Or the e-mail address.
    username: String,
    #[schema(write_only)]
    password: String,
    /// Of the second factor.
    #[schema(write_only)]
    code: String,
}

/// Oneself, and what changes need beside the cookie.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SignedIn {
    #[serde(flatten)]
    user: UserResource,
    /// Sent in the header X-Octopus-Csrf-Token with every call that changes something.
    csrf_token: String,
}

/// A session with its cookie, or why there is none.
pub(super) enum Login {
    In(Box<SignedIn>, String),
    Refused(Reply),
}

impl Answer for Login {
    fn reply(self) -> Result<Reply> {
        match self {
            Login::In(who, cookie) => Ok(Reply::json(StatusCode::OK, &who)?.cookie(cookie)),
            Login::Refused(reply) => Ok(reply),
        }
    }
    fn described() -> Option<(&'static str, Described)> {
        Some(("200", Described::of::<SignedIn>()))
    }
}

/// Signs in.
pub(super) fn login(ask: &Ask, Sent(sent): Sent<Credentials>) -> Result<Login> {
    let call = ask.call;
    let refused = |reply| Ok(Login::Refused(reply));
    let (name, password) = (&sent.username, Secret::new(sent.password.clone()));
    let Some(company) = ask.known_company() else {
        // The work of a sign-in is done for a company that does not exist, too.
        admit::decoy(ask.slug(), name, &password, &call.from)?;
        return refused(error::unauthenticated());
    };
    let Some(signed_in) = admit::sign_in(company, name, &password, &call.from)? else {
        return refused(error::unauthenticated());
    };
    let token = match signed_in.stage {
        Stage::Full => signed_in.token,
        Stage::Enrol => {
            return refused(error::unfinished(
                "This account has no second factor yet. Sign in on the pages and set one up.",
            ));
        }
        Stage::Code => match (
            admit::enter(company, &signed_in.token, &call.from)?,
            Some(sent.code).filter(|code| !code.trim().is_empty()),
        ) {
            (Entry::Pending(pending), Some(code)) => {
                match admit::check_code(company, &pending, &Offered::code(&code), &call.from) {
                    Ok(token) => token,
                    Err(failed) => {
                        admit::sign_out(company, &signed_in.token, &call.from)?;
                        return Err(failed);
                    }
                }
            }
            _ => {
                admit::sign_out(company, &signed_in.token, &call.from)?;
                return refused(error::unfinished("Send the code of your second factor along, as Code."));
            }
        },
    };
    let Entry::Admitted(visitor) = admit::enter(company, &token, &call.from)? else {
        return refused(error::unauthenticated());
    };
    // A browser has one session: the one whose cookie came along ends.
    if let Some(before) = call.cookie(SESSION).filter(|before| *before != token) {
        admit::sign_out(company, before, &call.from)?;
    }
    let cookie = format!("{}={token}; {}", call.cookie_name(SESSION), call.cookie_attributes(company.slug()));
    // What every call that changes something sends in this header beside the cookie.
    let csrf_token = csrf::word(&token);
    Ok(Login::In(Box::new(SignedIn { user: users::draw_of(ask, &visitor)?, csrf_token }), cookie))
}

/// Ends the session of the cookie. Without one there is nothing to end.
pub(super) fn logout(ask: &Ask) -> Result<Reply> {
    let call = ask.call;
    let Some(token) = call.cookie(SESSION) else { return Reply::done() };
    if !csrf::is_ours(call) {
        return Ok(error::unauthenticated());
    }
    if let Some(company) = ask.known_company() {
        admit::sign_out(company, token, &call.from)?;
    }
    let (name, attributes) = (call.cookie_name(SESSION), call.cookie_attributes(ask.slug()));
    Ok(Reply::done()?.cookie(format!("{name}=; {attributes}; Max-Age=0")))
}
