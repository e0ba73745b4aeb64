//! `/api/users/me` beyond the profile: name and e-mail, second factors, recovery codes, sessions, a fresh proof. What is
//! changed in person needs a session; an API key is told so.

use super::caller::{Ask, Reply};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Result},
        ids,
        secret::Secret,
    },
    company::{
        access::{
            At, Within,
            admit::{self, Challenge, Offered, Site},
            permissions::{UserEdit, UserView},
        },
        people::{factors, own},
    },
};
use serde_json::{Value, json};

/// Changes one's name, one's e-mail address, or both.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.myself()?;
    let present = own::profile(&granted)?;
    if ask.body.has("EmailAddress") && ask.body.text("EmailAddress").trim() != present.email_address {
        own::change_email(&granted, &ask.body.text("EmailAddress"))?;
    }
    if ask.body.has("DisplayName") && ask.body.text("DisplayName").trim() != present.display_name {
        own::rename(&granted, &ask.body.text("DisplayName"))?;
    }
    super::users::me(ask)
}

/// Changes one's password; all other sessions end.
pub(super) fn change_password(ask: &Ask) -> Result<Reply> {
    let (current, new) = (Secret::new(ask.body.text("CurrentPassword")), Secret::new(ask.body.text("NewPassword")));
    own::change_password(&ask.visitor()?.myself()?, &current, &new)?;
    Reply::done()
}

/// One's second factors, and how many recovery codes are left.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.myself()?;
    let drawn = factors::list(&granted)?.into_iter().map(|factor| {
        json!({
            "Id": factor.id.to_string(), "Name": factor.name, "Kind": if factor.is_passkey { "Passkey" } else { "AuthenticatorApp" },
            "Created": factor.created_at.wire(), "LastUsed": factor.last_used_at.map(Moment::wire),
        })
    });
    let drawn: Vec<Value> = drawn.collect();
    let (ways, demanded) = (factors::ways(&granted)?, factors::is_demanded(&granted)?);
    Reply::ok(json!({ "Items": drawn, "RecoveryCodesLeft": ways.recovery, "IsSecondFactorRequired": demanded }))
}

/// Begins the setting up of an authenticator app.
pub(super) fn begin_app(ask: &Ask) -> Result<Reply> {
    let enrolment = factors::begin_app(&ask.visitor()?.myself()?)?;
    Reply::created(json!({ "Secret": enrolment.secret, "Address": enrolment.address }))
}

fn site(ask: &Ask) -> Result<Site> {
    let nowhere = "Passkeys do not work at this address: they need the server's public address with HTTPS.";
    ask.call.site().ok_or_else(|| Error::Conflict(nowhere.into()))
}

fn asked_of_browser(challenge: &Challenge) -> Result<Reply> {
    let options: Value = serde_json::from_str(&challenge.options)?;
    Reply::created(json!({ "Ticket": challenge.ticket, "Options": options }))
}

/// What the browser answered: an object, or the same as text.
fn answer_of(answer: &Value) -> String {
    answer.as_str().map_or_else(|| answer.to_string(), str::to_owned)
}

/// Begins the making of a passkey: what the browser is asked.
pub(super) fn begin_passkey(ask: &Ask) -> Result<Reply> {
    asked_of_browser(&factors::begin_passkey(&ask.visitor()?.myself()?, &site(ask)?)?)
}

/// Begins a fresh proof by a passkey: what the browser is asked. Its answer is sent with the ticket to [`prove`].
pub(super) fn begin_proof(ask: &Ask) -> Result<Reply> {
    let none = || Error::Conflict("A session with a passkey can prove itself by one; there is none here.".into());
    asked_of_browser(&admit::passkey_to_prove(ask.visitor()?, &site(ask)?)?.ok_or_else(none)?)
}

/// Adds what was begun: the app by its first code, the passkey by what the browser made. This answer alone carries the
/// recovery codes that come with the first factor.
pub(super) fn add(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.myself()?;
    let name = ask.body.text("Name");
    let codes = match ask.body.get("Passkey") {
        Some(answer) => factors::add_passkey(&granted, &name, &ask.body.text("Ticket"), &answer_of(answer))?,
        None => factors::add_app(&granted, &name, &ask.body.text("Code"))?,
    };
    Reply::created(json!({ "RecoveryCodes": codes }))
}

fn factor(ask: &Ask) -> Result<i64> {
    let asked = ask.parameter("factor");
    asked.parse().map_err(|_| Error::NotFound(asked.to_owned()))
}

/// Renames one.
pub(super) fn rename(ask: &Ask) -> Result<Reply> {
    factors::rename(&ask.visitor()?.myself()?, factor(ask)?, &ask.body.text("Name"))?;
    list(ask)
}

/// Removes one.
pub(super) fn remove(ask: &Ask) -> Result<Reply> {
    factors::remove(&ask.visitor()?.myself()?, factor(ask)?)?;
    Reply::done()
}

/// Makes new recovery codes; this answer alone carries them.
pub(super) fn renew_codes(ask: &Ask) -> Result<Reply> {
    Reply::created(json!({ "RecoveryCodes": factors::renew_recovery_codes(&ask.visitor()?.myself()?)? }))
}

/// Gives the session a fresh proof: a code, a passkey, or the password of who has no second factor.
pub(super) fn prove(ask: &Ask) -> Result<Reply> {
    let offered = Offered {
        code: ask.body.text("Code"),
        ticket: ask.body.text("Ticket"),
        passkey: ask.body.get("Passkey").map(answer_of).unwrap_or_default(),
        password: ask.body.some_text("Password").map(Secret::new),
    };
    admit::prove(ask.visitor()?, &offered, &ask.call.from)?;
    Reply::done()
}

/// Where one is signed in.
pub(super) fn sessions(ask: &Ask) -> Result<Reply> {
    let drawn = own::sessions(&ask.visitor()?.myself()?)?.into_iter().map(|session| {
        json!({
            "Id": session.id.to_string(), "Began": session.began_at.wire(), "LastSeen": session.last_seen_at.wire(),
            "IpAddress": session.address, "UserAgent": session.agent, "IsRequestor": session.is_this,
        })
    });
    Reply::ok(Value::Array(drawn.collect()))
}

/// Ends one of one's sessions, or with `others` all but the present one.
pub(super) fn end_session(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.myself()?;
    match ask.parameter("session") {
        "others" => own::end_other_sessions(&granted).map(drop)?,
        number => {
            let id = number.parse().map_err(|_| Error::NotFound(number.to_owned()))?;
            own::end_session(&granted, id)?;
        }
    }
    Reply::done()
}

/// Who can sign in without a second factor, and of whom one is demanded.
pub(super) fn lacking(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserView {})?;
    let drawn = factors::lacking(&granted)?.into_iter().map(|one| {
        json!({
            "UserId": one.user.id.to_string(), "DisplayName": one.user.display_name, "IsRequired": one.is_demanded,
            "Until": one.until.map(Moment::wire),
        })
    });
    Reply::ok(Value::Array(drawn.collect()))
}

/// Takes all second factors from somebody who lost them.
pub(super) fn reset(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(UserEdit {})?;
    let user: At<ids::User> = visitor.locate(Within::Company, ask.parameter("id"))?;
    factors::reset_for(&granted, &user)?;
    Reply::done()
}
