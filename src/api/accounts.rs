//! `/api/{space}/accounts`.

use super::{
    caller::{Ask, Body, Reply},
    resource::{self, wire},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
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
use serde_json::{Value, json};

fn draw(ask: &Ask, account: &Account) -> Value {
    let own = format!("{}/accounts/{}", resource::space_api(ask, account.space.0), account.id);
    let environments: Vec<String> = account.environments.iter().map(Id::to_string).collect();
    let kept = |is_set: bool| json!({ "HasValue": is_set, "NewValue": null, "Hint": null });
    let mut value = json!({
        "Id": account.id.to_string(), "SpaceId": wire::<ids::Space>(account.space.0), "Name": account.name, "Slug": account.slug,
        "Description": account.description, "AccountType": account.method.name(), "Username": account.username,
        "EnvironmentIds": environments, "TenantedDeploymentParticipation": "Untenanted", "TenantIds": [], "TenantTags": [],
        "Links": resource::links(&own, &[]),
    });
    value[accounts::secret_field(account.method)] = kept(account.has_secret);
    if account.method == Method::SshKeyPair {
        value["PrivateKeyPassphrase"] = kept(account.has_passphrase);
    }
    value
}

fn located(ask: &Ask) -> Result<At<ids::Account>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

fn environments(ask: &Ask) -> Result<Vec<At<ids::Environment>>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    ask.body.texts("EnvironmentIds").iter().map(|name| visitor.locate(&space, name)).collect()
}

/// What a sensitive value means: a plain text, or `NewValue` and `HasValue` (`rest-api §7`).
fn change(body: &Body, name: &str) -> Change {
    match body.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Change::Set(Secret::new(text.clone())),
        Some(value @ Value::Object(_)) => {
            let value = Body::of(value);
            match value.get("NewValue") {
                Some(Value::String(text)) if !text.is_empty() => Change::Set(Secret::new(text.clone())),
                _ if value.has("HasValue") && !value.bool("HasValue") => Change::Clear,
                _ => Change::Keep,
            }
        }
        _ => Change::Keep,
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

fn fields(ask: &Ask) -> Result<Fields> {
    let method = ask.body.text("AccountType");
    let known = Method::named(&method);
    if known.is_none() && !method.trim().is_empty() {
        let choices = format!("“{method}” is not offered. Use SshKeyPair or UsernamePassword.");
        return Err(Error::invalid("AccountType", choices));
    }
    let secret = match (known, ask.body.has("PrivateKeyFile")) {
        (Some(Method::SshKeyPair), _) | (None, true) => key(change(&ask.body, "PrivateKeyFile")),
        _ => change(&ask.body, "Password"),
    };
    Ok(Fields {
        name: ask.body.text("Name"),
        description: ask.body.text("Description"),
        method: known,
        username: ask.body.text("Username"),
        secret,
        passphrase: change(&ask.body, "PrivateKeyPassphrase"),
    })
}

fn listed(ask: &Ask, page: Page) -> Result<Listed<Account>> {
    let granted = ask.visitor()?.ask(List::<AccountView>::of(&ask.space()?))?;
    let wanted = ask.call.asked_all("accountType");
    let kinds: Vec<Method> = wanted.iter().filter_map(|text| Method::named(text)).collect();
    if !wanted.is_empty() && kinds.is_empty() {
        return Ok(Listed { items: Vec::new(), total: 0 });
    }
    let filter = Filter {
        partial_name: ask.asked("partialName").or(ask.asked("name")).unwrap_or_default().to_owned(),
        ids: ask.asked_ids::<ids::Account>("ids"),
        method: if kinds.len() == 1 { kinds.first().copied() } else { None },
    };
    accounts::list(&granted, &filter, page)
}

/// A page of them.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let own = format!("{}/accounts", resource::space_api(ask, ask.space()?.id().0));
    let template = "skip,take,ids,partialName,accountType";
    resource::collection(ask, &own, "Account", listed(ask, ask.page())?, ask.page(), template, |account| {
        draw(ask, account)
    })
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    resource::bare(&listed(ask, Page::ALL)?.items, |account| draw(ask, account))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(AccountView { account: located(ask)? })?;
    Reply::ok(draw(ask, &accounts::show(&granted)?))
}

/// Makes one.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let what = AccountCreate { space: ask.space()?, environments: environments(ask)? };
    let granted = ask.visitor()?.ask(what)?;
    Reply::created(draw(ask, &accounts::create(&granted, fields(ask)?)?))
}

/// Changes one.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let visitor = ask.visitor()?;
    let granted = visitor.ask(AccountEdit { account: located(ask)? })?;
    let after = visitor.ask::<After<AccountEdit>>(After::of(&ask.space()?, environments(ask)?, Vec::new()))?;
    Reply::ok(draw(ask, &accounts::edit(&granted, &after, fields(ask)?)?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    accounts::delete(&ask.visitor()?.ask(AccountDelete { account: located(ask)? })?)?;
    Reply::done()
}
