//! People of the company: who is here, in what state; change, shut out, let in again. Inviting is [`super::invitations`]'.

use super::{
    answers::preview::{Change, Checked, guarded},
    caller::{Answer, Visit},
    form::{self, FormPage},
    list::Asked,
    page::{Act, Chip, Choice, FieldView, FilterBar, FormView, Frame, Kv, Pager, When, count},
    tasks::when,
};
use crate::{
    base::{
        error::{Error, Result},
        ids::{self, Team},
        paging::Page,
    },
    company::{
        access::{
            At, Within,
            permissions::{TeamView, UserEdit, UserInvite, UserRoleView, UserView},
        },
        people::{self, Fields, Filter, State, User, invitations::Undelivered},
        teams,
    },
};
use askama::Template;

/// The frame of a page under People and access, with its tabs.
pub(super) fn access(visit: &Visit, title: &str, current: &str) -> Frame {
    let mut frame = visit.frame("access", title);
    if visit.visitor.may(UserView {}) {
        frame = frame.tab("People", visit.path("/access/people"), current == "people");
    }
    frame = frame.tab("Teams", visit.path("/access/teams"), current == "teams");
    if visit.visitor.may(UserRoleView {}) {
        frame = frame.tab("User roles", visit.path("/access/roles"), current == "roles");
    }
    if visit.visitor.may(UserView {}) {
        frame = frame.tab("Who may", visit.path("/access/who"), current == "who");
    }
    if super::answers::review::is_for(visit) {
        frame = frame.tab("Review", visit.path("/access/review"), current == "review");
    }
    frame
}

#[derive(Template)]
#[template(path = "people/list.html")]
struct List {
    frame: Frame,
    add_service: Act,
    invite: Act,
    sentence: String,
    lacking_href: String,
    filter: FilterBar,
    rows: Vec<Row>,
    pager: Pager,
    open: Vec<OpenRow>,
}
struct OpenRow {
    teams: String,
    inviter: String,
    ends: When,
    revoke: String,
}
struct Row {
    name: String,
    email: String,
    href: String,
    chip: Chip,
    factor: &'static str,
    seen: Option<When>,
}
#[derive(Template)]
#[template(path = "people/show.html")]
pub(super) struct Show {
    frame: Frame,
    chip: Chip,
    about: Kv,
    link: String,
    rights_href: String,
    acts: Vec<Act>,
    reset_factors: Act,
    problem: String,
    waits: String,
    /// Why the invitation has not arrived.
    not_arrived: String,
    ways: Option<Kv>,
    teams: Vec<TeamRow>,
    /// So many more roles are held in spaces that the visitor may not enter.
    elsewhere: usize,
    roles: Vec<RoleRow>,
}
struct TeamRow {
    name: String,
    href: String,
    space: String,
}
struct RoleRow {
    team: String,
    href: String,
    role: String,
    place: String,
    beyond: String,
}

pub(super) fn base(visit: &Visit) -> String {
    visit.path("/access/people")
}

/// What tells people of one name apart where they are listed or chosen, and marks customers' people.
pub(super) fn hint(user: &User) -> String {
    let who = if user.is_service { "service account" } else { user.email_address.as_str() };
    if user.is_customer { format!("{who} · {CUSTOMER}") } else { who.to_owned() }
}

/// How customers' people are marked.
pub(super) const CUSTOMER: &str = "customer";

fn chip(user: &User, undelivered: &[Undelivered]) -> Chip {
    match user.state {
        State::Invited if undelivered.iter().any(|one| one.user == user.id && one.given_up) => {
            Chip::new("failed", "Invitation not delivered")
        }
        State::Active => Chip::new("success", "Active"),
        State::Invited => Chip::new("queued", "Invited"),
        State::Inactive => Chip::new("cancelled", "Inactive"),
    }
}

/// The invitations that have not arrived, for who may send them again.
fn undelivered(visit: &Visit) -> Result<Vec<Undelivered>> {
    match visit.visitor.may(UserInvite {}) {
        true => people::invitations::undelivered(&visit.visitor.ask(UserInvite {})?),
        false => Ok(Vec::new()),
    }
}

/// Everybody.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserView {})?;
    let asked = Asked::of(visit);
    let state = visit.call.asked("state").unwrap_or_default();
    let filter = Filter {
        text: asked.search.into(),
        state: State::of(state),
        service: (state == "service").then_some(true),
        without_second_factor: state == "no-factor",
        ids: None,
    };
    let found = people::list(&granted, &filter, asked.page())?;
    let counts = people::counts(&granted)?;
    let (address, undelivered) = (base(visit), undelivered(visit)?);
    let choices = [
        ("", "Everybody"),
        ("active", "Active"),
        ("invited", "Invited"),
        ("inactive", "Inactive"),
        ("service", "Service accounts"),
        ("no-factor", "Without a second factor"),
    ];
    let choices = choices.into_iter().map(|(value, label)| Choice::new(value, label).chosen(value == state)).collect();
    let rows = found.items.iter().map(|user| Row {
        name: user.display_name.clone(),
        email: hint(user),
        href: format!("{address}/{}", user.id),
        chip: chip(user, &undelivered),
        factor: match (user.is_service, user.has_second_factor) {
            (true, _) => "",
            (false, true) => "Set up",
            (false, false) => "Missing",
        },
        seen: user.last_seen_at.map(when),
    });
    let open = match visit.visitor.may(UserInvite {}) && asked.page().skip == 0 {
        true => people::invitations::list_open(&visit.visitor.ask(UserInvite {})?)?,
        false => Vec::new(),
    };
    Answer::page(&List {
        frame: access(visit, "People", "people"),
        open: open
            .into_iter()
            .map(|open| OpenRow {
                teams: match (open.teams.as_slice(), open.hidden) {
                    ([], 0) => "No team".into(),
                    ([], hidden) => format!("{hidden} that you may not see"),
                    (some, hidden) => {
                        let names = some.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ");
                        if hidden > 0 { format!("{names} and {hidden} that you may not see") } else { names }
                    }
                },
                inviter: open.inviter,
                ends: when(open.until),
                revoke: format!("{address}/open-invitations/Invitations-{}/revoke", open.id),
            })
            .collect(),
        add_service: visit
            .offer(UserEdit {}, Act::link("Add a service account", format!("{address}/new-service-account"))),
        invite: visit
            .offer(UserInvite {}, Act::link("Invite a person", format!("{address}/invite")).primary().icon("plus")),
        lacking_href: if counts.without_second_factor > 0 {
            format!("{address}/second-factors")
        } else {
            String::new()
        },
        sentence: format!(
            "{} active · {} invited · {} inactive · {} without a second factor",
            counts.active, counts.invited, counts.inactive, counts.without_second_factor
        ),
        filter: FilterBar::new(&address, "Find a person", asked.search).select("state", "Show", choices),
        rows: rows.collect(),
        pager: asked.pager(found.total, &address, &[("state", state)]),
    })
}

pub(super) fn located(visit: &Visit) -> Result<At<ids::User>> {
    visit.visitor.locate(Within::Company, visit.parameter("user"))
}

/// One person.
pub(super) fn show(visit: &Visit) -> Result<Answer> {
    show_page(visit, &located(visit)?, "")
}

/// One person, with what was wrong.
pub(super) fn show_page(visit: &Visit, at: &At<ids::User>, problem: &str) -> Result<Answer> {
    Answer::shown(&draw_page(visit, at, "", problem)?, !problem.is_empty())
}

/// One person, with a link to hand over or with what was wrong.
pub(super) fn draw_page(visit: &Visit, at: &At<ids::User>, link: &str, problem: &str) -> Result<Show> {
    let user = people::show(&visit.visitor.ask(UserView {})?, at)?;
    let address = format!("{}/{}", base(visit), user.id);
    let may_edit = visit.visitor.may(UserEdit {});
    let post = |label: &str, rest: &str| Act::post(label, format!("{address}/{rest}"));
    let of_user = |act: Act, there: bool| visit.offer(UserEdit {}, act.only_if(there));
    let of_invitation =
        |act: Act| visit.offer(UserInvite {}, if user.state == State::Invited { act } else { Act::none() });
    let (mut roles, mut elsewhere) = (Vec::new(), 0);
    if visit.visitor.may(UserRoleView {}) {
        let (seen_roles, hidden) = teams::roles_of_user(&visit.visitor.ask(UserRoleView {})?, at)?;
        elsewhere = hidden;
        for role in seen_roles {
            let team: Option<At<Team>> = visit.visitor.locate(Within::Company, &role.team.to_string()).ok();
            let team = team.filter(|team| visit.visitor.may(TeamView { team: team.clone() }));
            let words = teams::summary(&role);
            let (team, href) = match team {
                Some(team) => {
                    let name = teams::show(&visit.visitor.ask(TeamView { team })?)?.name;
                    (name, visit.path(&format!("/access/teams/{}", role.team)))
                }
                None => ("A team you cannot see".into(), String::new()),
            };
            let until = role.until.map(|until| format!(", until {}", visit.clock(until))).unwrap_or_default();
            roles.push(RoleRow {
                team,
                href,
                role: role.role_name,
                place: format!("{}{until}", words.place),
                beyond: words.beyond,
            });
        }
    }
    let mine: Vec<TeamRow> = match visit.visitor.ask_anywhere::<TeamView>(None) {
        Ok(levels) => {
            let filter = teams::Filter { member: Some(user.id), ..teams::Filter::default() };
            let found = teams::list(&levels, &filter, Page::ALL)?;
            let row = |team: teams::Team| TeamRow {
                href: visit.path(&format!("/access/teams/{}", team.id)),
                space: team.space_name.unwrap_or_default(),
                name: team.name,
            };
            found.items.into_iter().filter(teams::Team::has_members).map(row).collect()
        }
        Err(Error::Denied(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    let invited = user.state == State::Invited && visit.visitor.may(UserInvite {});
    let undelivered = undelivered(visit)?;
    let lost = undelivered.iter().find(|one| one.user == user.id);
    let not_arrived = lost.map_or_else(String::new, |lost| {
        let next = if lost.given_up {
            "Correct the address if it is wrong and send it again, or make a link and hand it over."
        } else {
            "It is tried again. You can also make a link and hand it over."
        };
        format!(
            "The invitation has not arrived at {}: {}. {next}",
            user.email_address,
            lost.problem.trim_end_matches('.')
        )
    });
    let waits = match invited.then(|| visit.visitor.ask(UserInvite {})).transpose()? {
        Some(granted) => match people::invitations::ends(&granted, at)? {
            Some(until) => format!("The link ends {}.", when(until).relative),
            None => "The link has ended. Send the invitation again.".into(),
        },
        None => String::new(),
    };
    let ways = match may_edit && user.state != State::Invited {
        true => Some(ways(people::ways_in(&visit.visitor.ask(UserEdit {})?, at)?, &user, &address)),
        false => None,
    };
    let mut about = Kv::new().row("E-mail", &user.email_address).row("Username", &user.username);
    if !user.is_service {
        about = about.row("Second factor", if user.has_second_factor { "Set up" } else { "" });
    }
    if user.is_customer {
        let all = visit.company().rules().customers_in_everyone;
        let words = if all { "A customer's person" } else { "A customer's person, not in Everyone" };
        about = about.row("Belongs to", words);
    }
    about = about.when("Made", when(user.created_at));
    if let Some(seen) = user.last_seen_at {
        about = about.when("Last seen", when(seen));
    }
    Ok(Show {
        frame: access(visit, &user.display_name, "people").crumb("People", base(visit)),
        chip: chip(&user, &undelivered),
        about: about.mono("Id", user.id.to_string()),
        link: link.to_owned(),
        rights_href: format!("{address}/rights"),
        acts: vec![
            of_user(Act::link("Change", format!("{address}/edit")).icon("pencil"), true),
            of_invitation(post("Send it again", "invite-again")),
            of_invitation(post("Make a link to hand over", "invite-again?by=hand").only_if(lost.is_some())),
            of_invitation(post("Revoke the invitation", "revoke").danger()),
            of_user(post("Reset the password", "reset-password"), user.state == State::Active && !user.is_service),
            of_user(post("Deactivate", "deactivate").danger(), user.state == State::Active),
            of_user(post("Reactivate", "reactivate"), user.state == State::Inactive),
        ],
        waits,
        not_arrived,
        ways,
        teams: mine,
        reset_factors: of_user(
            post("Remove their second factors", "reset-second-factors").small(),
            may_edit && user.has_second_factor,
        ),
        problem: problem.to_owned(),
        roles,
        elsewhere,
    })
}

/// By how many ways somebody can come in.
fn ways(counted: people::WaysIn, user: &User, address: &str) -> Kv {
    let said = |number: i64, one: &str, many: &str| count(number as u64, one, many);
    if user.is_service {
        let keys = said(counted.keys, "API key", "API keys");
        let identities = said(counted.identities, "identity", "identities");
        return Kv::new().link("API keys", keys, format!("{address}/keys")).link(
            "OIDC",
            identities,
            format!("{address}/identities"),
        );
    }
    Kv::new()
        .row("Signed in", said(counted.sessions, "browser", "browsers"))
        .row("API keys", said(counted.keys, "key", "keys"))
}

const NAMES: [(&str, &str); 3] = [("DisplayName", "name"), ("EmailAddress", "email"), ("Username", "username")];

fn edit_view(visit: &Visit, user: &User) -> FormView {
    let address = format!("{}/{}", base(visit), user.id);
    let mut form = FormView::new(address.clone(), "Save the person")
        .field(FieldView::text("name", "Name").value(&user.display_name).required().autofocus().max_length(64));
    if !user.is_service {
        form = form.field(FieldView::email("email", "E-mail").value(&user.email_address).required());
    }
    form.field(FieldView::text("username", "Username").value(&user.username).required().max_length(64)).cancel(address)
}

/// The form for changing somebody.
pub(super) fn edit(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    visit.visitor.ask(UserEdit {})?;
    let user = people::show(&visit.visitor.ask(UserView {})?, &at)?;
    let frame = access(visit, "Change the person", "people").crumb("People", base(visit));
    Answer::page(&FormPage { frame, form: edit_view(visit, &user) })
}

/// The form for changing somebody was sent.
pub(super) fn update(visit: &Visit) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(UserEdit {})?;
    let user = people::show(&visit.visitor.ask(UserView {})?, &at)?;
    let sent = visit.form();
    let fields = Fields {
        username: sent.text("username").into(),
        display_name: sent.text("name").into(),
        email_address: if user.is_service { user.email_address.clone() } else { sent.text("email").into() },
    };
    match people::edit(&granted, &at, &fields) {
        Ok(saved) => {
            Answer::done(format!("{}/{}", base(visit), saved.id), format!("{} was saved.", saved.display_name))
        }
        Err(error) => form::refused(
            access(visit, "Change the person", "people").crumb("People", base(visit)),
            edit_view(visit, &user).typed(sent.typed()),
            error,
            &NAMES,
        ),
    }
}

/// Shuts somebody out.
pub(super) fn deactivate(visit: &Visit) -> Result<Answer> {
    let words = ("What deactivating them does", "Deactivate them", "can no longer sign in");
    change(visit, people::deactivate, words)
}

/// Lets somebody in again.
pub(super) fn reactivate(visit: &Visit) -> Result<Answer> {
    let words = ("What reactivating them does", "Reactivate them", "can sign in again");
    change(visit, people::reactivate, words)
}

type Command = fn(&crate::company::access::Granted<'_, UserEdit>, &At<ids::User>) -> Result<User>;

fn change(visit: &Visit, command: Command, words: (&str, &str, &str)) -> Result<Answer> {
    let at = located(visit)?;
    let granted = visit.visitor.ask(UserEdit {})?;
    let back = format!("{}/{}", base(visit), at.id());
    let (title, submit, done) = words;
    match guarded(visit, Change::new(title, submit, &back), || command(&granted, &at)) {
        Ok(Checked::Shown(answer)) => Ok(answer),
        Ok(Checked::Done(user)) => Answer::done(back, format!("{} {done}.", user.display_name)),
        Err(Error::Conflict(sentence)) => show_page(visit, &at, &sentence),
        Err(error) => Err(error),
    }
}

fn service_view(visit: &Visit) -> FormView {
    FormView::new(format!("{}/new-service-account", base(visit)), "Add the service account")
        .field(
            FieldView::text("name", "Name")
                .required()
                .autofocus()
                .max_length(64)
                .help("Such as: Build server. It has no password; programs use its API keys."),
        )
        .field(FieldView::text("username", "Username").required().max_length(64).mono())
        .cancel(base(visit))
}

/// The form for a service account.
pub(super) fn service_form(visit: &Visit) -> Result<Answer> {
    visit.visitor.ask(UserEdit {})?;
    let frame = access(visit, "Add a service account", "people").crumb("People", base(visit));
    Answer::page(&FormPage { frame, form: service_view(visit) })
}

/// The form for a service account was sent.
pub(super) fn create_service(visit: &Visit) -> Result<Answer> {
    let granted = visit.visitor.ask(UserEdit {})?;
    let sent = visit.form();
    let fields = Fields {
        username: sent.text("username").into(),
        display_name: sent.text("name").into(),
        email_address: String::new(),
    };
    match people::create_service_account(&granted, &fields) {
        Ok(made) => Answer::done(format!("{}/{}", base(visit), made.id), format!("{} was added.", made.display_name)),
        Err(error) => form::refused(
            access(visit, "Add a service account", "people").crumb("People", base(visit)),
            service_view(visit).typed(sent.typed()),
            error,
            &NAMES,
        ),
    }
}
