//! `/api/{space}/machines` and `/machineroles`: deployment targets.

use super::{
    caller::{Ask, Body, Reply},
    resource::{self, wire},
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::{Listed, Page},
    },
    company::{
        access::{
            At, Locate,
            permissions::{AccountView, After, List, MachineCreate, MachineDelete, MachineEdit, MachineView},
        },
        targets::{self, Fields, Filter, Health, Participation, Target},
    },
};
use serde_json::{Value, json};

fn draw(ask: &Ask, target: &Target) -> Value {
    let own = format!("{}/machines/{}", resource::space_api(ask, target.space.0), target.id);
    let texts = |ids: Vec<String>| ids;
    json!({
        "Id": target.id.to_string(), "SpaceId": wire::<ids::Space>(target.space.0), "Name": target.name, "Slug": target.slug,
        "EnvironmentIds": texts(target.environments.iter().map(Id::to_string).collect()), "Roles": target.roles,
        "TenantedDeploymentParticipation": target.participation.name(),
        "TenantIds": texts(target.tenants.iter().map(Id::to_string).collect()), "TenantTags": target.tenant_tags,
        "MachinePolicyId": null, "IsDisabled": target.is_disabled, "HealthStatus": target.health.name(),
        "StatusSummary": status(target), "HasLatestCalamari": true, "IsInProcess": false, "SkipInitialHealthCheck": true,
        "OperatingSystem": "Unknown", "ShellName": "Bash", "ShellVersion": "Unknown", "Architecture": "Unknown",
        "Thumbprint": null, "Uri": null,
        "Endpoint": {
            "Id": null, "CommunicationStyle": "Ssh", "Host": target.host, "Port": target.port, "Fingerprint": target.host_key,
            "AccountId": target.account.to_string(), "AccountType": null, "ProxyId": null, "DotNetCorePlatform": "linux-x64",
            "Uri": format!("ssh://{}:{}/", target.host, target.port), "Links": {},
        },
        "Links": resource::links(&own, &[("Connection", "/connection"), ("Tasks", "/tasks{?skip,take,type}")]),
    })
}

fn status(target: &Target) -> String {
    match target.health {
        _ if target.is_disabled => "This machine is disabled.".into(),
        Health::Unknown => "This machine was recently added. Please perform a health check.".into(),
        _ => target.health_note.clone(),
    }
}

fn located(ask: &Ask) -> Result<At<ids::Target>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

fn all_of<T: Locate>(ask: &Ask, names: &[String]) -> Result<Vec<At<T>>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    names.iter().map(|name| visitor.locate(&space, name)).collect()
}

fn endpoint(ask: &Ask) -> Body {
    ask.body.get("Endpoint").map(Body::of).unwrap_or_default()
}

/// Host and port, also from the address of an endpoint.
fn place(endpoint: &Body) -> (String, i64) {
    let uri = endpoint.text("Uri");
    let (host, port) = uri
        .trim_start_matches("ssh://")
        .trim_end_matches('/')
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)))
        .unwrap_or_default();
    (endpoint.some_text("Host").unwrap_or(host), endpoint.number("Port").unwrap_or(if port > 0 { port } else { 22 }))
}

fn fields(ask: &Ask) -> Result<Fields> {
    let endpoint = endpoint(ask);
    let style = endpoint.text("CommunicationStyle");
    if !style.is_empty() && !style.eq_ignore_ascii_case("Ssh") {
        return Err(Error::invalid("Endpoint", format!("“{style}” is not offered. Use an endpoint of the style Ssh.")));
    }
    let (host, port) = place(&endpoint);
    let participation = ask.body.text("TenantedDeploymentParticipation");
    let participation = match Participation::named(&participation) {
        Some(participation) => participation,
        None if participation.trim().is_empty() => Participation::default(),
        None => {
            let choices = "Use Untenanted, Tenanted or TenantedOrUntenanted.";
            return Err(Error::invalid("TenantedDeploymentParticipation", choices));
        }
    };
    Ok(Fields {
        name: ask.body.text("Name"),
        is_disabled: ask.body.bool("IsDisabled"),
        roles: ask.body.texts("Roles"),
        participation,
        tenant_tags: ask.body.texts("TenantTags"),
        host,
        port,
        host_key: endpoint.text("Fingerprint"),
    })
}

fn listed(ask: &Ask, page: Page) -> Result<Listed<Target>> {
    let granted = ask.visitor()?.ask(List::<MachineView>::of(&ask.space()?))?;
    let styles = ask.call.asked_all("commStyles");
    if !styles.is_empty() && !styles.iter().any(|style| style.eq_ignore_ascii_case("Ssh")) {
        return Ok(Listed { items: Vec::new(), total: 0 });
    }
    let filter = Filter {
        partial_name: ask.asked_text("partialName"),
        name: ask.asked("name").filter(|name| !name.is_empty()).map(str::to_owned),
        ids: ask.asked_ids::<ids::Target>("ids"),
        roles: ask.call.asked_all("roles"),
        environments: some(ask.asked_ids::<ids::Environment>("environmentIds")),
        tenants: some(ask.asked_ids::<ids::Tenant>("tenantIds")),
        tenant_tags: ask.call.asked_all("tenantTags"),
        is_disabled: ask.asked_bool("isDisabled"),
        health: ask.call.asked_all("healthStatuses"),
        account: None,
    };
    targets::list(&granted, &filter, page)
}

fn some(ids: Option<Vec<i64>>) -> Option<Vec<i64>> {
    ids.filter(|ids| !ids.is_empty())
}

/// A page of them.
pub(super) fn list(ask: &Ask) -> Result<Reply> {
    let own = format!("{}/machines", resource::space_api(ask, ask.space()?.id().0));
    let template =
        "skip,take,name,ids,partialName,roles,isDisabled,healthStatuses,commStyles,tenantIds,tenantTags,environmentIds";
    resource::collection(ask, &own, "DeploymentTarget", listed(ask, ask.page())?, ask.page(), template, |target| {
        draw(ask, target)
    })
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask) -> Result<Reply> {
    resource::bare(&listed(ask, Page::ALL)?.items, |target| draw(ask, target))
}

/// The roles of all targets.
pub(super) fn roles(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(List::<MachineView>::of(&ask.space()?))?;
    Reply::ok(json!(targets::roles(&granted)?))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(MachineView { target: located(ask)? })?;
    Reply::ok(draw(ask, &targets::show(&granted)?))
}

/// What the last look at one found.
pub(super) fn connection(ask: &Ask) -> Result<Reply> {
    let granted = ask.visitor()?.ask(MachineView { target: located(ask)? })?;
    let target = targets::show(&granted)?;
    let status = match target.health {
        Health::Healthy => "Online",
        Health::Unavailable => "Offline",
        Health::Unknown => "Unknown",
    };
    let own = format!("{}/machines/{}/connection", resource::space_api(ask, target.space.0), target.id);
    Reply::ok(json!({
        "Id": target.id.to_string(), "MachineId": target.id.to_string(), "SpaceId": wire::<ids::Space>(target.space.0),
        "Status": status, "LastChecked": target.health_at.map(|at| at.wire()), "Logs": [], "CurrentTentacleVersion": null,
        "Links": resource::links(&own, &[]),
    }))
}

/// Makes one.
pub(super) fn create(ask: &Ask) -> Result<Reply> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let what = MachineCreate {
        space: space.clone(),
        environments: all_of(ask, &ask.body.texts("EnvironmentIds"))?,
        tenants: all_of(ask, &ask.body.texts("TenantIds"))?,
    };
    let granted = visitor.ask(what)?;
    let account = match endpoint(ask).some_text("AccountId") {
        Some(text) => Some(visitor.ask(AccountView { account: visitor.locate(&space, &text)? })?),
        None => None,
    };
    Reply::created(draw(ask, &targets::create(&granted, account.as_ref(), fields(ask)?)?))
}

/// Changes one.
pub(super) fn update(ask: &Ask) -> Result<Reply> {
    let (visitor, space, at) = (ask.visitor()?, ask.space()?, located(ask)?);
    let granted = visitor.ask(MachineEdit { target: at.clone() })?;
    let environments = all_of(ask, &ask.body.texts("EnvironmentIds"))?;
    let after = After::of(&space, environments, all_of(ask, &ask.body.texts("TenantIds"))?);
    let after = visitor.ask::<After<MachineEdit>>(after)?;
    let present = targets::show(&visitor.ask(MachineView { target: at })?)?;
    let account = match endpoint(ask).some_text("AccountId") {
        // The account it has may stay, also where one may not see accounts.
        Some(text) if Id::parse(&text) == Some(present.account) => None,
        Some(text) => Some(visitor.ask(AccountView { account: visitor.locate(&space, &text)? })?),
        None => None,
    };
    Reply::ok(draw(ask, &targets::edit(&granted, &after, account.as_ref(), fields(ask)?)?))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Reply> {
    targets::delete(&ask.visitor()?.ask(MachineDelete { target: located(ask)? })?)?;
    Reply::done()
}
