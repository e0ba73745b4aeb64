//! The review of access: who may do what, when they last did, what nobody needs, and that somebody looked it through.
//!
//! A right counts as unused when it was held for 90 days and not used in them; what is newer has not had the time. The
//! smallest changes that are named take unused rights away and no other: leaving a team, or taking a role off it.

mod look;

use super::{chart::table, sql};
use crate::{
    base::{
        clock::{self, DAY, Moment},
        error::{Error, Result},
        names as words,
        paging::{Listed, Page},
    },
    company::access::{
        Event, Granted,
        census::Somebody,
        permissions::{List, TeamView, UserEdit, UserRoleView, UserView},
    },
};
use look::{Glance, look};

/// What was not used for so many days is not needed.
pub const UNUSED_AFTER: i64 = 90;
/// What ends in so many days is told.
pub const ENDING_WITHIN: i64 = 30;

/// By these one can give access to others.
const GIVE_ACCESS: [&str; 5] = ["AdministerSystem", "TeamEdit", "TeamMembersEdit", "UserEdit", "UserRoleEdit"];

/// Which people are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Show {
    /// Everybody.
    #[default]
    Everybody,
    /// Who holds rights that were not used.
    Unused,
    /// Who can come in without a second factor.
    NoFactor,
    /// Who was not seen for 90 days, and can still come in.
    Inactive,
    /// Who holds something that ends within 30 days.
    Ending,
    /// Who can give access to others.
    Administration,
}

impl Show {
    /// From its word; everybody for another.
    pub fn of(word: &str) -> Show {
        match word {
            "unused" => Show::Unused,
            "no-factor" => Show::NoFactor,
            "inactive" => Show::Inactive,
            "ending" => Show::Ending,
            "administration" => Show::Administration,
            _ => Show::Everybody,
        }
    }
}

/// One role that somebody has through a team.
#[derive(Debug, Clone)]
pub struct Access {
    /// The team, by number.
    pub team: i64,
    /// The role on the team, by number.
    pub assignment: i64,
    /// The team's and the role's name.
    pub through: (String, String),
    /// The space and what it is limited to there, in words; empty: the company as a whole.
    pub place: String,
    /// When it ends.
    pub until: Option<Moment>,
    /// How many rights it gives them.
    pub rights: usize,
    /// Those of them that were not used, by name.
    pub unused: Vec<&'static str>,
    /// The day on which any of them was last used, as a moment.
    pub last_used: Option<Moment>,
}

/// A change that takes unused rights away and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// Taking them out of a team.
    Leave {
        /// The team, by number and name.
        team: (i64, String),
        /// How many rights go.
        rights: usize,
    },
    /// Taking a role off a team: nobody in it uses what it gives.
    TakeOff {
        /// The team, by number and name.
        team: (i64, String),
        /// The role on the team.
        assignment: i64,
        /// The role's name.
        role: String,
        /// How many people are in the team.
        people: usize,
    },
}

/// Somebody, looked at.
#[derive(Debug, Clone)]
pub struct Reviewed {
    /// Who.
    pub who: Somebody,
    /// What they sign in with.
    pub username: String,
    /// Their address.
    pub email: String,
    /// `active`, `invited` or `inactive`.
    pub state: String,
    /// Whether they have a second factor; service accounts need none.
    pub has_second_factor: bool,
    /// When they were last seen.
    pub last_seen_at: Option<Moment>,
    /// Not seen for 90 days, and can still come in.
    pub is_idle: bool,
    /// Can give access to others.
    pub administers: bool,
    /// What they have, role by role.
    pub access: Vec<Access>,
    /// How many different rights they hold.
    pub rights: usize,
    /// Those that were not used, by name.
    pub unused: Vec<&'static str>,
    /// What would take unused rights away.
    pub removals: Vec<Removal>,
}

impl Reviewed {
    /// The next end of anything they hold, if it is near.
    pub fn ends(&self, now: Moment) -> Option<Moment> {
        next_end(self.access.iter().map(|one| one.until), now)
    }
}

fn next_end(ends: impl Iterator<Item = Option<Moment>>, now: Moment) -> Option<Moment> {
    let near = now.plus(ENDING_WITHIN * DAY);
    ends.flatten().filter(|until| *until <= near).min()
}

/// Numbers for the head of the review.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Everybody.
    pub people: usize,
    /// With unused rights.
    pub unused: usize,
    /// Without a second factor.
    pub no_factor: usize,
    /// Not seen for long.
    pub idle: usize,
    /// With something that ends soon.
    pub ending: usize,
    /// Who can give access.
    pub administer: usize,
}

/// A review that was signed off.
#[derive(Debug, Clone)]
pub struct SignOff {
    /// When.
    pub at: Moment,
    /// By whom.
    pub reviewer: String,
    /// What they noted.
    pub note: String,
    /// How many people there were.
    pub people: i64,
    /// How many of them held unused rights.
    pub unused: i64,
}

/// What the review needs: to see people, roles, and the teams of the whole company. Teams and places of spaces that
/// whoever asks may not enter are not named.
pub struct Proofs<'p, 'v> {
    /// To see people.
    pub people: &'p Granted<'v, UserView>,
    /// To see roles.
    pub roles: &'p Granted<'v, UserRoleView>,
    /// To see the company's teams.
    pub teams: &'p Granted<'v, List<TeamView>>,
}

/// The people of the company, looked through.
pub fn review(proofs: &Proofs<'_, '_>, show: Show, text: &str, page: Page) -> Result<(Listed<Reviewed>, Counts)> {
    let (looked, all) = look(proofs.people, clock::now())?;
    let counts = count(&all);
    let wanted = words::key(text);
    let matches = |one: &Glance| {
        let texts = [&one.who.name, &one.looked.username, &one.looked.email];
        wanted.is_empty() || texts.iter().any(|text| words::key(text).contains(&wanted))
    };
    let found = all.into_iter().filter(|one| one.is(show) && matches(one)).collect();
    let Listed { items, total } = Listed::from_all(page, found);
    Ok((Listed { items: items.into_iter().map(|one| looked.reviewed(one)).collect(), total }, counts))
}

fn count(all: &[Glance]) -> Counts {
    let of = |show: Show| all.iter().filter(|one| one.is(show)).count();
    Counts {
        people: all.len(),
        unused: of(Show::Unused),
        no_factor: of(Show::NoFactor),
        idle: of(Show::Inactive),
        ending: of(Show::Ending),
        administer: of(Show::Administration),
    }
}

/// The review as a table: a line for each role that somebody has through a team, and one for who has none.
pub fn csv(proofs: &Proofs<'_, '_>) -> Result<Vec<u8>> {
    let (looked, all) = look(proofs.people, clock::now())?;
    let all: Vec<Reviewed> = all.into_iter().map(|one| looked.reviewed(one)).collect();
    let head = [
        "Person",
        "Username",
        "EmailAddress",
        "State",
        "SecondFactor",
        "LastSeen",
        "Team",
        "Role",
        "Place",
        "ExpiresAt",
        "Permissions",
        "LastUsed",
        "NotUsedIn90Days",
    ];
    let moment = |at: Option<Moment>| at.map(Moment::wire).unwrap_or_default();
    let rows = all.iter().flat_map(|one| {
        let factor = match (one.who.is_service, one.has_second_factor) {
            (true, _) => "",
            (false, true) => "yes",
            (false, false) => "no",
        };
        let own = move || {
            vec![
                one.who.name.clone(),
                one.username.clone(),
                one.email.clone(),
                one.state.clone(),
                factor.to_owned(),
                moment(one.last_seen_at),
            ]
        };
        let access = one.access.iter().map(move |access| {
            let mut row = own();
            row.extend([
                access.through.0.clone(),
                access.through.1.clone(),
                access.place.clone(),
                moment(access.until),
                access.rights.to_string(),
                access.last_used.map(clock::day_of).unwrap_or_default(),
                access.unused.join(" "),
            ]);
            row
        });
        let none = one.access.is_empty().then(|| {
            let mut row = own();
            row.extend(std::iter::repeat_n(String::new(), 7));
            row
        });
        access.chain(none).collect::<Vec<_>>()
    });
    table(&head, rows)
}

/// The last reviews that were signed off.
pub fn sign_offs(granted: &Granted<'_, UserView>) -> Result<Vec<SignOff>> {
    let found = granted.read(|rows| sql::signed_off(rows, 20))?;
    let one = |(at, reviewer, note, people, unused)| SignOff { at, reviewer, note, people, unused };
    Ok(found.into_iter().map(one).collect())
}

/// Signs the review off: whoever does stands for it that who may do what was looked through. Needs `UserEdit` beside
/// what the review needs: only who could act on what is found can say that it is right.
///
/// # Errors
/// `ProofNeeded` as [`Granted::fresh`]; `Invalid` for a note that is too long.
pub fn sign_off(granted: &Granted<'_, UserEdit>, proofs: &Proofs<'_, '_>, note: &str) -> Result<SignOff> {
    granted.fresh()?;
    let note = words::text(note, 2000).map_err(|sentence| Error::invalid("Note", sentence))?;
    let now = clock::now();
    let counts = count(&look(proofs.people, now)?.1);
    let (people, unused) = (counts.people as i64, counts.unused as i64);
    granted.write(|tx| {
        let reviewer = tx.actor_name().to_owned();
        tx.run(
            "INSERT INTO access_reviews (at, reviewer, note, people, unused) VALUES (?1, ?2, ?3, ?4, ?5)",
            (now, &reviewer, &note, people, unused),
        )?;
        let event = Event::new("AccessReviewed").say(&reviewer).say(" reviewed who may do what and signed it off");
        let event = event
            .detail("Note", note.clone())
            .detail("People", people)
            .detail("PeopleWithUnusedRights", unused)
            .detail("PeopleWithoutSecondFactor", counts.no_factor as i64);
        tx.record(event, SignOff { at: now, reviewer, note: note.clone(), people, unused })
    })
}

impl Removal {
    /// In words.
    pub fn words(&self, name: &str) -> String {
        match self {
            Removal::Leave { team: (_, team), rights } => {
                let rights = if *rights == 1 { "1 right".to_owned() } else { format!("{rights} rights") };
                format!("Take {name} out of {team}: {rights} go, none of them used")
            }
            Removal::TakeOff { team: (_, team), role, people, .. } => {
                let people = if *people == 1 { "1 person".to_owned() } else { format!("{people} people") };
                format!("Take the role {role} off {team}: none of its {people} uses it")
            }
        }
    }
}
