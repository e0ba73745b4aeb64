//! The form of a deployment target, and the button that asks the machine for its host key.

use super::{base, frame, located};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At, Locate,
            permissions::{
                AccountCreate, AccountView, After, Inside, List as Listing, MachineCreate, MachineEdit, MachineView,
            },
        },
        targets::{self, Fields, Participation, Target, accounts},
        tenants::{self, Tenant, tags},
    },
    execution::transport::ssh,
    http,
    web::{
        caller::{Answer, Visit},
        form,
        page::{Choice, FieldView, FormView, Frame, Kind, Message, count},
        seen, start,
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "targets/form.html")]
struct Form {
    frame: Frame,
    form: FormView,
    /// Said beside the host key after the machine was asked.
    told: Option<Message>,
    /// Environments and tenants of it that the visitor may not see: sent back as they are.
    kept: Vec<(&'static str, String)>,
    has_tenants: bool,
    has_tags: bool,
    no_environments_href: String,
    no_accounts_href: String,
    may_add_account: bool,
}

/// What was typed, or what is there.
struct Draft {
    name: String,
    is_disabled: bool,
    environments: Vec<String>,
    roles: String,
    host: String,
    port: String,
    host_key: String,
    account: String,
    participation: Participation,
    tenants: Vec<String>,
    tags: Vec<String>,
}

impl Draft {
    fn empty() -> Draft {
        Draft {
            name: String::new(),
            is_disabled: false,
            environments: Vec::new(),
            roles: String::new(),
            host: String::new(),
            port: "22".into(),
            host_key: String::new(),
            account: String::new(),
            participation: Participation::default(),
            tenants: Vec::new(),
            tags: Vec::new(),
        }
    }
    fn of(target: &Target) -> Draft {
        Draft {
            name: target.name.clone(),
            is_disabled: target.is_disabled,
            environments: target.environments.iter().map(Id::to_string).collect(),
            roles: target.roles.join(", "),
            host: target.host.clone(),
            port: target.port.to_string(),
            host_key: target.host_key.clone(),
            account: target.account.to_string(),
            participation: target.participation,
            tenants: target.tenants.iter().map(Id::to_string).collect(),
            tags: target.tenant_tags.clone(),
        }
    }
    fn sent(visit: &Visit) -> Draft {
        let sent = visit.form();
        let text = |name: &str| sent.text(name).to_owned();
        Draft {
            name: text("name"),
            is_disabled: sent.ticked("disabled"),
            environments: sent.all("environments"),
            roles: text("roles"),
            host: text("host"),
            port: text("port"),
            host_key: text("host_key"),
            account: text("account"),
            participation: Participation::named(sent.text("participation")).unwrap_or_default(),
            tenants: sent.all("tenants"),
            tags: sent.all("tenant_tags"),
        }
    }
    fn fields(&self) -> Fields {
        Fields {
            name: self.name.clone(),
            is_disabled: self.is_disabled,
            roles: self.roles.split(',').map(str::to_owned).collect(),
            participation: self.participation,
            tenant_tags: self.tags.clone(),
            host: self.host.clone(),
            // What is no number is no port: the command says so.
            port: self.port.trim().parse().unwrap_or(0),
            host_key: self.host_key.clone(),
            ..Fields::default()
        }
    }
}

/// The tenants of the space that the visitor may see, by name.
fn tenants_seen(visit: &Visit) -> Result<Vec<Tenant>> {
    Ok(seen::tenants(&visit.visitor, &visit.space()?, &tenants::Filter::default(), Page::ALL)?.items)
}

/// The names of tenants; those that the visitor may not see are counted.
pub(super) fn tenant_names(visit: &Visit, wanted: &[Id<ids::Tenant>]) -> Result<String> {
    if wanted.is_empty() {
        return Ok(String::new());
    }
    let seen = tenants_seen(visit)?;
    let mut names: Vec<String> = seen.into_iter().filter(|one| wanted.contains(&one.id)).map(|one| one.name).collect();
    let hidden = wanted.len() - names.len();
    if hidden > 0 {
        names.push(count(hidden as u64, "other", "others"));
    }
    Ok(names.join(", "))
}

const ROLES_HELP: &str =
    "What it is for, with commas between: web-server, database. Steps name a tag to say where they run.";

fn form_view(visit: &Visit, draft: &Draft, present: Option<&Target>, asked: bool) -> Result<Form> {
    let space = visit.space()?;
    let (action, submit) = match present {
        None => (start::through(visit, base(visit)), "Add the deployment target"),
        Some(present) => (format!("{}/{}", base(visit), present.slug), "Save the deployment target"),
    };
    let (places, people) = (seen::environments_here(visit)?, tenants_seen(visit)?);
    let sets =
        tags::list(&visit.visitor.ask(Inside { at: space.clone() })?, &tags::Filter::default(), Page::ALL)?.items;
    let may_see_accounts = visit.visitor.may_somewhere::<AccountView>(&space);
    let usable = if may_see_accounts {
        let granted = visit.visitor.ask(Listing::<AccountView>::of(&space))?;
        accounts::list(&granted, &accounts::Filter::default(), Page::ALL)?.items
    } else {
        Vec::new()
    };
    let tick = |id: String, name: &str, chosen: &[String]| {
        let chosen = chosen.contains(&id);
        Choice::new(id, name).chosen(chosen)
    };
    let mut kept = Vec::new();
    for (name, chosen, known) in [
        ("environments", &draft.environments, places.iter().map(|one| one.id.to_string()).collect::<Vec<_>>()),
        ("tenants", &draft.tenants, people.iter().map(|one| one.id.to_string()).collect()),
    ] {
        kept.extend(chosen.iter().filter(|id| !known.contains(id)).map(|id| (name, id.clone())));
    }
    let mut signs = vec![Choice::new("", "Choose an account")];
    if let Some(present) = present.filter(|present| usable.iter().all(|one| one.id != present.account)) {
        signs = vec![Choice::new(present.account.to_string(), "The present one, which you may not see")];
    }
    signs.extend(usable.iter().map(|one| {
        Choice::new(one.id.to_string(), &one.name).hint(&one.username).chosen(one.id.to_string() == draft.account)
    }));
    let ways = Participation::ALL.map(|one| {
        let hint = match one {
            Participation::Untenanted => "It serves no customer of its own.",
            Participation::Tenanted => "Only for those chosen below.",
            Participation::TenantedOrUntenanted => "For those chosen below, and for nobody in particular.",
        };
        Choice::new(one.name(), one.words()).hint(hint).chosen(one == draft.participation)
    });
    let tag_choices: Vec<Choice> = sets
        .iter()
        .flat_map(|set| set.tags.iter())
        .map(|tag| tick(tag.canonical.clone(), &tag.canonical, &draft.tags))
        .collect();
    let key = FieldView::text("host_key", "Host key")
        .value(&draft.host_key)
        .required()
        .mono()
        .placeholder("SHA256:…")
        .help("The fingerprint by which the machine is known. Another one is refused from then on.");
    let name = FieldView::text("name", "Name").value(&draft.name).required().max_length(200).help("Such as web-01.");
    let (name, key) = if asked { (name, key.autofocus()) } else { (name.autofocus(), key) };
    let tenant_choices: Vec<Choice> =
        people.iter().map(|one| tick(one.id.to_string(), &one.name, &draft.tenants)).collect();
    let (has_tenants, has_tags) = (!tenant_choices.is_empty(), !tag_choices.is_empty());
    let form = FormView::new(&action, submit)
        .field(name)
        .field(FieldView::checkbox("disabled", "Leave it out of deployments", draft.is_disabled))
        .field(FieldView::checks(
            "environments",
            "Environments",
            places.iter().map(|one| tick(one.id.to_string(), &one.name, &draft.environments)).collect(),
        ))
        .field(
            FieldView::text("roles", "Target tags")
                .value(&draft.roles)
                .required()
                .placeholder("web-server, database")
                .help(ROLES_HELP),
        )
        .field(
            FieldView::text("host", "Host")
                .value(&draft.host)
                .required()
                .mono()
                .placeholder("web1.example.com")
                .help("A name or an address that this server can reach."),
        )
        .field(FieldView::number("port", "Port").value(&draft.port).required().between(1, 65_535))
        .field(key)
        .field(
            FieldView::select("account", "Account", signs)
                .required()
                .help("It must be usable in every environment of the target."),
        )
        .field(FieldView::radios("participation", "Takes part in", ways.to_vec()))
        .field(FieldView::checks("tenants", "Tenants", tenant_choices))
        .field(
            FieldView::checks("tenant_tags", "Tenant tags", tag_choices)
                .help("Tenants with these tags, also those that get one later."),
        )
        .cancel(action.clone());
    Ok(Form {
        frame: match present {
            None => frame(visit, "Add a deployment target").crumb("Deployment targets", base(visit)),
            Some(present) => frame(visit, &format!("Change {}", present.name))
                .crumb("Deployment targets", base(visit))
                .crumb(&present.name, action),
        },
        form,
        told: None,
        kept,
        has_tenants,
        has_tags,
        no_environments_href: if places.is_empty() {
            visit.space_path("/infrastructure/environments")
        } else {
            String::new()
        },
        no_accounts_href: if may_see_accounts && usable.is_empty() {
            visit.space_path("/infrastructure/accounts/new")
        } else {
            String::new()
        },
        may_add_account: visit.visitor.may_somewhere::<AccountCreate>(&space),
    })
}

fn refused(visit: &Visit, draft: &Draft, present: Option<&Target>, error: Error) -> Result<Answer> {
    let mut page = form_view(visit, draft, present, false)?;
    page.form = match error {
        Error::Denied(denied) => page.form.problem(format!(
            "You may not put a deployment target there: {} is missing for {}.",
            denied.permission, denied.place
        )),
        error => form::refuse(
            page.form,
            error,
            &[
                ("Name", "name"),
                ("EnvironmentIds", "environments"),
                ("Roles", "roles"),
                ("Host", "host"),
                ("Port", "port"),
                ("Fingerprint", "host_key"),
                ("AccountId", "account"),
                ("TenantIds", "tenants"),
                ("TenantTags", "tenant_tags"),
            ],
        )?,
    };
    Answer::refused(&page)
}

/// Asks the machine for its host key and draws the form again with it.
fn with_host_key(visit: &Visit, mut draft: Draft, present: Option<&Target>) -> Result<Answer> {
    let host = draft.host.trim().to_owned();
    let Some(port) = draft.port.trim().parse::<u16>().ok().filter(|port| *port > 0) else {
        return refused(
            visit,
            &draft,
            present,
            Error::invalid("Port", "Give a port from 1 to 65535; SSH is usually on 22."),
        );
    };
    if host.is_empty() {
        return refused(
            visit,
            &draft,
            present,
            Error::invalid("Host", "Give the name or address of the machine first."),
        );
    }
    match http::wait_for(ssh::fetch_host_key(&host, port))? {
        Ok(seen) => {
            let words = match present {
                Some(present) if present.host_key == seen => {
                    "The machine still shows the key that is saved.".to_owned()
                }
                _ => format!(
                    "{host} showed this key. Compare it with what the machine itself says before you save: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
                ),
            };
            draft.host_key = seen;
            let mut page = form_view(visit, &draft, present, true)?;
            page.told = Some(Message::new(Kind::Info, words));
            Answer::asked(&page)
        }
        Err(fault) => refused(visit, &draft, present, Error::invalid("Host", fault.to_string())),
    }
}

fn all_of<T: Locate>(visit: &Visit, wire: &str, wanted: &[String]) -> Result<Vec<At<T>>> {
    let space = visit.space()?;
    let one = |text: &String| match visit.visitor.named(&space, text) {
        Err(Error::NotFound(_)) => Err(Error::invalid(wire, "One of them is not there any more. Choose again.")),
        other => other,
    };
    wanted.iter().map(one).collect()
}

/// The account that was chosen; `None` where it is the present one, or none was chosen.
fn account(visit: &Visit, draft: &Draft, present: Option<&Target>) -> Result<Option<At<ids::Account>>> {
    let stays = present.is_some_and(|present| Id::parse(&draft.account) == Some(present.account));
    if stays || draft.account.is_empty() {
        return Ok(None);
    }
    let found: Vec<At<ids::Account>> = all_of(visit, "AccountId", std::slice::from_ref(&draft.account))?;
    Ok(found.into_iter().next().filter(|account| visit.visitor.may(AccountView { account: account.clone() })))
}

/// The form for a new one.
pub(in crate::web) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(Listing::<MachineCreate>::of(&visit.space()?))?;
    Answer::page(&form_view(visit, &Draft::empty(), None, false)?)
}

/// The form for a new one was sent.
pub(in crate::web) fn create(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(Listing::<MachineCreate>::of(&visit.space()?))?;
    let draft = Draft::sent(visit);
    if visit.form().text("do") == "host-key" {
        return with_host_key(visit, draft, None);
    }
    match created(visit, &draft) {
        Ok(made) => start::done(visit, format!("{}/{}", base(visit), made.slug), format!("{} was added.", made.name)),
        Err(error) => refused(visit, &draft, None, error),
    }
}

fn created(visit: &Visit, draft: &Draft) -> Result<Target> {
    let what = MachineCreate {
        space: visit.space()?,
        environments: all_of(visit, "EnvironmentIds", &draft.environments)?,
        tenants: all_of(visit, "TenantIds", &draft.tenants)?,
    };
    let nowhere = what.environments.is_empty();
    let granted = match visit.visitor.ask(what) {
        // Whoever may in some environments only may in none at all of them; the remedy is to choose.
        Err(Error::Denied(_)) if nowhere => {
            return Err(Error::invalid("EnvironmentIds", "Choose at least one environment."));
        }
        other => other?,
    };
    let account = account(visit, draft, None)?;
    let account = account.map(|account| visit.visitor.ask(AccountView { account })).transpose()?;
    targets::create(&granted, account.as_ref(), draft.fields())
}

/// The form for changing one.
pub(in crate::web) fn edit(visit: &Visit) -> Result<Answer> {
    let target = located(visit)?;
    visit.visitor.ask(MachineEdit { target: target.clone() })?;
    let found = targets::show(&visit.visitor.ask(MachineView { target })?)?;
    Answer::page(&form_view(visit, &Draft::of(&found), Some(&found), false)?)
}

/// The form for changing one was sent.
pub(in crate::web) fn update(visit: &Visit) -> Result<Answer> {
    let target = located(visit)?;
    visit.visitor.ask(MachineEdit { target: target.clone() })?;
    let found = targets::show(&visit.visitor.ask(MachineView { target: target.clone() })?)?;
    let draft = Draft::sent(visit);
    if visit.form().text("do") == "host-key" {
        return with_host_key(visit, draft, Some(&found));
    }
    match saved(visit, &draft, target, &found) {
        Ok(saved) => Answer::done(format!("{}/{}", base(visit), saved.slug), format!("{} was saved.", saved.name)),
        Err(error) => refused(visit, &draft, Some(&found), error),
    }
}

fn saved(visit: &Visit, draft: &Draft, target: At<ids::Target>, found: &Target) -> Result<Target> {
    let granted = visit.visitor.ask(MachineEdit { target })?;
    let environments = all_of(visit, "EnvironmentIds", &draft.environments)?;
    let nowhere = environments.is_empty();
    let tenants = all_of(visit, "TenantIds", &draft.tenants)?;
    let after = match visit.visitor.ask(After::<MachineEdit>::of(&visit.space()?, environments, tenants)) {
        Err(Error::Denied(_)) if nowhere => {
            return Err(Error::invalid("EnvironmentIds", "Choose at least one environment."));
        }
        other => other?,
    };
    let account = account(visit, draft, Some(found))?;
    let account = account.map(|account| visit.visitor.ask(AccountView { account })).transpose()?;
    targets::edit(&granted, &after, account.as_ref(), draft.fields())
}
