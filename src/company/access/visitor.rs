//! Who is asking, at which company.

use super::{
    builtin, explain,
    granted::Granted,
    grants::{Carried, Whose, load},
    lobby::{self, SpaceRow},
    locate::{self, At, Locate},
    permissions::{Held, Info, List, Permission},
    policy::{Check, Grants, Reason},
    reach::Reach,
    rows::{Recorded, Rows, Writing},
    sight::{Part, Sight},
    trail::Stamp,
    vault::{Company, Snapshot},
};
use crate::base::{
    clock::{self, Moment},
    error::{Error, Result},
    ids::{Id, Space, Tenant, User},
};
use std::{
    cell::{Cell, RefCell},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

mod finding;

/// From where a request came, for the trail.
#[derive(Debug, Clone, Default)]
pub struct From {
    /// The other end's address.
    pub address: String,
    /// What it says it is.
    pub agent: String,
    /// The cookie by which a browser is known; empty when there is none.
    pub device: String,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// A person.
    User,
    /// A service account.
    Service,
    /// The engine that carries out tasks.
    Engine,
    /// Whoever runs the appliance, on its command line.
    Operator,
}

/// The right to act as the engine. Made once, by [`mint_keys`].
pub struct EngineKey {
    _minted: (),
}
/// The right to act as the operator. Made once, by [`mint_keys`].
pub struct OperatorKey {
    /// Who on the machine acts, as far as the machine knows it; empty where nobody said.
    who: String,
}

impl OperatorKey {
    /// Used on behalf of somebody of the machine: all that is done with it says so.
    #[must_use]
    pub fn on_behalf_of(self, who: String) -> OperatorKey {
        OperatorKey { who }
    }
}

#[cfg(test)]
impl EngineKey {
    pub(super) fn for_tests() -> EngineKey {
        EngineKey { _minted: () }
    }
}
#[cfg(test)]
impl OperatorKey {
    pub(super) fn for_tests() -> OperatorKey {
        OperatorKey { who: String::new() }
    }
}

/// The two keys, once in the life of the process: `app` hands the first to `execution`, the second to `cli`.
pub fn mint_keys() -> Option<(EngineKey, OperatorKey)> {
    static MINTED: AtomicBool = AtomicBool::new(false);
    (!MINTED.swap(true, Ordering::SeqCst)).then_some((EngineKey { _minted: () }, OperatorKey { who: String::new() }))
}

/// Somebody who was admitted to one company. Cannot be turned to another.
pub struct Visitor {
    company: Company,
    kind: ActorKind,
    user: Option<Id<User>>,
    session: Option<i64>,
    until: Option<Moment>,
    proved: Option<Moment>,
    lacks_factor_from: Option<Moment>,
    grants: Arc<Grants>,
    /// What the owner of a narrowed key may; `grants` is then what the key leaves of it.
    owner: Option<Arc<Grants>>,
    stamp: Stamp,
    snapshot: RefCell<Option<Snapshot>>,
    /// The access version of the present view, where it is known.
    version: Cell<Option<i64>>,
    known: RefCell<Known>,
    /// What was tried out so far, while a command is tried out (`trial`).
    pub(super) trial: RefCell<Option<Vec<super::trial::Tried>>>,
}

/// What a visitor has read of spaces in its present view: nearly every part of a page asks for them again.
#[derive(Default)]
struct Known {
    located: Vec<At<Space>>,
    rows: Option<Arc<[SpaceRow]>>,
}

impl Visitor {
    pub(super) fn person(
        company: &Company,
        snapshot: Snapshot,
        user: &super::admit::Person,
        session: Option<i64>,
        means: String,
        from: &From,
        grants: Arc<Grants>,
    ) -> Visitor {
        let kind = if user.is_service { ActorKind::Service } else { ActorKind::User };
        let stamp = Stamp {
            actor_kind: if user.is_service { "service" } else { "user" },
            actor_id: Some(user.id),
            actor_name: user.display_name.clone(),
            means,
            address: from.address.clone(),
            agent: from.agent.clone(),
        };
        Visitor {
            company: company.clone(),
            kind,
            user: Some(Id::new(user.id)),
            session,
            until: None,
            proved: None,
            lacks_factor_from: None,
            grants,
            owner: None,
            stamp,
            snapshot: RefCell::new(Some(snapshot)),
            version: Cell::new(None),
            known: RefCell::default(),
            trial: RefCell::default(),
        }
    }
    /// Admitted with a view of this access version: what is remembered under it holds for this view.
    pub(super) fn at_version(self, version: i64) -> Visitor {
        self.version.set(Some(version));
        self
    }
    pub(super) fn until(mut self, end: Moment) -> Visitor {
        self.until = Some(end);
        self
    }
    /// Came with a key that holds only this of what its owner may.
    pub(super) fn narrowed(mut self, left: Arc<Grants>) -> Visitor {
        self.owner = Some(std::mem::replace(&mut self.grants, left));
        self
    }

    /// When this session last proved a second factor.
    pub(super) fn proved(mut self, at: Option<Moment>) -> Visitor {
        self.proved = at;
        self
    }

    /// From when their person must have a second factor, which they have not.
    pub(super) fn lacks_factor_from(mut self, from: Option<Moment>) -> Visitor {
        self.lacks_factor_from = from;
        self
    }

    fn server(company: &Company, kind: ActorKind, word: &'static str, name: &str, grants: Arc<Grants>) -> Visitor {
        Visitor::server_as(company, kind, Stamp::server(word, name), grants)
    }

    /// One of the server's own actors, told in the trail by this stamp.
    pub(super) fn server_as(company: &Company, kind: ActorKind, stamp: Stamp, grants: Arc<Grants>) -> Visitor {
        Visitor {
            company: company.clone(),
            kind,
            user: None,
            session: None,
            until: None,
            proved: None,
            lacks_factor_from: None,
            grants,
            owner: None,
            stamp,
            snapshot: RefCell::new(None),
            version: Cell::new(None),
            known: RefCell::default(),
            trial: RefCell::default(),
        }
    }

    /// The engine, at this company.
    pub fn engine(company: &Company, _key: &EngineKey) -> Visitor {
        Visitor::server(company, ActorKind::Engine, "engine", "Bulkhead", builtin::engine())
    }

    /// The operator on the command line, at this company. What they change of people and access in it is told to its
    /// administrators by mail (`Granted::write`).
    pub fn operator(company: &Company, key: &OperatorKey) -> Visitor {
        let mut stamp = Stamp::server("operator", "The operator");
        if !key.who.is_empty() {
            stamp.means = format!("command line of {}", key.who);
        }
        Visitor::server_as(company, ActorKind::Operator, stamp, builtin::operator())
    }

    /// The company visited.
    pub fn company(&self) -> &Company {
        &self.company
    }
    /// The user who visits; `None` for the server's own actors.
    pub fn user(&self) -> Option<Id<User>> {
        self.user
    }
    /// The session by which the visitor came, if by one.
    pub fn session(&self) -> Option<i64> {
        self.session
    }
    /// When what the visitor came by ends: an API key's end. A session's is not told.
    pub fn key_ends(&self) -> Option<Moment> {
        self.until
    }
    /// From when whoever is signed in must have a second factor, where the company's rule gives them time until then and
    /// they have none yet.
    pub fn grace_ends(&self) -> Option<Moment> {
        self.lacks_factor_from
    }
    /// When this session last proved who it belongs to.
    pub(super) fn proved_at(&self) -> Option<Moment> {
        self.proved
    }
    /// Whether the visitor came with an API key that holds less than its owner.
    pub fn is_narrowed(&self) -> bool {
        self.owner.is_some()
    }
    /// Whether the visitor holds a permission at all, in a space or (`None`) in the company as a whole: for telling what
    /// one may. Opens nothing.
    pub fn holds(&self, info: &Info, space: Option<Id<Space>>) -> bool {
        let now = clock::now();
        let here = |grant: &super::policy::Grant| grant.space == space.map(|space| space.0);
        self.grants.of(info).any(|grant| here(grant) && grant.until.is_none_or(|until| until > now))
    }
    /// The emergencies in which the visitor uses a team at this moment: for the line above every page.
    pub fn emergencies(&self) -> impl Iterator<Item = &super::policy::Emergency> {
        self.grants.emergencies(clock::now())
    }
    /// The visitor's name.
    pub fn name(&self) -> &str {
        &self.stamp.actor_name
    }
    pub(super) fn stamp(&self) -> &Stamp {
        &self.stamp
    }
    /// What kind of actor.
    pub fn kind(&self) -> ActorKind {
        self.kind
    }

    /// A person or a service account, and none of the server's own actors.
    fn is_of_the_company(&self) -> bool {
        matches!(self.kind, ActorKind::User | ActorKind::Service)
    }

    /// The tenants, each with its space, whose own people the visitor is among: of somebody whose teams are all made for
    /// a tenant's own people, Everyone apart. They get the portal. Empty for everybody else.
    pub fn customer_of(&self) -> &[(Id<Tenant>, Id<Space>)] {
        self.grants.customer_of()
    }

    /// Asks the door. The answer is the key, or an error that says what was missing; refusals go to the trail.
    pub fn ask<P: Permission>(&self, what: P) -> Result<Granted<'_, P>> {
        let check = what.check();
        match self.decide(P::INFO, &check) {
            Ok(()) => {
                if let Some(used) = self.grants.used() {
                    used.note(P::INFO.key);
                }
                Ok(Granted::new(self, what))
            }
            Err(reason) => Err(self.refuse(P::INFO, &check, what.sights(), reason)),
        }
    }

    /// Whether the visitor may; hides buttons, opens nothing, leaves no trace.
    pub fn may<P: Permission>(&self, what: P) -> bool {
        self.allows(P::INFO, &what.check())
    }

    /// Whether the visitor may anywhere in a space: to show an entry of the menu at all.
    pub fn may_somewhere<P: Permission>(&self, space: &At<Space>) -> bool {
        self.may(List::<P>::of(space))
    }

    fn may_check(&self, info: &Info, check: &Check) -> bool {
        self.allows(info, check)
    }

    // INVARIANT: a place of another company never passes here, whatever its numbers are.
    fn is_foreign(&self, check: &Check) -> bool {
        check.void || (check.company != 0 && check.company != self.company.stamp())
    }

    fn allows(&self, info: &Info, check: &Check) -> bool {
        if self.is_foreign(check) {
            return false;
        }
        // INVARIANT: what is about the appliance is honoured in the operator's own compartment and nowhere else.
        if info.held == Held::Appliance && !self.company.is_operators() {
            return false;
        }
        if info.held == Held::Anyone {
            return check.space.is_some_and(|space| self.grants.anything_in(space, clock::now()));
        }
        self.grants.allows(info, check, clock::now).is_some()
    }

    pub(super) fn decide(&self, info: &Info, check: &Check) -> Result<(), Reason> {
        if self.allows(info, check) {
            return Ok(());
        }
        let beside = self.is_foreign(check) || info.held == Held::Anyone;
        if !beside && self.owner.as_ref().is_some_and(|owner| owner.allows(info, check, clock::now).is_some()) {
            return Err(Reason::Narrowed);
        }
        Err(if beside { Reason::NotHeld } else { self.grants.reason(info, check, clock::now) })
    }

    fn shows(&self, sight: &Sight) -> bool {
        match sight.view {
            Some(view) => self.allows(view, &sight.check),
            None => {
                let here = sight.check.company == self.company.stamp();
                here && sight.check.space.is_some_and(|space| self.grants.anything_in(space, clock::now()))
            }
        }
    }

    /// Whether the visitor may see a thing that was located: for bodies that name things, where what one may not see is
    /// told in the words for what is not there. Opens nothing, leaves no trace.
    pub fn sees<T: Locate>(&self, at: &At<T>) -> bool {
        let mut sights = Vec::new();
        at.sights(&mut sights);
        sights.iter().all(|sight| self.shows(sight))
    }

    /// What a refusal calls a thing that stands in the way: by its name to who may see it, to others by its kind alone.
    pub(in crate::company) fn called<T: Locate>(&self, id: Id<T>, name: &str) -> String {
        match self.locate::<T>(locate::Within::Company, &id.to_string()) {
            Ok(at) if self.sees(&at) => format!("the {} {name}", T::WORD),
            _ => {
                let article = if T::WORD.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
                format!("{article} {} that you may not see", T::WORD)
            }
        }
    }

    /// Why the visitor may not: for a button that is there and cannot be used. `None` when they may. Opens nothing and
    /// leaves no trace; what one may not see is not told of (`NotFound`), as by [`Visitor::ask`].
    pub fn refusal<P: Permission>(&self, what: P) -> Option<Error> {
        let check = what.check();
        let reason = self.decide(P::INFO, &check).err()?;
        Some(self.told(P::INFO, &check, &what.sights(), reason))
    }

    pub(super) fn refuse(&self, info: &'static Info, check: &Check, sights: Vec<Sight>, reason: Reason) -> Error {
        let told = self.told(info, check, &sights, reason);
        match &told {
            Error::Denied(denied) => self.company.note_refusal(&self.stamp, info, check, Some(&denied.place)),
            Error::NotFound(_) => self.company.note_refusal(&self.stamp, info, check, None),
            _ => {}
        }
        told
    }

    fn told(&self, info: &'static Info, check: &Check, sights: &[Sight], reason: Reason) -> Error {
        if let Some(hidden) = sights.iter().find(|sight| !self.shows(sight) || check.void) {
            return Error::NotFound(hidden.asked.clone());
        }
        let of_teams = |rows: &Rows<'_>| self.grants_of_teams(rows);
        let told = self.read(|rows| explain::denied(rows, &self.grants, info, check, reason, of_teams));
        told.map_or_else(|error| error, |denied| Error::Denied(Box::new(denied)))
    }

    /// The grants of every team, remembered from a view of the same access version where that is known.
    fn grants_of_teams(&self, rows: &Rows<'_>) -> Result<Arc<[Carried]>> {
        let read = || Ok(load(rows, Whose::AnyTeam)?.into());
        match self.version.get() {
            Some(version) => self.company.memory().of(
                version,
                |known| known.teams.clone(),
                read,
                |known, teams| known.teams = Some(teams),
            ),
            None => read(),
        }
    }

    pub(super) fn reach_of(&self, info: &Info, space: Option<i64>) -> Reach {
        Reach::new(&self.grants, info, space, clock::now())
    }

    pub(super) fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The rows of all spaces, read once in the present view, or remembered from one of the same access version.
    pub(super) fn space_rows(&self) -> Result<Arc<[SpaceRow]>> {
        if let Some(rows) = &self.known.borrow().rows {
            return Ok(rows.clone());
        }
        let read = || Ok(self.read(lobby::all_spaces)?.into());
        let rows: Arc<[SpaceRow]> = match self.version.get() {
            Some(version) => self.company.memory().of(
                version,
                |known| known.spaces.clone(),
                read,
                |known, rows| known.spaces = Some(rows),
            )?,
            None => read()?,
        };
        self.known.borrow_mut().rows = Some(rows.clone());
        Ok(rows)
    }

    /// Text that is made of what this person may and of the company's spaces, and of nothing else; `about` says which.
    /// It is made once for an access version. Who has a right that ends by itself gets it made anew each time.
    pub fn text_of_rights(&self, about: &str, make: impl FnOnce() -> String) -> Arc<str> {
        let (Some(version), Some(user), None) = (self.version.get(), self.user, &self.owner) else {
            return make().into();
        };
        if self.grants.any_ends() {
            return make().into();
        }
        let key = (user.0, Box::from(about));
        let text = self.company.memory().of(
            version,
            |known| known.texts.get(&key).cloned(),
            || Ok(make().into()),
            |known, text: Arc<str>| drop(known.texts.insert(key.clone(), text)),
        );
        text.unwrap_or_default()
    }

    /// One consistent view for the whole life of the visitor, renewed after each of its changes.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Rows<'_>) -> Result<T>) -> Result<T> {
        // The view is taken out while it is in use, so that a read inside a read opens another instead of failing.
        let held = self.snapshot.borrow_mut().take();
        let snapshot = match held {
            Some(snapshot) => snapshot,
            None => self.company.snapshot()?,
        };
        let answer = snapshot.with(work);
        *self.snapshot.borrow_mut() = Some(snapshot);
        answer
    }

    pub(super) fn write<T>(&self, work: impl FnOnce(&Writing<'_>) -> Result<Recorded<T>>) -> Result<T> {
        if self.trial.borrow().is_some() {
            return self.try_write(work);
        }
        self.snapshot.borrow_mut().take();
        self.version.take();
        self.known.take();
        let answer = self.company.write(self.stamp.clone(), work);
        if let Err(Error::Limit(limit)) = &answer {
            self.company.note_limit(limit);
        }
        answer
    }
}
