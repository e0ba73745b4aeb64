//! "Give this customer access", in one step: a team for the tenant's own people, the role *Tenant Self-Service* limited to
//! that tenant, and invitations; all of it or nothing. Asked again for the same tenant, it adds people to the same team.
//!
//! It needs each right that the steps need by themselves: to see the tenant, to make a team and give it roles in the space,
//! and to invite; and nobody gives what they do not hold (`access-rules §5, §9`).

use crate::{
    base::{
        error::{Error, Fields as Wrong, Result},
        ids::{Id, Space, Team, Tenant as Kind, User},
        names,
    },
    company::{
        access::{
            At, Event, Granted, Level, Visitor, Within,
            permissions::{Info, List, TeamCreate, TeamEdit, TenantView, UserInvite, UserView},
        },
        people::{
            Fields,
            invitations::{self, Invited},
        },
        recipes::{SELF_SERVICE, spec},
        teams::{Member, selfservice as team},
    },
};

/// So many people are invited at once at most.
const MOST: usize = 50;

/// The rights that the step needs, each asked for.
pub struct Permit<'v> {
    tenant: Granted<'v, TenantView>,
    roles: Granted<'v, List<TeamEdit>>,
    invite: Granted<'v, UserInvite>,
    create: Option<Granted<'v, TeamCreate>>,
}

/// What is there before.
#[derive(Debug)]
pub struct Present {
    /// The tenant's name.
    pub tenant: String,
    /// The team, once there is one.
    pub team: Option<(Id<Team>, String)>,
    /// Who is in it. Their names are for who may see people; others see how many.
    pub members: Vec<Member>,
    /// The id of the role of such teams on the wire.
    pub role: String,
    /// What the role of such teams allows, in the tenant's space and for the tenant alone.
    pub rights: Vec<&'static Info>,
}

/// What was done.
#[derive(Debug)]
pub struct Given {
    /// The team.
    pub team: Id<Team>,
    /// Its name.
    pub name: String,
    /// Whether it was made.
    pub is_new: bool,
    /// Who was invited, each with their link.
    pub invited: Vec<Invited>,
    /// Who was in the company already and joined the team.
    pub joined: Vec<(Id<User>, String)>,
}

/// Asks for all that the step needs.
///
/// # Errors
/// `NotFound` for a tenant one may not see; `Denied` with the first right that is lacking.
pub fn ask<'v>(visitor: &'v Visitor, space: &At<Space>, tenant: &At<Kind>) -> Result<Permit<'v>> {
    let seen = visitor.ask(TenantView { tenant: tenant.clone() })?;
    let roles = visitor.ask(List::<TeamEdit>::of(space))?;
    let invite = visitor.ask(UserInvite {})?;
    let create = match seen.read(|rows| team::team_of(rows, tenant.id()))? {
        Some(_) => None,
        None => Some(visitor.ask(TeamCreate { level: Level::Space(space.clone()) })?),
    };
    Ok(Permit { tenant: seen, roles, invite, create })
}

/// What the visitor lacks to take the step, if anything: for the button that leads to it. Leaves no trace.
pub fn refusal(visitor: &Visitor, space: &At<Space>) -> Option<Error> {
    let level = Level::Space(space.clone());
    let lacking = visitor.refusal(List::<TeamEdit>::of(space)).or_else(|| visitor.refusal(UserInvite {}));
    lacking.or_else(|| visitor.refusal(TeamCreate { level }))
}

/// What is there, for who may see the tenant. The team is told to those who may see it, people to those who may see them.
pub fn present(granted: &Granted<'_, TenantView>) -> Result<Present> {
    let visitor = granted.visitor();
    let at = &granted.what().tenant;
    let (tenant, found, role, rights) = granted.read(|rows| {
        let tenant = super::by_id(rows, at.id())?.name;
        let found = team::team_of(rows, at.id())?;
        let members = found.as_ref().map(|(id, _)| team::members(rows, *id)).transpose()?.unwrap_or_default();
        let role = team::role(rows, &spec(&SELF_SERVICE))?;
        let rights = match team::rights(&role) {
            Ok(rights) => rights.to_vec(),
            Err(Error::Conflict(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok((tenant, found.map(|team| (team, members)), role.wire_id(), rights))
    })?;
    let (team, mut members) = found.map_or((None, Vec::new()), |(team, members)| (Some(team), members));
    let named = visitor.may(UserView {});
    for member in members.iter_mut().filter(|member| !named && visitor.user() != Some(member.id)) {
        (member.name, member.username) = (None, None);
    }
    let team = team.filter(|(id, _)| visitor.locate::<Team>(Within::Company, &id.to_string()).is_ok());
    Ok(Present { tenant, team, members, role, rights })
}

/// Gives access to people by their e-mail addresses, each perhaps with a name: `Jo Doe <jo@contoso.example>`. Who is in the
/// company already joins the team.
///
/// # Errors
/// `Invalid` under `EmailAddresses` for none, too many, and each that is none or cannot be invited; `Denied` when the team
/// gives what the visitor does not hold; `Conflict` when its role cannot be limited to a tenant; `ProofNeeded`.
pub fn give(permit: &Permit<'_>, addresses: &[String]) -> Result<Given> {
    permit.roles.fresh()?;
    let wishes = wishes(addresses)?;
    let at = permit.tenant.what().tenant.clone();
    let space: Id<Space> = Id::new(at.space_id());
    let visitor = permit.roles.visitor();
    let gifts = permit.tenant.read(|rows| team::gifts(rows, &spec(&SELF_SERVICE), space, at.id()))?;
    // Nobody gives what they do not hold.
    visitor.ask_to_give(&gifts)?;
    permit.invite.write(|tx| {
        let tenant = super::by_id(tx, at.id())?;
        if team::gifts(tx, &spec(&SELF_SERVICE), space, at.id())? != gifts {
            return Err(Error::Conflict("The team or its role changed meanwhile. Look at it again and repeat.".into()));
        }
        let (id, name, is_new) = match (team::team_of(tx, at.id())?, &permit.create) {
            (Some((id, name)), _) => (id, name, false),
            (None, Some(_)) => {
                let (id, name) = team::found(tx, &spec(&SELF_SERVICE), space, at.id(), &tenant.name)?;
                let event = Event::new("Created").say("Team ").name(id, &name).say(" was created");
                tx.also(event.space(space.0).tenant(Some(at.id().0)))?;
                (id, name, true)
            }
            (None, None) => {
                return Err(Error::Conflict("The team was deleted meanwhile. Try again: it is made anew.".into()));
            }
        };
        let mut wrong = Wrong::new();
        let (mut invited, mut joined) = (Vec::new(), Vec::new());
        for (called, email) in &wishes {
            let mut one = || -> Result<()> {
                let (user, shown) = match team::person(tx, email)? {
                    Some((user, shown)) => (user, shown),
                    None => {
                        let fields =
                            Fields { display_name: called.clone(), email_address: email.clone(), ..Fields::default() };
                        let made = invitations::invite_within(tx, &permit.invite, &fields)?;
                        let event =
                            Event::new("Created").name(made.user.id, called).say(" was invited into ").name(id, &name);
                        tx.also(event.space(space.0).tenant(Some(at.id().0)))?;
                        let user = (made.user.id, made.user.display_name.clone());
                        invited.push(made);
                        user
                    }
                };
                if team::join(tx, id, user)? && !invited.iter().any(|made: &Invited| made.user.id == user) {
                    joined.push((user, shown));
                }
                Ok(())
            };
            match one() {
                Ok(()) => {}
                Err(Error::Invalid(why)) => {
                    why.iter().for_each(|(_, message)| wrong.add("EmailAddresses", format!("{email}: {message}")));
                }
                Err(other) => return Err(other),
            }
        }
        wrong.finish()?;
        tx.access_changed()?;
        let mut event = Event::new("Modified").say("People of ").name(at.id(), &tenant.name).say(" were given access");
        for (n, (user, shown)) in joined.iter().enumerate() {
            event = event.say(if n == 0 { ": " } else { ", " }).name(*user, shown).say(" joined ").name(id, &name);
        }
        let event = event.related(id).space(space.0).tenant(Some(at.id().0)).detail("By", visitor.name());
        tx.record(event, Given { team: id, name, is_new, invited, joined })
    })
}

/// Name and address of each.
fn wishes(addresses: &[String]) -> Result<Vec<(String, String)>> {
    let mut wrong = Wrong::new();
    let mut all: Vec<(String, String)> = Vec::new();
    let lines = addresses.iter().flat_map(|text| text.split(['\n', ',', ';'])).map(str::trim);
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, address) = match line.strip_suffix('>').and_then(|line| line.rsplit_once('<')) {
            Some((name, address)) => (name.trim().trim_matches('"').trim(), address.trim()),
            None => ("", line),
        };
        match names::email(address) {
            Ok(email) => {
                let name = if name.is_empty() { email.split('@').next().unwrap_or(&email) } else { name };
                if !all.iter().any(|(_, other)| names::key(other) == names::key(&email)) {
                    all.push((name.chars().take(64).collect(), email));
                }
            }
            Err(why) => wrong.add("EmailAddresses", format!("“{address}”: {why}")),
        }
    }
    if wrong.is_empty() && all.is_empty() {
        wrong.add("EmailAddresses", "Give at least one e-mail address.");
    }
    if all.len() > MOST {
        wrong.add("EmailAddresses", format!("These are {}; at most {MOST} are invited at once.", all.len()));
    }
    wrong.finish()?;
    Ok(all)
}
