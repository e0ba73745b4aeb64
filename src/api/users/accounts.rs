//! `/api/serviceaccounts/{id}/oidcidentities`, and the exchange of a signed token for a short-lived one (`rest-api §2`).

use crate::{
    api::{
        caller::{Ask, Reply},
        resource,
        wire::{Answer, Created, Described, Json, Query, Sent},
    },
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
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// An OIDC identity on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::api) struct OidcIdentityResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    service_account_id: String,
    name: String,
    /// Who signs the tokens: an https address.
    issuer: String,
    /// For whom they are signed; `*` stands for any letters, `?` for one.
    subject: String,
    /// Empty: the account's external id.
    audience: String,
    #[schema(read_only)]
    created: String,
    #[schema(read_only)]
    last_used: Option<String>,
}

/// The identities of a service account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::api) struct OidcIdentityList {
    server_url: String,
    external_id: String,
    oidc_identities: Vec<OidcIdentityResource>,
    count: i64,
}

/// Where tokens are exchanged.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct OpenIdConfiguration {
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
    grant_types_supported: Vec<&'static str>,
    response_types_supported: Vec<&'static str>,
    subject_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    id_token_signing_alg_values_supported: Vec<&'static str>,
}

/// Keys by which tokens could be checked.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct KeySet {
    keys: Vec<String>,
}

/// A signed token that is offered.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::api) struct TokenOffer {
    grant_type: String,
    /// The external id of the service account.
    audience: String,
    subject_token_type: String,
    #[schema(write_only)]
    subject_token: String,
}

/// A short-lived token.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct TokenGiven {
    access_token: String,
    issued_token_type: &'static str,
    token_type: &'static str,
    expires_in: i64,
}

/// Why no token is given.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct TokenRefused {
    error: &'static str,
    error_description: String,
}

/// What an offer gets.
pub(in crate::api) enum Exchanged {
    Given(TokenGiven),
    Refused(TokenRefused),
}

impl Answer for Exchanged {
    fn reply(self) -> Result<Reply> {
        match self {
            Exchanged::Given(given) => Reply::json(StatusCode::OK, &given),
            Exchanged::Refused(refused) => Reply::json(StatusCode::BAD_REQUEST, &refused),
        }
    }
    fn described() -> Option<(&'static str, Described)> {
        Some(("200", Described::of::<TokenGiven>()))
    }
}

/// What people call this server, with the company that was asked for.
fn server(ask: &Ask) -> String {
    ask.call.address_of(ask.slug())
}

fn account(ask: &Ask) -> Result<At<ids::User>> {
    ask.visitor()?.locate(Within::Company, ask.parameter("id"))
}

fn identity(ask: &Ask) -> Result<Id<ids::OidcIdentity>> {
    let text = ask.parameter("identity");
    Id::parse(text).ok_or_else(|| Error::NotFound(text.to_owned()))
}

fn draw(identity: &Identity) -> OidcIdentityResource {
    OidcIdentityResource {
        id: identity.id.to_string(),
        service_account_id: identity.account.to_string(),
        name: identity.name.clone(),
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        audience: identity.audience.clone(),
        created: identity.created_at.wire(),
        last_used: identity.last_used_at.map(clock::Moment::wire),
    }
}

/// The identities of a service account.
pub(in crate::api) fn list(ask: &Ask, _: Query<resource::Paged>) -> Result<Json<OidcIdentityList>> {
    let granted = ask.visitor()?.ask(UserView {})?;
    let account = account(ask)?;
    let listed = identities::list(&granted, &account, ask.page())?;
    Ok(Json(OidcIdentityList {
        server_url: server(ask),
        external_id: identities::external(&granted, &account),
        oidc_identities: listed.items.iter().map(draw).collect(),
        count: listed.total,
    }))
}

/// One.
pub(in crate::api) fn show(ask: &Ask) -> Result<Json<OidcIdentityResource>> {
    let granted = ask.visitor()?.ask(UserView {})?;
    Ok(Json(draw(&identities::show(&granted, &account(ask)?, identity(ask)?)?)))
}

impl OidcIdentityResource {
    fn fields(self) -> Fields {
        Fields { name: self.name, issuer: self.issuer, subject: self.subject, audience: self.audience }
    }
}

/// Adds one.
pub(in crate::api) fn create(
    ask: &Ask,
    Sent(sent): Sent<OidcIdentityResource>,
) -> Result<Created<OidcIdentityResource>> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    Ok(Created(draw(&identities::create(&granted, &account(ask)?, &sent.fields())?)))
}

/// Changes one.
pub(in crate::api) fn update(ask: &Ask, Sent(sent): Sent<OidcIdentityResource>) -> Result<Json<OidcIdentityResource>> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    Ok(Json(draw(&identities::edit(&granted, &account(ask)?, identity(ask)?, &sent.fields())?)))
}

/// An answer with nothing in it.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Empty {}

/// Removes one. The client reads an object.
pub(in crate::api) fn delete(ask: &Ask) -> Result<Json<Empty>> {
    let granted = ask.visitor()?.ask(UserEdit {})?;
    identities::delete(&granted, &account(ask)?, identity(ask)?)?;
    Ok(Json(Empty {}))
}

/// Where tokens are exchanged: what the command line's sign-in looks up first.
pub(in crate::api) fn discovery(ask: &Ask) -> Result<Json<OpenIdConfiguration>> {
    let server = server(ask);
    Ok(Json(OpenIdConfiguration {
        token_endpoint: format!("{server}/api/token/v1"),
        jwks_uri: format!("{server}/api/jwks"),
        issuer: server,
        grant_types_supported: vec![EXCHANGE],
        response_types_supported: vec!["none"],
        subject_types_supported: vec!["public"],
        token_endpoint_auth_methods_supported: vec!["none"],
        id_token_signing_alg_values_supported: vec!["RS256", "ES256"],
    }))
}

/// The keys by which our own tokens could be checked: none, they are looked up and not signed.
pub(in crate::api) fn keys(_ask: &Ask) -> Result<Json<KeySet>> {
    Ok(Json(KeySet { keys: Vec::new() }))
}

fn refused(error: &'static str, description: impl Into<String>) -> Exchanged {
    Exchanged::Refused(TokenRefused { error, error_description: description.into() })
}

/// Gives a short-lived token for a signed one.
pub(in crate::api) fn exchange(ask: &Ask, Sent(sent): Sent<TokenOffer>) -> Result<Exchanged> {
    if sent.grant_type != EXCHANGE {
        return Ok(refused("unsupported_grant_type", format!("Send grant_type {EXCHANGE}.")));
    }
    if sent.subject_token_type != JWT {
        return Ok(refused("invalid_request", format!("Send subject_token_type {JWT}.")));
    }
    let from = &ask.call.from;
    let not_taken = |why: NotTaken| Ok(refused("invalid_grant", why.0));
    let Some(company) = ask.known_company() else { return not_taken(admit::unproved()) };
    let offer = match admit::offer(company, &sent.audience, &sent.subject_token)? {
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
        Ok(given) => Ok(Exchanged::Given(TokenGiven {
            access_token: given.token,
            issued_token_type: ACCESS_TOKEN,
            token_type: "Bearer",
            expires_in: (given.until.0 - clock::now().0) / 1000,
        })),
        Err(why) => not_taken(why),
    }
}
