//! `/api/users/login` and `/logout`: a session's cookie for programs that act for a person at a screen (`rest-api §5`).
//! The second factor is asked for as on the pages: its code is sent along as `Code`.
//!
//! Whatever is wrong gets the answer that nobody known gets.

use super::{
    caller::{Ask, Reply},
    error, users,
};
use crate::{
    base::{error::Result, secret::Secret},
    company::access::admit::{self, Entry, Offered, Stage},
    http::csrf::{self, SESSION},
};
use serde_json::json;

/// Signs in with `Username` (or the e-mail address), `Password` and `Code`.
pub(super) fn login(ask: &Ask) -> Result<Reply> {
    let call = ask.call;
    let password = Secret::new(ask.body.text("Password"));
    let Some(company) = ask.known_company() else {
        // The work of a sign-in is done for a company that does not exist, too.
        admit::decoy(ask.slug(), &ask.body.text("Username"), &password, &call.from)?;
        return Ok(error::unauthenticated());
    };
    let Some(signed_in) = admit::sign_in(company, &ask.body.text("Username"), &password, &call.from)? else {
        return Ok(error::unauthenticated());
    };
    let token = match signed_in.stage {
        Stage::Full => signed_in.token,
        Stage::Enrol => {
            return Ok(error::unfinished(
                "This account has no second factor yet. Sign in on the pages and set one up.",
            ));
        }
        Stage::Code => match (admit::enter(company, &signed_in.token, &call.from)?, ask.body.some_text("Code")) {
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
                return Ok(error::unfinished("Send the code of your second factor along, as Code."));
            }
        },
    };
    let Entry::Admitted(visitor) = admit::enter(company, &token, &call.from)? else {
        return Ok(error::unauthenticated());
    };
    // A browser has one session: the one whose cookie came along ends.
    if let Some(before) = call.cookie(SESSION).filter(|before| *before != token) {
        admit::sign_out(company, before, &call.from)?;
    }
    let secure = if call.desk.secure() { "; Secure" } else { "" };
    let cookie =
        format!("{}={token}; Path=/{}; HttpOnly; SameSite=Lax{secure}", call.cookie_name(SESSION), company.slug());
    let mut drawn = users::draw_of(ask, &visitor)?;
    // What every call that changes something sends in this header beside the cookie.
    drawn["CsrfToken"] = json!(csrf::word(&token));
    Ok(Reply::ok(drawn)?.cookie(cookie))
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
    let secure = if call.desk.secure() { "; Secure" } else { "" };
    let name = call.cookie_name(SESSION);
    Ok(Reply::done()?.cookie(format!("{name}=; Path=/{}; HttpOnly; SameSite=Lax{secure}; Max-Age=0", ask.slug())))
}
