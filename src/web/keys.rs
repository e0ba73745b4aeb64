//! API keys: one's own, and those of service accounts. A key can be given less than its owner has.

use super::{
    caller::{Answer, Visit},
    form::refuse,
    once::Once,
    page::{self, Chip, Choice, FieldView, FormView, Frame, Message, ScopePicker, When, count},
    people::access,
    tasks::when,
    teams::pickers,
};
use crate::{
    base::{
        clock::{self, DAY},
        error::{Error, Result},
        ids::{self, Id, Kind},
    },
    company::{
        access::{
            At, Within,
            permissions::{CATALOGUE, Held, Info, UserEdit, UserRoleView, UserView},
        },
        people::{
            self,
            keys::{self, ApiKey, Fields, Life, narrowed::Narrow},
        },
        teams::{self, RolePermissions, ScopedRole},
    },
};
use askama::Template;

#[derive(Template)]
#[template(path = "keys/list.html")]
struct List {
    frame: Frame,
    lead: String,
    new_href: String,
    new_key: String,
    closed: bool,
    rows: Vec<Row>,
}
struct Row {
    purpose: String,
    hint: String,
    narrowed: Vec<String>,
    addresses: String,
    used: Option<When>,
    ends: When,
    soon: Option<Chip>,
    revoke: String,
}
#[derive(Template)]
#[template(path = "keys/form.html")]
struct Form {
    frame: Frame,
    form: FormView,
    space: FieldView,
    pickers: Vec<ScopePicker>,
    limits_href: String,
}

/// Whose keys a page is about.
enum Whose {
    Mine,
    Of(At<ids::User>, Box<people::User>),
}

fn whose(visit: &Visit) -> Result<Whose> {
    if visit.parameter("user").is_empty() {
        return Ok(Whose::Mine);
    }
    visit.visitor.ask(UserEdit {})?;
    let at = visit.visitor.locate(Within::Company, visit.parameter("user"))?;
    let user = people::show(&visit.visitor.ask(UserView {})?, &at)?;
    Ok(Whose::Of(at, Box::new(user)))
}

impl Whose {
    fn base(&self, visit: &Visit) -> String {
        match self {
            Whose::Mine => visit.path("/me/keys"),
            Whose::Of(_, user) => visit.path(&format!("/access/people/{}/keys", user.id)),
        }
    }
    fn frame(&self, visit: &Visit, title: &str) -> Frame {
        match self {
            Whose::Mine => visit.frame("", title).crumb("Your account", visit.path("/me")),
            Whose::Of(_, user) => {
                let people = visit.path("/access/people");
                let own = format!("{people}/{}", user.id);
                access(visit, title, "people").crumb("People", people).crumb(&user.display_name, own)
            }
        }
    }
    fn keys(&self, visit: &Visit) -> Result<Vec<(ApiKey, Vec<String>)>> {
        match self {
            Whose::Mine => {
                let granted = visit.visitor.myself()?;
                let all = keys::list_own(&granted)?.into_iter();
                all.map(|key| Ok((key.clone(), keys::narrowed::words(&granted, &key.narrow)?))).collect()
            }
            Whose::Of(at, _) => {
                let granted = visit.visitor.ask(UserEdit {})?;
                let all = keys::list_for(&granted, at)?.into_iter();
                all.map(|key| Ok((key.clone(), keys::narrowed::words(&granted, &key.narrow)?))).collect()
            }
        }
    }
    fn life(&self, visit: &Visit) -> Result<Life> {
        match self {
            Whose::Mine => keys::life(&visit.visitor.myself()?),
            Whose::Of(..) => keys::life(&visit.visitor.ask(UserEdit {})?),
        }
    }
    /// Whether another key can be made at all.
    fn is_closed(&self, life: Life) -> bool {
        matches!(self, Whose::Mine) && !life.people_may
    }
    /// What the owner may, as far as the visitor may know it; else everything there is.
    fn rights(&self, visit: &Visit) -> Result<Vec<&'static Info>> {
        let of = |roles: Vec<ScopedRole>| -> Vec<&'static Info> {
            let held = |info: &Info| {
                let carries = |role: &ScopedRole| {
                    role.permissions.system.iter().chain(&role.permissions.space).any(|one| one.key == info.key)
                };
                roles.iter().filter(|role| !role.has_ended()).any(carries)
            };
            CATALOGUE.iter().copied().filter(|info| held(info)).collect()
        };
        Ok(match self {
            Whose::Mine => of(teams::own_roles(&visit.visitor.myself()?)?),
            Whose::Of(at, _) if visit.visitor.may(UserRoleView {}) => {
                of(teams::roles_of_user(&visit.visitor.ask(UserRoleView {})?, at)?.0)
            }
            Whose::Of(..) => CATALOGUE.iter().copied().filter(|info| info.held != Held::Server).collect(),
        })
    }
}

/// What one's own account's page says of one's keys, and the way to them.
pub(super) fn mention(visit: &Visit) -> Result<Message> {
    let keys = keys::list_own(&visit.visitor.myself()?)?;
    let now = clock::now();
    let soon = keys.iter().filter(|key| key.expires_at > now && key.expires_at.0 - now.0 < 20 * DAY).count();
    let said = match keys.len() {
        0 => "You have none.".to_owned(),
        number => format!("You have {}.", count(number as u64, "key", "keys")),
    };
    Ok(match soon {
        0 => Message::new(page::Kind::Info, said).link("API keys", visit.path("/me/keys")),
        _ => Message::new(page::Kind::Warning, format!("{said} {} within 20 days.", count(soon as u64, "ends", "end")))
            .link("API keys", visit.path("/me/keys")),
    })
}

/// The keys.
pub(super) fn list(visit: &Visit) -> Result<Answer> {
    Answer::page(&list_page(visit, &whose(visit)?, "")?)
}

fn list_page(visit: &Visit, whose: &Whose, new_key: &str) -> Result<List> {
    let base = whose.base(visit);
    let now = clock::now();
    let rows = whose.keys(visit)?.into_iter().map(|(key, narrowed)| Row {
        soon: match key.expires_at.0 - now.0 {
            left if left <= 0 => Some(Chip::new("failed", "Ended")),
            left if left < 20 * DAY => Some(Chip::new("warning", "Ends soon")),
            _ => None,
        },
        purpose: key.purpose,
        hint: key.hint,
        narrowed,
        addresses: key.addresses.join(", "),
        used: key.last_used_at.map(when),
        ends: when(key.expires_at),
        revoke: format!("{base}/{}/delete", key.id),
    });
    let closed = whose.is_closed(whose.life(visit)?);
    Ok(List {
        frame: whose.frame(visit, "API keys"),
        lead: match whose {
            Whose::Mine => {
                "A program that calls the API for you comes with a key of yours. It may what you may, or less.".into()
            }
            Whose::Of(_, user) => format!("Programs that work as {} come with one of these.", user.display_name),
        },
        new_href: format!("{base}/new"),
        new_key: new_key.to_owned(),
        closed,
        rows: rows.collect(),
    })
}

/// What the form holds, from its address or as it was sent.
struct Typed {
    pairs: Vec<(String, String)>,
}

impl Typed {
    fn text(&self, name: &str) -> &str {
        self.pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }
    fn all(&self, name: &str) -> Vec<String> {
        self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }
    fn fields(&self) -> Result<Fields> {
        fn ids<T: Kind>(texts: &[String], field: &str) -> Result<Vec<Id<T>>> {
            let wrong = |text: &String| Error::invalid(field, format!("“{text}” is not there."));
            texts
                .iter()
                .filter(|text| !text.is_empty())
                .map(|text| Id::parse(text).ok_or_else(|| wrong(text)))
                .collect()
        }
        let days = match self.text("days").trim() {
            "" => None,
            text => Some(text.parse::<i64>().map_err(|_| Error::invalid("Expires", "Give a whole number."))?),
        };
        let fields = Fields {
            addresses: self.text("addresses").split(['\n', ',', ' ']).map(|line| line.trim().to_owned()).collect(),
            narrow: Narrow {
                permissions: self.all("permissions"),
                spaces: ids(&self.all("space"), "SpaceIds")?,
                groups: ids(&self.all("groups"), "ProjectGroupIds")?,
                projects: ids(&self.all("projects"), "ProjectIds")?,
                environments: ids(&self.all("environments"), "EnvironmentIds")?,
                tenants: ids(&self.all("tenants"), "TenantIds")?,
                runbooks: ids(&self.all("runbooks"), "RunbookIds")?,
            },
            ..Fields::of(self.text("purpose"), None)
        };
        match days {
            Some(days) => fields.living(days),
            None => Ok(fields),
        }
    }
}

const NAMES: [(&str, &str); 10] = [
    ("Purpose", "purpose"),
    ("Expires", "days"),
    ("AllowedAddresses", "addresses"),
    ("Permissions", "permissions"),
    ("SpaceIds", "space"),
    ("ProjectGroupIds", "groups"),
    ("ProjectIds", "projects"),
    ("EnvironmentIds", "environments"),
    ("TenantIds", "tenants"),
    ("RunbookIds", "runbooks"),
];

fn draw(visit: &Visit, whose: &Whose, typed: &Typed, error: Option<Error>) -> Result<Answer> {
    let base = whose.base(visit);
    let life = whose.life(visit)?;
    let chosen = typed.all("permissions");
    let groups = RolePermissions::grouped(&whose.rights(visit)?);
    let permissions = groups.into_iter().flat_map(|(_, infos)| infos).map(|info| {
        Choice::new(info.name, info.name).hint(info.meaning).chosen(chosen.iter().any(|name| name == info.name))
    });
    let mut form = FormView::new(base.clone(), "Make the key")
        .field(
            FieldView::text("purpose", "What it is for")
                .required()
                .autofocus()
                .max_length(200)
                .help("Such as: the build server."),
        )
        .field(
            FieldView::number("days", "Days until it ends")
                .value(life.usual.to_string())
                .between(1, life.most)
                .required()
                .short(),
        )
        .field(
            FieldView::textarea("addresses", "Addresses it may come from")
                .rows(2)
                .mono()
                .help("Addresses or networks such as 192.0.2.0/24, one a line. Empty: from everywhere."),
        )
        .field(FieldView::section(
            "What it may do",
            "Without any of this, a key may all that its owner may. What is chosen here only takes away.",
        ))
        .field(
            FieldView::checks("permissions", "Only these permissions", permissions.collect())
                .help("Nothing ticked: all permissions of the owner, also those given later."),
        )
        .cancel(base.clone());
    let given: Vec<(&str, &str)> = typed.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if given.iter().any(|(name, _)| *name == "purpose") {
        form = form.typed(given);
    }
    let space = typed.text("space").to_owned();
    let spaces = visit.visitor.spaces()?.into_iter().map(|row| {
        let id = row.id.to_string();
        Choice::new(id.clone(), row.name).chosen(id == space)
    });
    let none = Choice::new("", "All spaces, and the company as a whole");
    let mut space_field =
        FieldView::select("space", "Only in this space", std::iter::once(none).chain(spaces).collect())
            .help("Limited to a space, the key holds nothing of the company as a whole.");
    let lists = ["groups", "projects", "environments", "tenants", "runbooks"].map(|name| typed.all(name));
    let mut pickers = match space.is_empty() {
        true => Vec::new(),
        false => pickers(visit, &space, [&lists[0], &lists[1], &lists[2], &lists[3], &lists[4]])?,
    };
    let refused = error.is_some();
    if let Some(error) = error {
        if let Error::Invalid(wrong) = &error {
            let of = |name: &str| NAMES.iter().find(|(_, known)| *known == name).and_then(|(wire, _)| wrong.of(wire));
            for picker in &mut pickers {
                if let Some(message) = of(&picker.name) {
                    picker.error = message.to_owned();
                }
            }
            if let Some(message) = of("space") {
                space_field = space_field.error(message);
            }
        }
        form = refuse(form, error, &NAMES)?;
    }
    let frame = whose.frame(visit, "Make an API key").crumb("API keys", base.clone());
    let page = Form { frame, form, space: space_field, pickers, limits_href: format!("{base}/new") };
    Answer::shown(&page, refused)
}

/// The form for a key; what is in its address stands in it.
pub(super) fn new(visit: &Visit) -> Result<Answer> {
    let whose = whose(visit)?;
    visit.visitor.fresh()?;
    draw(visit, &whose, &Typed { pairs: visit.call.query.clone() }, None)
}

/// Makes a key and shows it, once.
pub(super) fn create(visit: &Visit) -> Result<Answer> {
    let whose = whose(visit)?;
    let pairs = visit.form().typed().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let typed = Typed { pairs };
    let made = typed.fields().and_then(|fields| match &whose {
        Whose::Mine => keys::create_own(&visit.visitor.myself()?, &fields),
        Whose::Of(at, _) => keys::create(&visit.visitor.ask(UserEdit {})?, at, &fields),
    });
    match made {
        Ok((key, _)) => Answer::once(Once::Key, whose.base(visit), &list_page(visit, &whose, &key)?),
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => draw(visit, &whose, &typed, Some(error)),
        Err(error) => Err(error),
    }
}

/// Revokes a key.
pub(super) fn revoke(visit: &Visit) -> Result<Answer> {
    let whose = whose(visit)?;
    let asked = visit.parameter("key");
    let id = Id::<ids::ApiKey>::parse(asked).ok_or_else(|| Error::NotFound(asked.to_owned()))?;
    let known = whose.keys(visit)?.into_iter().find(|(key, _)| key.id == id);
    let purpose = known.map(|(key, _)| key.purpose).ok_or_else(|| Error::NotFound(asked.to_owned()))?;
    let page = whose.frame(visit, "Revoke the API key?").crumb("API keys", whose.base(visit));
    let words = format!("The key for “{purpose}” stops working at once, and programs that use it are refused.");
    if let Some(asked) = super::form::sure(visit, page, &words, "Revoke the key", whose.base(visit)) {
        return asked;
    }
    match &whose {
        Whose::Mine => keys::revoke_own(&visit.visitor.myself()?, id)?,
        Whose::Of(at, _) => keys::revoke_for(&visit.visitor.ask(UserEdit {})?, at, id)?,
    }
    Answer::done(whose.base(visit), "The key was revoked.")
}
