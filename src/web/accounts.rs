//! Pages of accounts. A secret goes in and is never shown again: the form says that one is set.

use super::{
    caller::{Answer, Visit},
    environments::infrastructure,
    form,
    list::{Asked, ROWS},
    page::{Act, Choice, ConfirmDelete, FieldView, FilterBar, FormView, Frame, Kv, Pager, count},
    seen,
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Id},
        paging::Page,
    },
    company::{
        access::{
            At,
            permissions::{
                AccountCreate, AccountDelete, AccountEdit, AccountView, After, List as Listing, MachineView,
            },
        },
        targets::{
            self,
            accounts::{self, Account, Change, Fields, Filter, Method},
        },
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "accounts/list.html")]
struct List {
    frame: Frame,
    add: Act,
    filter: FilterBar,
    filtered: bool,
    rows: Vec<Row>,
    pager: Pager,
}
struct Row {
    name: String,
    description: String,
    href: String,
    edit_href: String,
    may_edit: bool,
    method: &'static str,
    username: String,
    environments: String,
}
#[derive(Template)]
#[template(path = "accounts/form.html")]
struct Form {
    frame: Frame,
    form: FormView,
    /// Environments it belongs to that the visitor may not see: sent back as they are.
    kept: Vec<String>,
    /// Both kinds are shown, and the one not chosen is put away by the style sheet.
    is_new: bool,
    has_key: bool,
    has_password: bool,
    may_drop_passphrase: bool,
}
#[derive(Template)]
#[template(path = "accounts/show.html")]
struct Show {
    frame: Frame,
    change: Act,
    sentence: String,
    about: Kv,
    targets: Vec<(String, String, String)>,
    targets_more: String,
    may_see_targets: bool,
    removal: Option<ConfirmDelete>,
}

fn base(visit: &Visit) -> String {
    visit.space_path("/infrastructure/accounts")
}
fn frame(visit: &Visit, title: &str) -> Frame {
    infrastructure(visit, title, "accounts")
}
fn located(visit: &Visit) -> Result<At<ids::Account>> {
    visit.visitor.locate(&visit.space()?, visit.parameter("account"))
}

/// The names of environments in their order; those that the visitor may not see are counted.
pub(super) fn environment_names(
    seen: &[crate::company::environments::Environment],
    wanted: &[Id<ids::Environment>],
) -> String {
    let mut names: Vec<String> =
        seen.iter().filter(|one| wanted.contains(&one.id)).map(|one| one.name.clone()).collect();
    let hidden = wanted.len() - names.len();
    if hidden > 0 {
        names.push(count(hidden as u64, "other", "others"));
    }
    names.join(", ")
}

fn where_usable(seen: &[crate::company::environments::Environment], account: &Account) -> String {
    if account.environments.is_empty() {
        "All environments".into()
    } else {
        environment_names(seen, &account.environments)
    }
}

/// All accounts.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let space = visit.space()?;
    let granted = visit.visitor.ask(Listing::<AccountView>::of(&space))?;
    let asked = Asked::of(visit);
    let kind = visit.call.asked("kind").unwrap_or_default();
    let filter = Filter { partial_name: asked.search.into(), ids: None, method: Method::named(kind) };
    let found = accounts::list(&granted, &filter, asked.page())?;
    let (address, seen) = (base(visit), seen::environments_here(visit)?);
    let mut rows = Vec::new();
    for account in &found.items {
        let at: At<ids::Account> = visit.visitor.locate(&space, &account.id.to_string())?;
        rows.push(Row {
            name: account.name.clone(),
            description: account.description.clone(),
            href: format!("{address}/{}", account.slug),
            edit_href: format!("{address}/{}/edit", account.slug),
            may_edit: visit.visitor.may(AccountEdit { account: at }),
            method: account.method.words(),
            username: account.username.clone(),
            environments: where_usable(&seen, account),
        });
    }
    let mut kinds = vec![Choice::new("", "Any")];
    kinds.extend(Method::ALL.map(|one| Choice::new(one.name(), one.words()).chosen(one.name() == kind)));
    Answer::page(&List {
        frame: frame(visit, "Accounts"),
        add: visit.offer(
            Listing::<AccountCreate>::of(&space),
            Act::link("Add an account", format!("{address}/new")).primary().icon("plus"),
        ),
        filter: FilterBar::new(&address, "Find an account", asked.search).select("kind", "Kind", kinds),
        filtered: !asked.search.is_empty() || !kind.is_empty(),
        rows,
        pager: asked.pager(found.total, &address, &[("kind", kind)]),
    })
}

// ------------------------------------------------------------------ the form

/// What the form holds: what was typed or what is there, never a secret.
struct Draft {
    name: String,
    description: String,
    method: Method,
    username: String,
    has_secret: bool,
    has_passphrase: bool,
    drop_passphrase: bool,
    environments: Vec<String>,
    /// A secret was typed and cannot be shown again.
    typed_again: bool,
}

impl Draft {
    fn empty() -> Draft {
        Draft {
            name: String::new(),
            description: String::new(),
            method: Method::SshKeyPair,
            username: String::new(),
            has_secret: false,
            has_passphrase: false,
            drop_passphrase: false,
            environments: Vec::new(),
            typed_again: false,
        }
    }
    fn of(account: &Account) -> Draft {
        Draft {
            name: account.name.clone(),
            description: account.description.clone(),
            method: account.method,
            username: account.username.clone(),
            has_secret: account.has_secret,
            has_passphrase: account.has_passphrase,
            environments: account.environments.iter().map(Id::to_string).collect(),
            ..Draft::empty()
        }
    }
    fn sent(visit: &Visit, present: Option<&Account>) -> Draft {
        let sent = visit.form();
        Draft {
            name: sent.text("name").into(),
            description: sent.text("description").into(),
            method: present.map_or_else(|| method(visit), |present| present.method),
            username: sent.text("username").into(),
            has_secret: present.is_some_and(|present| present.has_secret),
            has_passphrase: present.is_some_and(|present| present.has_passphrase),
            drop_passphrase: sent.ticked("no_passphrase"),
            environments: sent.all("environments"),
            typed_again: ["key", "passphrase", "password"].iter().any(|name| !sent.text(name).is_empty()),
        }
    }
}

fn method(visit: &Visit) -> Method {
    Method::named(visit.form().text("kind")).unwrap_or(Method::SshKeyPair)
}

fn fields(visit: &Visit, method: Method) -> Fields {
    let sent = visit.form();
    let passphrase = match Change::typed(sent.text("passphrase")) {
        Change::Keep if sent.ticked("no_passphrase") => Change::Clear,
        change => change,
    };
    Fields {
        name: sent.text("name").into(),
        description: sent.text("description").into(),
        method: Some(method),
        username: sent.text("username").into(),
        secret: Change::typed(sent.text(if method == Method::SshKeyPair { "key" } else { "password" })),
        passphrase,
        ..Fields::default()
    }
}

/// The environments that were ticked.
fn ticked(visit: &Visit) -> Result<Vec<At<ids::Environment>>> {
    let space = visit.space()?;
    visit.form().all("environments").iter().map(|text| visit.visitor.named(&space, text)).collect()
}

fn page(visit: &Visit, frame: Frame, draft: &Draft, present: Option<&Account>, error: Option<Error>) -> Result<Answer> {
    let seen = seen::environments_here(visit)?;
    let (action, submit) = match present {
        None => (base(visit), "Add the account"),
        Some(present) => (format!("{}/{}", base(visit), present.slug), "Save the account"),
    };
    let kinds = Method::ALL.map(|one| {
        let hint = match one {
            Method::SshKeyPair => "A private key, with its passphrase if it has one.",
            Method::UsernamePassword => "For machines that let people in by password.",
        };
        Choice::new(one.name(), one.words()).hint(hint).chosen(one == draft.method)
    });
    let again = if draft.typed_again { " What you typed is not shown again: give it once more." } else { "" };
    let key_help = format!("The whole file, from -----BEGIN to -----END. It is sealed when it is saved.{again}");
    let key = FieldView::script("key", "Private key").rows(6).help(key_help);
    let key = if draft.has_secret { key.placeholder("Set, unchanged. Paste another key to replace it.") } else { key };
    let environments = seen
        .iter()
        .map(|one| Choice::new(one.id.to_string(), &one.name).chosen(draft.environments.contains(&one.id.to_string())));
    let form = FormView::new(&action, submit)
        .field(
            FieldView::text("name", "Name")
                .value(&draft.name)
                .required()
                .autofocus()
                .max_length(200)
                .help("Such as Deploy on web servers."),
        )
        .field(FieldView::textarea("description", "Description").value(&draft.description).rows(2))
        .field(FieldView::radios("kind", "Signs in with", kinds.to_vec()))
        .field(
            FieldView::text("username", "User name on the machine")
                .value(&draft.username)
                .required()
                .mono()
                .max_length(64),
        )
        .field(key)
        .field(
            FieldView::secret("passphrase", "Passphrase of the key", draft.has_passphrase)
                .help("Leave it empty for a key without one."),
        )
        .field(FieldView::checkbox("no_passphrase", "The key has no passphrase any more", draft.drop_passphrase))
        .field(FieldView::secret("password", "Password", draft.has_secret).help(again.trim()))
        .field(
            FieldView::checks("environments", "Only for these environments", environments.collect())
                .help("Tick none to let it be used everywhere, also in environments added later."),
        )
        .cancel(action.clone());
    let mut form = form;
    if draft.method == Method::UsernamePassword || present.is_none() {
        // A required field that is put away could not be filled in; the server says what is missing.
        form.fields.iter_mut().filter(|field| field.name == "key").for_each(|field| field.required = false);
    }
    let refused = error.is_some();
    let form = match error {
        None => form,
        Some(Error::Denied(denied)) => form.problem(format!(
            "You may not give the account to these environments: {} is missing for {}.",
            denied.permission, denied.place
        )),
        Some(Error::NotFound(_)) => form.errors([("environments", "One of them is not there any more. Choose again.")]),
        Some(error) => form::refuse(
            form,
            error,
            &[
                ("Name", "name"),
                ("Description", "description"),
                ("Username", "username"),
                ("AccountType", "kind"),
                ("PrivateKeyFile", "key"),
                ("PrivateKeyPassphrase", "passphrase"),
                ("Password", "password"),
            ],
        )?,
    };
    let page = Form {
        frame,
        form,
        kept: draft
            .environments
            .iter()
            .filter(|id| seen.iter().all(|one| one.id.to_string() != **id))
            .cloned()
            .collect(),
        is_new: present.is_none(),
        has_key: present.is_none_or(|present| present.method == Method::SshKeyPair),
        has_password: present.is_none_or(|present| present.method == Method::UsernamePassword),
        may_drop_passphrase: draft.has_passphrase,
    };
    Answer::shown(&page, refused)
}

fn new_frame(visit: &Visit) -> Frame {
    frame(visit, "Add an account").crumb("Accounts", base(visit))
}

/// The form for a new one.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(Listing::<AccountCreate>::of(&visit.space()?))?;
    page(visit, new_frame(visit), &Draft::empty(), None, None)
}

/// The form for a new one was sent.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let space = visit.space()?;
    visit.visitor.ask(Listing::<AccountCreate>::of(&space))?;
    let made = ticked(visit).and_then(|environments| {
        let granted = visit.visitor.ask(AccountCreate { space, environments })?;
        accounts::create(&granted, fields(visit, method(visit)))
    });
    match made {
        Ok(made) => Answer::done(format!("{}/{}", base(visit), made.slug), format!("{} was added.", made.name)),
        Err(error) => page(visit, new_frame(visit), &Draft::sent(visit, None), None, Some(error)),
    }
}

fn edit_frame(visit: &Visit, found: &Account) -> Frame {
    frame(visit, &format!("Change {}", found.name))
        .crumb("Accounts", base(visit))
        .crumb(&found.name, format!("{}/{}", base(visit), found.slug))
}

/// The form for changing one.
pub(super) fn edit(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    visit.visitor.ask(AccountEdit { account: at.clone() })?;
    let found = accounts::show(&visit.visitor.ask(AccountView { account: at })?)?;
    page(visit, edit_frame(visit, &found), &Draft::of(&found), Some(&found), None)
}

/// The form for changing one was sent.
pub(super) fn update(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(AccountEdit { account: at.clone() })?;
    let found = accounts::show(&visit.visitor.ask(AccountView { account: at })?)?;
    let saved = ticked(visit).and_then(|environments| {
        let after = After::of(&visit.space()?, environments, Vec::new());
        accounts::edit(&granted, &visit.visitor.ask::<After<AccountEdit>>(after)?, fields(visit, found.method))
    });
    match saved {
        Ok(saved) => Answer::done(format!("{}/{}", base(visit), saved.slug), format!("{} was saved.", saved.name)),
        Err(error) => {
            page(visit, edit_frame(visit, &found), &Draft::sent(visit, Some(&found)), Some(&found), Some(error))
        }
    }
}

// ------------------------------------------------------------------ one account

/// One account.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    show_page(visit, &located(visit)?, None)
}

fn show_page(visit: &Visit, at: &At<ids::Account>, problem: Option<&str>) -> Result<Answer> {
    let space = visit.space()?;
    let found = accounts::show(&visit.visitor.ask(AccountView { account: at.clone() })?)?;
    let address = format!("{}/{}", base(visit), found.slug);
    let seen = seen::environments_here(visit)?;
    let may_see_targets = visit.visitor.may_somewhere::<MachineView>(&space);
    let (mut users, mut total) = (Vec::new(), 0);
    if may_see_targets {
        let granted = visit.visitor.ask(Listing::<MachineView>::of(&space))?;
        let filter = targets::Filter { account: Some(found.id.0), ..targets::Filter::default() };
        let listed = targets::list(&granted, &filter, Page { skip: 0, take: ROWS })?;
        total = listed.total as u64;
        users = listed.items;
    }
    let removal = visit.removal(AccountDelete { account: at.clone() }, &found.name, |granted| {
        let removal = form::removal(format!("{address}/delete"), "account", &found.name, problem);
        Ok(removal.obstacle(accounts::obstacle(granted)?))
    })?;
    let set = |is_set: bool| if is_set { "Set" } else { "" };
    let about = Kv::new()
        .row("Description", &found.description)
        .row("Signs in with", found.method.words())
        .mono("User name", &found.username)
        .row(if found.method == Method::SshKeyPair { "Private key" } else { "Password" }, set(found.has_secret));
    let about = if found.method == Method::SshKeyPair {
        about.row("Passphrase", if found.has_passphrase { "Set" } else { "None" })
    } else {
        about
    };
    let page = Show {
        frame: frame(visit, &found.name).crumb("Accounts", base(visit)),
        change: visit
            .offer(AccountEdit { account: at.clone() }, Act::link("Change", format!("{address}/edit")).icon("pencil")),
        sentence: format!("{} · {}", found.method.words(), where_usable(&seen, &found)),
        about: about.row("May be used in", where_usable(&seen, &found)).mono("Id", found.id.to_string()),
        targets_more: match total.saturating_sub(users.len() as u64) {
            0 => String::new(),
            more => format!("and {more} more"),
        },
        targets: users
            .into_iter()
            .map(|one| {
                let href = visit.space_path(&format!("/infrastructure/targets/{}", one.slug));
                let place = format!("{}:{}", one.host, one.port);
                (one.name, href, place)
            })
            .collect(),
        may_see_targets,
        removal,
    };
    Answer::shown(&page, problem.is_some())
}

/// Deletes one; its name must have been typed.
pub(super) fn delete(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(AccountDelete { account: at.clone() })?;
    let found = accounts::show(&visit.visitor.ask(AccountView { account: at.clone() })?)?;
    form::remove(visit, &found.name, base(visit), || accounts::delete(&granted), |why| show_page(visit, &at, Some(why)))
}
