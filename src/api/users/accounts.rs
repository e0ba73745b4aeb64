//! `/api/serviceaccounts/{id}/oidcidentities`, and the exchange of a signed token for a short-lived one (`rest-api §2`).

use crate::{
    api::caller::{Ask, Reply},
    base::{
        clock,
        error::{Error, Result},
        ids::{self, Id},
    },
    company::{
        access::{
            At, Within,
            admit::{self, NotTaken},
            permissions::{UserEdit, UserView},
        },
        people::identities::{self, Fields, Identity},
    },
    http::wait_for,
};
use axum::http::StatusCode;
use serde_json::{Value, json};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What people call this server, with the company that was asked for.
fn server(ask: &Ask) -> String {
    format!("{}/{}", ask.call.desk.address(&ask.call.headers), ask.slug())
}

fn account(ask: &Ask) -> Result<At<ids::User>> {
    ask.visitor()?.locate(Within::Company, ask.parameter("id"))
}

fn identity(ask: &Ask) -> Result<Id<ids::OidcIdentity>> {
    let text = ask.parameter("identity");
    Id::parse(text).ok_or_else(|| Error::NotFound(text.to_owned()))
}

fn draw(identity: &Identity) -> Value {
    json!({
        "Id": identity.id.to_string(), "ServiceAccountId": identity.account.to_string(), "Name": identity.name,
        "Issuer": identity.issuer, "Subject": identity.subject, "Audience": identity.audience,
        "Created": identity.created_at.wire(), "LastUsed": identity.last_used_at.map(clock::Moment::wire),
    })
}

/// The identities of a service account.
pub(in crate::api) fn list(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserView {})?;
    let account = account(ask)?;
    let listed = identities::list(&granted, &account, ask.page())?;
    Reply::ok(json!({
        "ServerUrl": server(ask), "ExternalId": identities::external(&granted, &account),
        "OidcIdentities": listed.items.iter().map(draw).collect::<Vec<_>>(), "Count": listed.total,
    }))
}

/// One.
pub(in crate::api) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserView {})?;
    Reply::ok(draw(&identities::show(&granted, &account(ask)?, identity(ask)?)?))
}

fn fields(ask: &Ask) -> Fields {
    Fields {
        name: ask.body.text("Name"),
        issuer: ask.body.text("Issuer"),
        subject: ask.body.text("Subject"),
        audience: ask.body.text("Audience"),
    }
}

/// Adds one.
pub(in crate::api) fn create(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    Reply::created(draw(&identities::create(&granted, &account(ask)?, &fields(ask))?))
}

/// Changes one.
pub(in crate::api) fn update(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    Reply::ok(draw(&identities::edit(&granted, &account(ask)?, identity(ask)?, &fields(ask))?))
}

/// Removes one.
pub(in crate::api) fn delete(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    identities::delete(&granted, &account(ask)?, identity(ask)?)?;
    Reply::ok(json!({}))
}

/// Where tokens are exchanged: what the command line's sign-in looks up first.
pub(in crate::api) fn discovery(ask: &Ask) -> Result<Reply> {
    let server = server(ask);
    Reply::ok(json!({
        "issuer": server, "token_endpoint": format!("{server}/api/token/v1"), "jwks_uri": format!("{server}/api/jwks"),
        "grant_types_supported": [EXCHANGE], "response_types_supported": ["none"], "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["none"], "id_token_signing_alg_values_supported": ["RS256", "ES256"],
    }))
}

/// The keys by which our own tokens could be checked: none, they are looked up and not signed.
pub(in crate::api) fn keys(_ask: &Ask) -> Result<Reply> {
    Reply::ok(json!({ "keys": [] }))
}

fn refused(error: &str, description: impl Into<String>) -> Reply {
    Reply::with(StatusCode::BAD_REQUEST, json!({ "error": error, "error_description": description.into() }))
}

/// Gives a short-lived token for a signed one.
pub(in crate::api) fn exchange(ask: &Ask) -> Result<Reply> {
    if ask.body.text("grant_type") != EXCHANGE {
        return Ok(refused("unsupported_grant_type", format!("Send grant_type {EXCHANGE}.")));
    }
    if ask.body.text("subject_token_type") != JWT {
        return Ok(refused("invalid_request", format!("Send subject_token_type {JWT}.")));
    }
    let from = &ask.call.from;
    let not_taken = |why: NotTaken| Ok(refused("invalid_grant", why.0));
    let Some(company) = ask.known_company() else { return not_taken(admit::unproved()) };
    let offer = match admit::offer(company, &ask.body.text("audience"), &ask.body.text("subject_token"))? {
        Ok(offer) => offer,
        Err(why) => return not_taken(why),
    };
    let keys = match wait_for(ask.call.desk.issuers.keys(&offer.issuer, offer.key.as_deref()))? {
        Ok(keys) => keys,
        Err(sentence) => {
            tracing::warn!(
                company = company.slug(),
                issuer = offer.issuer,
                sentence,
                "an issuer's keys could not be fetched"
            );
            return not_taken(admit::unproved());
        }
    };
    match admit::exchange(company, &offer, &keys, from)? {
        Ok(given) => Reply::ok(json!({
            "access_token": given.token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer",
            "expires_in": (given.until.0 - clock::now().0) / 1000,
        })),
        Err(why) => not_taken(why),
    }
}
