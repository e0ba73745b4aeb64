//! `/api/{space}/accounts`.

use super::{
    caller::Ask,
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, NoList, Query, Sensitive, Sent, refer},
};
use crate::{
    base::{
        error::Result,
        ids,
        paging::{Listed, Page},
        secret::Secret,
    },
    company::{
        access::{
            At,
            permissions::{AccountCreate, AccountDelete, AccountEdit, AccountView, After, List},
        },
        targets::accounts::{self, Account, Change, Fields, Filter, Method},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An account on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct AccountResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    name: String,
    /// Empty: made of the first name, and kept.
    slug: String,
    description: String,
    account_type: Option<AccountKind>,
    username: String,
    /// Where it may be used; empty: everywhere.
    environment_ids: Vec<refer::Environment>,
    tenanted_deployment_participation: Untenanted,
    tenant_ids: NoList,
    tenant_tags: NoList,
    /// Of `UsernamePassword`.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<Sensitive>,
    /// Of `SshKeyPair`: the file in base 64, or its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key_file: Option<Sensitive>,
    /// Of `SshKeyPair`.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key_passphrase: Option<Sensitive>,
    #[schema(read_only)]
    links: Links,
}

/// How one signs in.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub(super) enum AccountKind {
    /// A private key.
    SshKeyPair,
    /// A password.
    UsernamePassword,
}

wire::fixed! {
    /// Accounts are not limited to tenants yet.
    Untenanted(UntenantedValue) = "Untenanted";
}

/// Which accounts.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AccountQuery {
    ids: Option<Vec<String>>,
    name: String,
    partial_name: String,
    account_type: Vec<String>,
}

fn draw(ask: &Ask, account: &Account) -> AccountResource {
    let own = format!("{}/accounts/{}", resource::space_api(ask, account.space.0), account.id);
    let is_key = account.method == Method::SshKeyPair;
    AccountResource {
        id: account.id.to_string(),
        space_id: account.space.to_string(),
        name: account.name.clone(),
        slug: account.slug.clone(),
        description: account.description.clone(),
        account_type: Some(if is_key { AccountKind::SshKeyPair } else { AccountKind::UsernamePassword }),
        username: account.username.clone(),
        environment_ids: account.environments.iter().map(|id| (*id).into()).collect(),
        password: (!is_key).then(|| Sensitive::kept(account.has_secret)),
        private_key_file: is_key.then(|| Sensitive::kept(account.has_secret)),
        private_key_passphrase: is_key.then(|| Sensitive::kept(account.has_passphrase)),
        links: Links::of(&own, &[]),
        ..AccountResource::default()
    }
}

fn located(ask: &Ask) -> Result<At<ids::Account>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

fn environments(ask: &Ask, sent: &AccountResource) -> Result<Vec<At<ids::Environment>>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    sent.environment_ids.iter().map(|name| visitor.named(&space, name.text())).collect()
}

/// What a sensitive value means for the account.
fn change(sent: Option<Sensitive>) -> Change {
    match sent {
        Some(Sensitive::Set(secret)) => Change::Set(secret),
        Some(Sensitive::Clear) => Change::Clear,
        Some(Sensitive::Keep) | None => Change::Keep,
    }
}

/// Clients send a key's file in base 64; its text as it is will do too.
fn key(change: Change) -> Change {
    let Change::Set(secret) = &change else { return change };
    let plain: String = secret.expose().split_ascii_whitespace().collect();
    if secret.expose().contains("-----BEGIN") {
        return change;
    }
    match data_encoding::BASE64.decode(plain.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => Change::Set(Secret::new(text)),
        None => change,
    }
}

impl AccountResource {
    fn fields(self) -> Fields {
        let secret = match (self.account_type, self.private_key_file) {
            (Some(AccountKind::SshKeyPair), sent) | (None, sent @ Some(_)) => key(change(sent)),
            _ => change(self.password),
        };
        Fields {
            name: self.name,
            description: self.description,
            method: self.account_type.map(|kind| match kind {
                AccountKind::SshKeyPair => Method::SshKeyPair,
                AccountKind::UsernamePassword => Method::UsernamePassword,
            }),
            username: self.username,
            secret,
            passphrase: change(self.private_key_passphrase),
            slug: self.slug,
        }
    }
}

fn listed(ask: &Ask, query: &AccountQuery, page: Page) -> Result<Listed<Account>> {
    let granted = ask.visitor()?.ask(List::<AccountView>::of(&ask.space()?))?;
    let kinds: Vec<Method> = query.account_type.iter().filter_map(|text| Method::named(text)).collect();
    if !query.account_type.is_empty() && kinds.is_empty() {
        return Ok(Listed { items: Vec::new(), total: 0 });
    }
    let name = if query.partial_name.is_empty() { &query.name } else { &query.partial_name };
    let filter = Filter {
        partial_name: name.clone(),
        ids: query.ids.as_deref().map(wire::numbers::<ids::Account>),
        method: if kinds.len() == 1 { kinds.first().copied() } else { None },
    };
    accounts::list(&granted, &filter, page)
}

/// A page of them.
pub(super) fn list(ask: &Ask, query: Query<AccountQuery>) -> Result<Collection<AccountResource>> {
    let own = format!("{}/accounts", resource::space_api(ask, ask.space()?.id().0));
    let listed = listed(ask, &query, ask.page())?;
    Ok(wire::collection(ask, &query, &own, "Account", listed, ask.page(), |account| draw(ask, account)))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<AccountQuery>) -> Result<All<AccountResource>> {
    Ok(All(listed(ask, &query, Page::ALL)?.items.iter().map(|account| draw(ask, account)).collect()))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<AccountResource>> {
    let granted = ask.visitor()?.ask(AccountView { account: located(ask)? })?;
    Ok(Json(draw(ask, &accounts::show(&granted)?)))
}

/// Makes one.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<AccountResource>) -> Result<Created<AccountResource>> {
    let what = AccountCreate { space: ask.space()?, environments: environments(ask, &sent)? };
    let granted = ask.visitor()?.ask(what)?;
    Ok(Created(draw(ask, &accounts::create(&granted, sent.fields())?)))
}

/// Changes one.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<AccountResource>) -> Result<Json<AccountResource>> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(AccountEdit { account: located(ask)? })?;
    let after = After::of(&ask.space()?, environments(ask, &sent)?, Vec::new());
    let after = visitor.ask::<After<AccountEdit>>(after)?;
    Ok(Json(draw(ask, &accounts::edit(&granted, &after, sent.fields())?)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Done> {
    accounts::delete(&ask.visitor()?.ask(AccountDelete { account: located(ask)? })?)?;
    Ok(Done)
}
