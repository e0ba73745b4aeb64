//! `/api/users/me` beyond the profile: name and e-mail, second factors, recovery codes, sessions, a fresh proof. What is
//! changed in person needs a session; an API key is told so.

use super::{
    caller::Ask,
    users::{self, UserResource},
    wire::{All, Created, Done, Json, NoList, Sent},
};
use crate::{
    base::{
        clock::Moment,
        error::{Error, Fields as Wrong, Result},
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
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What one changes of oneself. What is left out stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct OwnAccount {
    username: Option<String>,
    display_name: Option<String>,
    email_address: Option<String>,
    is_active: Option<bool>,
    is_service: Option<bool>,
    identities: NoList,
    #[schema(write_only)]
    password: String,
}

/// A new password.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct PasswordChange {
    #[schema(write_only)]
    current_password: String,
    #[schema(write_only)]
    new_password: String,
}

/// One's second factors.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OwnFactors {
    items: Vec<FactorResource>,
    recovery_codes_left: i64,
    is_second_factor_required: bool,
}

/// A second factor.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FactorResource {
    id: String,
    name: String,
    /// Passkey or AuthenticatorApp.
    kind: &'static str,
    created: String,
    last_used: Option<String>,
}

/// An authenticator app that is being set up.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AppBegun {
    secret: String,
    /// `otpauth://…`, as apps read it.
    address: String,
}

/// What a browser is asked about a passkey.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PasskeyAsked {
    /// Sent back with the browser's answer.
    ticket: String,
    /// As the browser takes it.
    options: Value,
}

/// A second factor to add: an app by its first code, a passkey by what the browser made.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NewFactor {
    name: String,
    code: String,
    ticket: String,
    passkey: Option<Value>,
}

/// Another name.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct FactorName {
    name: String,
}

/// Recovery codes, told once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RecoveryCodes {
    /// Null where there were some already.
    recovery_codes: Option<Vec<String>>,
}

/// A fresh proof: a code, a passkey, or the password of who has no second factor.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct FreshProof {
    code: String,
    ticket: String,
    passkey: Option<Value>,
    #[schema(write_only)]
    password: String,
}

/// A place where one is signed in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OwnSession {
    id: String,
    began: String,
    last_seen: String,
    ip_address: String,
    user_agent: String,
    is_requestor: bool,
}

/// Somebody who can sign in without a second factor.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WithoutFactor {
    user_id: String,
    display_name: String,
    is_required: bool,
    until: Option<String>,
}

/// Changes one's name, one's e-mail address, or both.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<OwnAccount>) -> Result<Json<UserResource>> {
    let granted = ask.visitor()?.myself()?;
    let present = own::profile(&granted)?;
    let mut wrong = Wrong::new();
    if sent.username.is_some_and(|name| !name.trim().is_empty() && name.trim() != present.username) {
        wrong.add("Username", "One's own username is changed by who may edit users. Leave it out.");
    }
    if sent.is_active == Some(false) || sent.is_service.is_some_and(|service| service != present.is_service) {
        let field = if sent.is_active == Some(false) { "IsActive" } else { "IsService" };
        wrong.add(field, "Nobody changes this of themselves. Leave it out.");
    }
    if !sent.password.is_empty() {
        wrong.add("Password", "Send it to users/me/password, with the present one.");
    }
    wrong.finish()?;
    if let Some(email) = sent.email_address.filter(|email| email.trim() != present.email_address) {
        own::change_email(&granted, &email)?;
    }
    if let Some(name) = sent.display_name.filter(|name| name.trim() != present.display_name) {
        own::rename(&granted, &name)?;
    }
    users::me(ask)
}

/// Changes one's password; all other sessions end.
pub(super) fn change_password(ask: &Ask, Sent(sent): Sent<PasswordChange>) -> Result<Done> {
    let (current, new) = (Secret::new(sent.current_password), Secret::new(sent.new_password));
    own::change_password(&ask.visitor()?.myself()?, &current, &new)?;
    Ok(Done)
}

/// One's second factors, and how many recovery codes are left.
pub(super) fn list(ask: &Ask) -> Result<Json<OwnFactors>> {
    let granted = ask.visitor()?.myself()?;
    let items = factors::list(&granted)?.into_iter().map(|factor| FactorResource {
        id: factor.id.to_string(),
        name: factor.name,
        kind: if factor.is_passkey { "Passkey" } else { "AuthenticatorApp" },
        created: factor.created_at.wire(),
        last_used: factor.last_used_at.map(Moment::wire),
    });
    let items = items.collect();
    let (ways, demanded) = (factors::ways(&granted)?, factors::is_demanded(&granted)?);
    Ok(Json(OwnFactors { items, recovery_codes_left: ways.recovery, is_second_factor_required: demanded }))
}

/// Begins the setting up of an authenticator app.
pub(super) fn begin_app(ask: &Ask) -> Result<Created<AppBegun>> {
    let enrolment = factors::begin_app(&ask.visitor()?.myself()?)?;
    Ok(Created(AppBegun { secret: enrolment.secret, address: enrolment.address }))
}

fn site(ask: &Ask) -> Result<Site> {
    let nowhere = "Passkeys do not work at this address: they need the server's public address with HTTPS.";
    ask.call.site().ok_or_else(|| Error::Conflict(nowhere.into()))
}

fn asked_of_browser(challenge: Challenge) -> Result<Created<PasskeyAsked>> {
    let options = serde_json::from_str(&challenge.options)?;
    Ok(Created(PasskeyAsked { ticket: challenge.ticket, options }))
}

/// What the browser answered: an object, or the same as text.
fn answer_of(answer: &Value) -> String {
    answer.as_str().map_or_else(|| answer.to_string(), str::to_owned)
}

/// Begins the making of a passkey: what the browser is asked.
pub(super) fn begin_passkey(ask: &Ask) -> Result<Created<PasskeyAsked>> {
    asked_of_browser(factors::begin_passkey(&ask.visitor()?.myself()?, &site(ask)?)?)
}

/// Begins a fresh proof by a passkey: what the browser is asked. Its answer is sent with the ticket to [`prove`].
pub(super) fn begin_proof(ask: &Ask) -> Result<Created<PasskeyAsked>> {
    let none = || Error::Conflict("A session with a passkey can prove itself by one; there is none here.".into());
    asked_of_browser(admit::passkey_to_prove(ask.visitor()?, &site(ask)?)?.ok_or_else(none)?)
}

/// Adds what was begun: the app by its first code, the passkey by what the browser made. This answer alone carries the
/// recovery codes that come with the first factor.
pub(super) fn add(ask: &Ask, Sent(sent): Sent<NewFactor>) -> Result<Created<RecoveryCodes>> {
    let granted = ask.visitor()?.myself()?;
    let recovery_codes = match &sent.passkey {
        Some(answer) => factors::add_passkey(&granted, &sent.name, &sent.ticket, &answer_of(answer))?,
        None => factors::add_app(&granted, &sent.name, &sent.code)?,
    };
    Ok(Created(RecoveryCodes { recovery_codes }))
}

fn factor(ask: &Ask) -> Result<i64> {
    let asked = ask.parameter("factor");
    asked.parse().map_err(|_| Error::NotFound(asked.to_owned()))
}

/// Renames one.
pub(super) fn rename(ask: &Ask, Sent(sent): Sent<FactorName>) -> Result<Json<OwnFactors>> {
    factors::rename(&ask.visitor()?.myself()?, factor(ask)?, &sent.name)?;
    list(ask)
}

/// Removes one.
pub(super) fn remove(ask: &Ask) -> Result<Done> {
    factors::remove(&ask.visitor()?.myself()?, factor(ask)?)?;
    Ok(Done)
}

/// Makes new recovery codes; this answer alone carries them.
pub(super) fn renew_codes(ask: &Ask) -> Result<Created<RecoveryCodes>> {
    let codes = factors::renew_recovery_codes(&ask.visitor()?.myself()?)?;
    Ok(Created(RecoveryCodes { recovery_codes: Some(codes) }))
}

/// Gives the session a fresh proof.
pub(super) fn prove(ask: &Ask, Sent(sent): Sent<FreshProof>) -> Result<Done> {
    let offered = Offered {
        code: sent.code,
        ticket: sent.ticket,
        passkey: sent.passkey.as_ref().map(answer_of).unwrap_or_default(),
        password: Some(sent.password).filter(|text| !text.trim().is_empty()).map(Secret::new),
    };
    admit::prove(ask.visitor()?, &offered, &ask.call.from)?;
    Ok(Done)
}

/// Where one is signed in.
pub(super) fn sessions(ask: &Ask) -> Result<All<OwnSession>> {
    let drawn = own::sessions(&ask.visitor()?.myself()?)?.into_iter().map(|session| OwnSession {
        id: session.id.to_string(),
        began: session.began_at.wire(),
        last_seen: session.last_seen_at.wire(),
        ip_address: session.address,
        user_agent: session.agent,
        is_requestor: session.is_this,
    });
    Ok(All(drawn.collect()))
}

/// Ends one of one's sessions, or with `others` all but the present one.
pub(super) fn end_session(ask: &Ask) -> Result<Done> {
    let granted = ask.visitor()?.myself()?;
    match ask.parameter("session") {
        "others" => own::end_other_sessions(&granted).map(drop)?,
        number => {
            let id = number.parse().map_err(|_| Error::NotFound(number.to_owned()))?;
            own::end_session(&granted, id)?;
        }
    }
    Ok(Done)
}

/// Who can sign in without a second factor, and of whom one is demanded.
pub(super) fn lacking(ask: &Ask) -> Result<All<WithoutFactor>> {
    let granted = ask.visitor()?.ask(UserView {})?;
    let drawn = factors::lacking(&granted)?.into_iter().map(|one| WithoutFactor {
        user_id: one.user.id.to_string(),
        display_name: one.user.display_name,
        is_required: one.is_demanded,
        until: one.until.map(Moment::wire),
    });
    Ok(All(drawn.collect()))
}

/// Takes all second factors from somebody who lost them.
pub(super) fn reset(ask: &Ask) -> Result<Done> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(UserEdit {})?;
    let user: At<ids::User> = visitor.locate(Within::Company, ask.parameter("id"))?;
    factors::reset_for(&granted, &user)?;
    Ok(Done)
}
