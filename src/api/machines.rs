//! `/api/{space}/machines` and `/machineroles`: deployment targets.

use super::{
    caller::Ask,
    resource,
    wire::{self, All, Collection, Created, Done, Json, Links, NoList, Nothing, Query, Sent, refer},
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
            permissions::{
                AccountView, After, EnvironmentView, List, MachineCreate, MachineDelete, MachineEdit, MachineView,
            },
        },
        targets::{self, Fields, Filter, Health, Participation, Target},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A deployment target on the wire.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct MachineResource {
    #[schema(read_only)]
    id: String,
    #[schema(read_only)]
    space_id: String,
    name: String,
    /// Empty: made of the first name, and kept.
    slug: String,
    environment_ids: Vec<refer::Environment>,
    roles: Vec<String>,
    tenanted_deployment_participation: Participates,
    tenant_ids: Vec<refer::Tenant>,
    /// Each as `Set/Tag`, or by the tag's id.
    tenant_tags: Vec<String>,
    machine_policy_id: TheMachinePolicy,
    is_disabled: bool,
    endpoint: EndpointResource,
    #[schema(read_only)]
    health_status: String,
    #[schema(read_only)]
    status_summary: String,
    #[schema(read_only)]
    has_latest_calamari: bool,
    #[schema(read_only)]
    is_in_process: bool,
    /// false: a health check of a new machine is begun at once. Left out of a new one: true, and a machine is looked at
    /// when somebody asks for it, by the page or by a task called Health.
    skip_initial_health_check: Option<bool>,
    #[schema(read_only)]
    operating_system: String,
    #[schema(read_only)]
    shell_name: String,
    #[schema(read_only)]
    shell_version: String,
    #[schema(read_only)]
    architecture: String,
    /// Certificates are not how machines are known here.
    thumbprint: Nothing,
    uri: Nothing,
    #[schema(read_only)]
    links: Links,
}

/// How a machine is reached.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct EndpointResource {
    #[schema(read_only)]
    id: Nothing,
    communication_style: Ssh,
    host: String,
    /// 22 when it is left out.
    port: Option<i64>,
    /// Its host key: a fingerprint, or the whole key.
    fingerprint: String,
    account_id: refer::Account,
    #[schema(read_only)]
    account_type: Nothing,
    proxy_id: Nothing,
    dot_net_core_platform: LinuxX64,
    /// Instead of `Host` and `Port`: `ssh://host:port/`.
    uri: String,
    #[schema(read_only)]
    links: Links,
}

wire::fixed! {
    /// Machines are reached by SSH.
    Ssh(SshValue) = "Ssh";
    /// Nothing is installed on a machine, so its platform makes no difference.
    LinuxX64(LinuxX64Value) = "linux-x64";
    /// There is one policy for all machines.
    TheMachinePolicy(TheMachinePolicyValue) = "MachinePolicies-1";
}

/// Whether deployments for tenants reach a machine.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub(super) enum Participates {
    /// Deployments for no tenant alone.
    #[default]
    Untenanted,
    /// Both.
    TenantedOrUntenanted,
    /// Deployments for its tenants alone.
    Tenanted,
}

impl From<Participation> for Participates {
    fn from(participation: Participation) -> Self {
        match participation {
            Participation::Untenanted => Participates::Untenanted,
            Participation::TenantedOrUntenanted => Participates::TenantedOrUntenanted,
            Participation::Tenanted => Participates::Tenanted,
        }
    }
}
impl From<Participates> for Participation {
    fn from(participates: Participates) -> Self {
        match participates {
            Participates::Untenanted => Participation::Untenanted,
            Participates::TenantedOrUntenanted => Participation::TenantedOrUntenanted,
            Participates::Tenanted => Participation::Tenanted,
        }
    }
}

/// Which machines.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MachineQuery {
    pub(super) ids: Option<Vec<String>>,
    /// The whole name.
    pub(super) name: String,
    pub(super) partial_name: String,
    pub(super) roles: Vec<String>,
    pub(super) is_disabled: Option<bool>,
    pub(super) health_statuses: Vec<String>,
    pub(super) comm_styles: Vec<String>,
    pub(super) deployment_target_types: Vec<String>,
    pub(super) shell_names: Vec<String>,
    pub(super) thumbprint: String,
    pub(super) tenant_ids: Vec<String>,
    pub(super) tenant_tags: Vec<String>,
    pub(super) environment_ids: Vec<String>,
}

pub(super) fn draw(ask: &Ask, target: &Target) -> MachineResource {
    let own = format!("{}/machines/{}", resource::space_api(ask, target.space.0), target.id);
    let unknown = || "Unknown".to_owned();
    MachineResource {
        id: target.id.to_string(),
        space_id: target.space.to_string(),
        name: target.name.clone(),
        slug: target.slug.clone(),
        environment_ids: target.environments.iter().map(|id| (*id).into()).collect(),
        roles: target.roles.clone(),
        tenanted_deployment_participation: target.participation.into(),
        tenant_ids: target.tenants.iter().map(|id| (*id).into()).collect(),
        tenant_tags: target.tenant_tags.clone(),
        is_disabled: target.is_disabled,
        endpoint: EndpointResource {
            host: target.host.clone(),
            port: Some(target.port.into()),
            fingerprint: target.host_key.clone(),
            account_id: target.account.into(),
            uri: address_of(target),
            ..EndpointResource::default()
        },
        health_status: target.health.name().to_owned(),
        status_summary: status(target),
        has_latest_calamari: true,
        is_in_process: false,
        skip_initial_health_check: Some(target.skips_first_check),
        operating_system: unknown(),
        shell_name: "Bash".to_owned(),
        shell_version: unknown(),
        architecture: unknown(),
        links: Links::of(&own, &[("Connection", "/connection"), ("Tasks", "/tasks{?skip,take}")]),
        ..MachineResource::default()
    }
}

fn address_of(target: &Target) -> String {
    format!("ssh://{}:{}/", target.host, target.port)
}

fn status(target: &Target) -> String {
    match target.health {
        _ if target.is_disabled => "This machine is disabled.".into(),
        Health::Unknown => "This machine was recently added. Please perform a health check.".into(),
        _ => target.health_note.clone(),
    }
}

pub(super) fn located(ask: &Ask) -> Result<At<ids::Target>> {
    ask.visitor()?.locate(&ask.space()?, ask.parameter("id"))
}

fn all_of<T: Locate>(ask: &Ask, names: &[wire::Ref<T>]) -> Result<Vec<At<T>>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    names.iter().map(|name| visitor.named(&space, name.text())).collect()
}

/// Where the fields of an endpoint stand.
const ENDPOINT: [(&str, &str); 4] = [
    ("Host", "Endpoint.Host"),
    ("Port", "Endpoint.Port"),
    ("Fingerprint", "Endpoint.Fingerprint"),
    ("AccountId", "Endpoint.AccountId"),
];

impl EndpointResource {
    /// Host and port, also from the address.
    fn place(&self) -> (String, i64) {
        let (host, port) = self.address();
        let host = if self.host.trim().is_empty() { host } else { &self.host };
        (host.to_owned(), self.port.or(port).unwrap_or(22))
    }
    fn address(&self) -> (&str, Option<i64>) {
        let plain = self.uri.trim().trim_start_matches("ssh://").trim_end_matches('/');
        plain.rsplit_once(':').map_or((plain, None), |(host, port)| (host, Some(port.parse().unwrap_or(0))))
    }
    /// The address may stand beside host and port, when it says the same, or what it said before.
    fn check(&self, present: Option<&Target>) -> Result<()> {
        let said = || present.map(address_of);
        let (host, port) = self.place();
        let same = self.address() == (host.as_str(), Some(port)) || self.address() == (host.as_str(), None);
        if self.uri.trim().is_empty() || self.host.trim().is_empty() || same || said().as_ref() == Some(&self.uri) {
            return Ok(());
        }
        Err(Error::invalid("Endpoint.Uri", "This is another address than Host and Port. Leave it out."))
    }
}

impl MachineResource {
    fn fields(self) -> Fields {
        let (host, port) = self.endpoint.place();
        Fields {
            name: self.name,
            is_disabled: self.is_disabled,
            roles: self.roles,
            participation: self.tenanted_deployment_participation.into(),
            tenant_tags: self.tenant_tags,
            host,
            port,
            host_key: self.endpoint.fingerprint,
            slug: self.slug,
            skips_first_check: self.skip_initial_health_check,
        }
    }
}

pub(super) fn listed(ask: &Ask, query: &MachineQuery, page: Page) -> Result<Listed<Target>> {
    let granted = ask.visitor()?.ask(List::<MachineView>::of(&ask.space()?))?;
    let is_none =
        |asked: &[String], all: &str| !asked.is_empty() && !asked.iter().any(|one| one.eq_ignore_ascii_case(all));
    // What is asked for and no machine is.
    if is_none(&query.comm_styles, "Ssh")
        || is_none(&query.deployment_target_types, "Ssh")
        || is_none(&query.shell_names, "Bash")
        || !query.thumbprint.is_empty()
    {
        return Ok(Listed { items: Vec::new(), total: 0 });
    }
    let some = |ids: Vec<i64>, asked: &[String]| (!asked.is_empty()).then_some(ids);
    let filter = Filter {
        partial_name: query.partial_name.clone(),
        name: Some(query.name.clone()).filter(|name| !name.is_empty()),
        ids: query.ids.as_deref().map(wire::numbers::<ids::Target>),
        roles: query.roles.clone(),
        environments: some(wire::numbers::<ids::Environment>(&query.environment_ids), &query.environment_ids),
        tenants: some(wire::numbers::<ids::Tenant>(&query.tenant_ids), &query.tenant_ids),
        tenant_tags: query.tenant_tags.clone(),
        is_disabled: query.is_disabled,
        health: query.health_statuses.clone(),
        account: None,
    };
    targets::list(&granted, &filter, page)
}

/// A page of them.
pub(super) fn list(ask: &Ask, query: Query<MachineQuery>) -> Result<Collection<MachineResource>> {
    let own = format!("{}/machines", resource::space_api(ask, ask.space()?.id().0));
    let listed = listed(ask, &query, ask.page())?;
    Ok(wire::collection(ask, &query, &own, "DeploymentTarget", listed, ask.page(), |target| draw(ask, target)))
}

/// All of them, as a bare array.
pub(super) fn all(ask: &Ask, query: Query<MachineQuery>) -> Result<All<MachineResource>> {
    Ok(All(listed(ask, &query, Page::ALL)?.items.iter().map(|target| draw(ask, target)).collect()))
}

/// A page of those of an environment.
pub(super) fn of_environment(ask: &Ask, query: Query<MachineQuery>) -> Result<Collection<MachineResource>> {
    let space = ask.space()?;
    let environment: At<ids::Environment> = ask.visitor()?.locate(&space, ask.parameter("id"))?;
    ask.visitor()?.ask(EnvironmentView { environment: environment.clone() })?;
    let here = MachineQuery { environment_ids: vec![environment.id().to_string()], ..MachineQuery::clone(&query) };
    let own = format!("{}/environments/{}/machines", resource::space_api(ask, space.id().0), environment.id());
    let listed = listed(ask, &here, ask.page())?;
    Ok(wire::collection(ask, &query, &own, "DeploymentTarget", listed, ask.page(), |target| draw(ask, target)))
}

/// The roles of all targets.
pub(super) fn roles(ask: &Ask) -> Result<All<String>> {
    let granted = ask.visitor()?.ask(List::<MachineView>::of(&ask.space()?))?;
    Ok(All(targets::roles(&granted)?))
}

/// One.
pub(super) fn show(ask: &Ask) -> Result<Json<MachineResource>> {
    let granted = ask.visitor()?.ask(MachineView { target: located(ask)? })?;
    Ok(Json(draw(ask, &targets::show(&granted)?)))
}

/// What the last look at a machine found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MachineConnection {
    id: String,
    machine_id: String,
    space_id: String,
    status: &'static str,
    last_checked: Option<String>,
    logs: NoList,
    current_tentacle_version: Nothing,
    links: Links,
}

/// What the last look at one found.
pub(super) fn connection(ask: &Ask) -> Result<Json<MachineConnection>> {
    let granted = ask.visitor()?.ask(MachineView { target: located(ask)? })?;
    let target = targets::show(&granted)?;
    let own = format!("{}/machines/{}/connection", resource::space_api(ask, target.space.0), target.id);
    Ok(Json(MachineConnection {
        id: target.id.to_string(),
        machine_id: target.id.to_string(),
        space_id: target.space.to_string(),
        status: match target.health {
            Health::Healthy => "Online",
            Health::Unavailable => "Offline",
            Health::Unknown => "Unknown",
        },
        last_checked: target.health_at.map(|at| at.wire()),
        logs: NoList::default(),
        current_tentacle_version: Nothing::default(),
        links: Links::of(&own, &[]),
    }))
}

/// Makes one.
pub(super) fn create(ask: &Ask, Sent(sent): Sent<MachineResource>) -> Result<Created<MachineResource>> {
    let (visitor, space) = (ask.visitor()?, ask.space()?);
    let what = MachineCreate {
        space: space.clone(),
        environments: all_of(ask, &sent.environment_ids)?,
        tenants: all_of(ask, &sent.tenant_ids)?,
    };
    let granted = visitor.ask(what)?;
    let account = match sent.endpoint.account_id.given() {
        Some(text) => Some(visitor.ask(AccountView { account: visitor.named(&space, text)? })?),
        None => None,
    };
    sent.endpoint.check(None)?;
    let made = targets::create(&granted, account.as_ref(), sent.fields());
    Ok(Created(draw(ask, &wire::in_words_sent(made, &ENDPOINT)?)))
}

/// Changes one.
pub(super) fn update(ask: &Ask, Sent(sent): Sent<MachineResource>) -> Result<Json<MachineResource>> {
    let (visitor, space, at) = (ask.visitor()?, ask.space()?, located(ask)?);
    let granted = visitor.ask(MachineEdit { target: at.clone() })?;
    let environments = all_of(ask, &sent.environment_ids)?;
    let after = After::of(&space, environments, all_of(ask, &sent.tenant_ids)?);
    let after = visitor.ask::<After<MachineEdit>>(after)?;
    let present = targets::show(&visitor.ask(MachineView { target: at })?)?;
    sent.endpoint.check(Some(&present))?;
    let account = match sent.endpoint.account_id.given() {
        // The account it has may stay, also where one may not see accounts.
        Some(text) if Id::parse(text) == Some(present.account) => None,
        Some(text) => Some(visitor.ask(AccountView { account: visitor.named(&space, text)? })?),
        None => None,
    };
    let saved = targets::edit(&granted, &after, account.as_ref(), sent.fields());
    Ok(Json(draw(ask, &wire::in_words_sent(saved, &ENDPOINT)?)))
}

/// Deletes one.
pub(super) fn delete(ask: &Ask) -> Result<Done> {
    targets::delete(&ask.visitor()?.ask(MachineDelete { target: located(ask)? })?)?;
    Ok(Done)
}
