//! Help: the words of the trade in a sentence each, and the parts that pages are made of, all on one page.
//!
//! The sample data of the second page is made up and belongs to nobody.

use super::{
    caller::{Answer, Visit},
    page::{
        Cell, Chip, Choice, ConfirmDelete, DiffLine, Empty, FieldView, FilterBar, FormView, Frame, Kv, LogLine,
        LogStep, LogView, Moment, Pager, Qr, ScopePicker, Timeline, When, thousands,
    },
};
use crate::{
    base::error::{Error, Result},
    company::access::permissions::{List, TeamView, UserView},
};
use askama::Template;

#[derive(Template)]
#[template(path = "help/index.html")]
struct Index {
    frame: Frame,
    words: &'static [(&'static str, &'static str)],
    questions: Vec<Asked>,
    parts_href: String,
}

/// A question about access, and where it is answered: only ways that the visitor may go.
struct Asked {
    question: &'static str,
    answer: &'static str,
    ways: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "help/parts.html")]
struct Parts {
    frame: Frame,
    chips: Vec<Chip>,
    filter: FilterBar,
    rows: Vec<Row>,
    pager: Pager,
    matrix: Vec<(String, Vec<Cell>)>,
    form: FormView,
    picker: ScopePicker,
    timeline: Timeline,
    diff: Vec<DiffLine>,
    about: Kv,
    qr: Qr,
    log: LogView,
    empty: Empty,
    removal: ConfirmDelete,
}
struct Row {
    id: String,
    name: String,
    note: String,
    chip: Chip,
    tasks: String,
}

fn questions(visit: &Visit) -> Vec<Asked> {
    let visitor = &visit.visitor;
    let people = visitor.may(UserView {});
    let teams = visitor.may(List::<TeamView>::system())
        || visitor.home_space().is_some_and(|space| visitor.may_somewhere::<TeamView>(&space));
    let review = super::answers::review::is_for(visit);
    let asked = |question, answer, ways: &[(bool, &'static str, &str)]| Asked {
        question,
        answer,
        ways: ways.iter().filter(|way| way.0).map(|(_, label, path)| (*label, visit.path(path))).collect(),
    };
    vec![
        asked(
            "Why can I not press this?",
            "A button that cannot be used says what it needs and, if you may see teams, who has it. “Why?” beside it shows which of your roles come near and what limits each. Everybody may ask about themselves.",
            &[(true, "Ask why", "/access/why"), (true, "What you may do", "/me/rights")],
        ),
        asked(
            "Why may somebody, or why not?",
            "Choose a person, a permission and a place: the answer names the team and role that allow it, or what each limits.",
            &[(people, "Ask about a person", "/access/why")],
        ),
        asked(
            "Who may do this there?",
            "Everybody who may, with the team and role through which. A dimension that is left empty means anywhere; “none” for the tenant means without one.",
            &[(people, "Ask who", "/access/who")],
        ),
        asked(
            "What may this person do at all?",
            "Their page leads to all their rights, place by place, and to the same as CSV.",
            &[(people, "Choose a person", "/access/people")],
        ),
        asked(
            "What if I change this?",
            "“Preview” on a role, a team, its members or an invitation shows who would gain and lose what, and saves nothing. Where somebody would gain production or administration it is shown unasked and has to be confirmed.",
            &[(teams, "Teams", "/access/teams")],
        ),
        asked(
            "Does everybody still need what they have?",
            "The review tells when each right was last used, proposes the smallest change that takes away what was not used in 90 days, and lists who has no second factor, who was not seen, and what ends soon. Signing it off stands in the trail.",
            &[(review, "Review", "/access/review")],
        ),
    ]
}

const WORDS: &[(&str, &str)] = &[
    (
        "Company",
        "A compartment of its own: its people, its spaces, its files. Nothing is shared with another company on the same server.",
    ),
    (
        "Space",
        "A division of a company. Projects, environments and tenants belong to one space and are not seen from another.",
    ),
    ("Project", "What is deployed: a process of steps, and the releases made of it."),
    ("Release", "A version of a project, with its process as it stood when the release was made."),
    ("Environment", "Where releases go, such as Test, Staging and Production."),
    ("Lifecycle", "In which order a release may go to environments."),
    ("Deployment target", "A machine that steps run on. Its target tags say which steps."),
    ("Account", "How a machine is signed in to. Its secret is sealed and never shown again."),
    ("Tenant", "Somebody a project is deployed for: a customer, a branch, a site."),
    (
        "Tag set",
        "A question about tenants, such as Region, with its tags as the answers. Steps and machines can be limited to tenants by tag.",
    ),
    ("Team", "People who get the same rights. Elsewhere it is called a group."),
    (
        "User role",
        "A named bag of permissions. A team holds it everywhere, or for some projects, environments or tenants only.",
    ),
    (
        "Team for emergencies",
        "Its members hold its roles only while they use it: with a reason that all administrators get by mail, for some hours at most. It ends by itself.",
    ),
    ("Recipe", "Teams with roles to start from: account managers, a department, viewers and others."),
    ("Task", "One piece of work of the server, with its log: a deployment, a health check."),
    ("Trail", "Every change and every refusal, who it was, and when. It cannot be changed afterwards."),
];

/// The words.
pub(super) fn index(visit: &Visit) -> Result<Answer> {
    Answer::page(&Index {
        frame: visit.frame("", "Help"),
        words: WORDS,
        questions: questions(visit),
        parts_href: visit.path("/help/parts"),
    })
}

fn when(relative: &str) -> When {
    When::new(relative, "2026-11-22 11:02:03 UTC")
}
fn state(word: &str) -> Chip {
    Chip::for_task_state(word)
}

/// All parts together: to be looked at when one of them is changed.
pub(super) fn parts(visit: &Visit) -> Result<Answer> {
    let here = visit.path("/help/parts");
    let states = ["Executing", "Queued", "Waiting", "SuccessWithWarnings", "Failed", "Canceled", "?"];
    let mut chips = vec![state("Success").at(when("4 minutes ago"))];
    chips.extend(states.map(state));
    chips.push(Chip::new("info", "New"));
    let healths = ["Healthy", "Unhealthy", "HasWarnings", "?"].into_iter().enumerate();
    let rows = healths.map(|(at, health)| Row {
        id: format!("Machines-{at}"),
        name: format!("web-prod-0{at}"),
        note: "10.4.1.2, SSH".into(),
        chip: Chip::for_health(health).at(when("3 minutes ago")),
        tasks: thousands(at as u64 * 1204),
    });
    let health = vec![Choice::new("", "Any"), Choice::new("bad", "Unhealthy")];
    Answer::page(&Parts {
        frame: visit
            .frame("", "The parts")
            .crumb("Help", visit.path("/help"))
            .tab("Overview", &here, true)
            .tab_count("Numbers", &here, false, 1204),
        chips,
        filter: FilterBar::new(&here, "Find a target", "web").select("health", "Health", health),
        rows: rows.collect(),
        pager: Pager::new(1204, 50, 4, &here),
        matrix: matrix(),
        form: form(&here),
        picker: ScopePicker::new("tenants", "Tenants", tenants())
            .all("All tenants, also those added later")
            .reach("12 projects today")
            .help("Choose none to mean all."),
        timeline: timeline(&here),
        diff: vec![
            DiffLine::same("steps:"),
            DiffLine::removed("  - deploy 1.3.9"),
            DiffLine::added("  - deploy 1.4.0"),
            DiffLine::same("  - tell the team"),
        ],
        about: Kv::new()
            .row("Description", "Customers are here")
            .mono("Id", "Environments-4")
            .link("Lifecycles", "Default", &here)
            .chip("Health", Chip::for_health("HasWarnings"))
            .row("Notes", "")
            .when("Added", when("3 months ago"))
            .hint("by Ada Lovelace"),
        qr: code("otpauth://totp/sample?secret=JBSWY3DPEHPK3PXP")?,
        log: log(),
        empty: Empty::new("server", "No workers yet", "A worker runs steps that belong to no target.")
            .refusal("Only people with WorkerEdit can add one: Ada Lovelace, Ben Carter."),
        removal: ConfirmDelete::new(&here, "environment", "Production")
            .goes_too("The history of 1,204 deployments made here."),
    })
}

fn matrix() -> Vec<(String, Vec<Cell>)> {
    let cell = |version: &str, word: &str, at: &str| Cell::new(version, "#", state(word), when(at));
    vec![
        (
            "Shop".into(),
            vec![
                cell("1.4.0", "Success", "4 minutes ago"),
                cell("1.4.0", "Executing", "now"),
                cell("1.3.9", "Failed", "2 hours ago").behind(1),
                Cell::closed(),
            ],
        ),
        (
            "Billing".into(),
            vec![
                cell("9.0.1", "Success", "4 days ago"),
                cell("9.0.0", "Waiting", "12 minutes ago").behind(2),
                Cell::none().start("Deploy…", "#"),
                cell("8.1.0", "Success", "3 months ago").behind(14),
            ],
        ),
    ]
}

fn form(here: &str) -> FormView {
    let reached = vec![
        Choice::new("ssh", "SSH").hint("The server calls the target.").chosen(true),
        Choice::new("agent", "Agent").hint("The target calls the server: no port has to be opened."),
    ];
    FormView::new(here, "Add the environment")
        .field(FieldView::text("name", "Name").required().help("What people call the place, such as Staging."))
        .field(FieldView::textarea("description", "Description").rows(3).help("Shown below the name in lists."))
        .field(FieldView::section("Rules", "What deployments to this environment may do."))
        .field(FieldView::checkbox("guided", "Ask a person when a step fails", true))
        .field(FieldView::select(
            "lifecycle",
            "Lifecycle",
            vec![Choice::new("a", "Default"), Choice::new("b", "Hotfix")],
        ))
        .field(FieldView::radios("reached", "Reached by", reached))
        .field(FieldView::number("port", "Port").value("22").between(1, 65_535))
        .field(FieldView::secret("passphrase", "Passphrase", true))
        .field(FieldView::script("body", "Script").value("#!/bin/sh\nset -eu\necho \"Hello\"").rows(5))
        .field(FieldView::file("package", "Package"))
        .errors([("port", "Between 1 and 65,535.")])
        .cancel(here)
}

fn tenants() -> Vec<Choice> {
    let names = ["Contoso", "Northwind Traders and Sons (Holdings) International", "Fabrikam", "Tailspin Toys"];
    let every = (0..24_usize).zip(names.iter().cycle());
    every
        .map(|(at, name)| {
            let choice = Choice::new(format!("Tenants-{at}"), format!("{name} {}", at / 4 + 1)).chosen(at < 3);
            if at == 6 { choice.disabled("not connected to Production") } else { choice.hint(format!("has 1.{at}.0")) }
        })
        .collect()
}

fn timeline(here: &str) -> Timeline {
    let moment =
        |word: &str, title: &str, at: &str, who: &str| Moment::new(state(word), title, when(at)).href(here).who(who);
    Timeline {
        moments: vec![
            moment("Executing", "Shop 1.4.0 for Contoso", "now", "Ada Lovelace"),
            moment("Waiting", "Warehouse 2026.11.2", "12 minutes ago", "Ben Carter")
                .detail("“Approve the change window” waits for the team Release managers."),
            moment(
                "Failed",
                "Shop 1.3.9 for Northwind Traders and Sons (Holdings) International",
                "2 hours ago",
                "Ben Carter",
            )
            .detail("Step 3, Run the database migration: exit code 1 on db-prod-02."),
            moment("Success", "Billing 9.0.1", "yesterday", "the trigger Nightly"),
            moment("Canceled", "Billing 9.0.0", "3 days ago", "Cleo Park"),
        ],
    }
}

fn log() -> LogView {
    let line = |number: u64, category: &str, text: &str| LogLine::new(number, category, "11:02:03", text);
    LogView {
        raw_href: "#".into(),
        steps: vec![
            LogStep::new("1", "Acquire packages", "Success").duration("4 s").lines(vec![
                line(1, "Info", "Acquiring packages"),
                line(2, "Verbose", "GET https://feed.example.com/shop/1.4.0 → 200 (12.4 MB)"),
            ]),
            LogStep::new("2", "Deploy the web application", "SuccessWithWarnings").duration("31 s"),
            LogStep::new("2.1", "web-prod-01", "SuccessWithWarnings")
                .under("2", 1)
                .duration("16 s")
                .lines(vec![line(3, "Info", "Stopping service shop"), line(4, "Warning", "Service took 12 s to stop")]),
            LogStep::new("3", "Run the database migration", "Failed").duration("1 min 12 s").lines(vec![
                line(5, "Info", "\u{1b}[1mFlyway\u{1b}[0m 10.4 \u{1b}[36mmigrate\u{1b}[0m"),
                line(6, "Error", "\u{1b}[31mERROR\u{1b}[0m: relation \"orders_v2\" already exists (SQLSTATE 42P07)"),
                line(7, "Fatal", "The script ended with exit code 1"),
            ]),
            LogStep::new("4", "Tell the team", "Skipped"),
        ],
        ..LogView::default()
    }
}

fn code(text: &str) -> Result<Qr> {
    let code = qrcodegen::QrCode::encode_text(text, qrcodegen::QrCodeEcc::Medium)
        .map_err(|fault| Error::internal(format!("the sample code: {fault}")))?;
    Ok(Qr::new(code.size().unsigned_abs(), "A sample: it leads nowhere", |x, y| {
        code.get_module(i32::try_from(x).unwrap_or(0), i32::try_from(y).unwrap_or(0))
    }))
}
