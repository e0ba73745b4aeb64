//! The proof that a question was answered with yes; the only key to reading and writing.

use super::{
    outbox,
    permissions::{Change, EventRetentionDelete, GrantsKeep, LetterSend, List, Permission, TaskExecute, TrailKeep},
    proving::{ByCommand, Proof, Settled},
    reach::Reach,
    rows::{Recorded, Rows, Writing},
    trail::{Archive, Checkpoint, Event},
    vault::Seal,
    visitor::{ActorKind, Visitor},
};
use crate::base::{
    clock::Moment,
    error::{Error, Result},
    room,
};

/// The visitor may do `P`, at the place that is in it. Lives for one call.
pub struct Granted<'v, P> {
    visitor: &'v Visitor,
    what: P,
}

impl<'v, P: Permission> Granted<'v, P> {
    pub(super) fn new(visitor: &'v Visitor, what: P) -> Self {
        Granted { visitor, what }
    }
    /// What was asked and granted. Commands read project, environment and tenant from here.
    pub fn what(&self) -> &P {
        &self.what
    }
    /// Who asked.
    pub fn visitor(&self) -> &'v Visitor {
        self.visitor
    }
    /// Asks for a fresh proof beside the permission, as every change that `proving` lists does by itself: for looking at
    /// what only such a proof opens (exporting the trail), for forms before they are shown, and for commands that would
    /// otherwise do long work first.
    ///
    /// # Errors
    /// As [`Visitor::fresh`].
    pub fn fresh(&self) -> Result<()> {
        self.visitor.fresh()
    }
    /// The same for what no program may do.
    ///
    /// # Errors
    /// As [`Visitor::in_person`].
    pub fn in_person(&self) -> Result<()> {
        self.visitor.in_person()
    }
    /// Reads the company's file, all within one consistent view.
    pub(in crate::company) fn read<T>(&self, work: impl FnOnce(&Rows<'_>) -> Result<T>) -> Result<T> {
        self.visitor.read(work)
    }
    /// Tells of a look that is to be known: the reading of a secret, an export. Writes an event and nothing else. Gives
    /// the number of the event.
    pub(in crate::company) fn tell(&self, event: Event) -> Result<i64> {
        self.visitor.write(|tx| {
            tx.also(event)?;
            Ok(Recorded { value: tx.last_event(), _made_here: () })
        })
    }
    /// Seals and opens secrets of this company.
    pub(in crate::company) fn seal(&self) -> &Seal {
        self.visitor.company().seal()
    }
    /// Which rows of another kind the visitor may see in the same place: for counts and cells that stand beside what was
    /// granted.
    pub(in crate::company) fn reach_of<Q: Permission>(&self, space: i64) -> Reach {
        self.visitor.reach_of(Q::INFO, (space > 0).then_some(space))
    }
}

impl<P: Change> Granted<'_, P>
where
    P::Proof: Settled,
{
    /// Changes the company's file: all of it with its event, or nothing. Asks for the proof that all changes of this
    /// permission ask.
    ///
    /// # Errors
    /// `ProofNeeded`, `PersonNeeded`; those of the work.
    pub(in crate::company) fn write<T>(&self, work: impl FnOnce(&Writing<'_>) -> Result<Recorded<T>>) -> Result<T> {
        self.change(<P::Proof as Settled>::PROOF, work)
    }
}

impl<P: Change<Proof = ByCommand>> Granted<'_, P> {
    /// The same for a permission some of whose commands give, take or move rights, secrets or ways of signing in: each
    /// says what it asks.
    ///
    /// # Errors
    /// As `write`.
    pub(in crate::company) fn write_asking<T>(
        &self,
        proof: Proof,
        work: impl FnOnce(&Writing<'_>) -> Result<Recorded<T>>,
    ) -> Result<T> {
        self.change(proof, work)
    }
}

impl<P: Change> Granted<'_, P> {
    fn change<T>(&self, proof: Proof, work: impl FnOnce(&Writing<'_>) -> Result<Recorded<T>>) -> Result<T> {
        self.visitor.prove(proof)?;
        self.visitor.may_leave_its_owner::<P>()?;
        if P::INFO.adds() {
            room::may_add()?;
            if let Err(error) = self.visitor.company().has_room() {
                if let Error::Limit(limit) = &error {
                    self.visitor.company().note_limit(limit);
                }
                return Err(error);
            }
        } else if P::INFO.alters() {
            room::may_change()?;
        }
        let told = proof != Proof::Nothing && self.visitor.kind() == ActorKind::Operator;
        self.visitor.write(|tx| {
            let recorded = work(tx)?;
            if told {
                outbox::operator_did(tx)?;
            }
            Ok(recorded)
        })
    }
}

impl Granted<'_, TrailKeep> {
    /// Signs the trail as it is now, when there is anything new. No change of what it tells, so without an event.
    pub(in crate::company) fn sign_trail(&self) -> Result<Option<Checkpoint>> {
        self.visitor.company().write_checkpoint()
    }
    /// Tells what was counted, and signs the trail when that is due; when to look again, if anything is unsigned.
    pub(in crate::company) fn keep_trail(&self, now: Moment, ending: bool) -> Result<Option<Moment>> {
        self.visitor.company().keep_trail(now, ending)
    }
    /// Puts the oldest day of the trail into an archive with its event, if all of it lies before a moment.
    pub(in crate::company) fn archive_day(&self, before: Moment) -> Result<Option<Archive>> {
        self.visitor.company().archive_day(self.visitor.stamp(), before)
    }
    /// The checkpoints after a number, as they stand in their file.
    pub(in crate::company) fn checkpoints_after(&self, number: i64) -> Result<Vec<(Checkpoint, String)>> {
        self.visitor.company().checkpoints_after(number)
    }
    /// Keeps the book on what was told to those who keep checkpoints elsewhere: about the telling, not about the
    /// company, so without an event.
    pub(in crate::company) fn note_told(&self, sql: &'static str, parameters: impl rusqlite::Params) -> Result<()> {
        self.visitor.write(|tx| {
            tx.run(sql, parameters)?;
            Ok(Recorded { value: (), _made_here: () })
        })
    }
}

impl Granted<'_, EventRetentionDelete> {
    /// Marks an archive of the trail as removed by the company itself, signed. Whether it was there.
    pub(in crate::company) fn archive_removed(&self, tx: &Writing<'_>, number: i64) -> Result<bool> {
        tx.archive_removed(number)
    }
}

// Decided: this stays, and stays as narrow as it is. A lease is renewed every few seconds, and each step is told by the
// task's own log and steps; an event for each would bury the trail. That the task began, ended or was lost is an event.
// `tests/architecture.rs` holds that only `company/tasks` uses it.
impl Granted<'_, TaskExecute> {
    /// Keeps the engine's own book on a task under way (its lease, its steps as they begin and end). Such notes are
    /// told by the task's log and steps; the trail tells how the task began and ended.
    pub(in crate::company) fn note<T>(&self, work: impl FnOnce(&Writing<'_>) -> Result<T>) -> Result<T> {
        self.visitor.write(|tx| work(tx).map(|value| Recorded { value, _made_here: () }))
    }
}

impl Granted<'_, GrantsKeep> {
    /// Whether the engine's round has anything to look at: somebody's rights changed since the last one, or that was so many
    /// milliseconds ago.
    pub(in crate::company) fn is_round_due(&self, now: Moment, every: i64) -> Result<bool> {
        let company = self.visitor.company();
        let version = self.read(|rows| rows.number("SELECT access_version FROM company", []))?;
        let due = |at: Option<Moment>| at.is_none_or(|at| now.0 - at.0 >= every || at > now);
        let mut is_due = false;
        company.memory().of(
            version,
            |known| known.looked_at.filter(|at| !due(Some(*at))),
            || {
                is_due = true;
                Ok(now)
            },
            |known, at| known.looked_at = Some(at),
        )?;
        Ok(is_due)
    }
}

impl Granted<'_, LetterSend> {
    /// Keeps the engine's own book on letters: tried, sent. The trail tells of those that were given up.
    pub(in crate::company) fn note<T>(&self, work: impl FnOnce(&Writing<'_>) -> Result<T>) -> Result<T> {
        self.visitor.write(|tx| work(tx).map(|value| Recorded { value, _made_here: () }))
    }
}

impl<P: Permission> Granted<'_, List<P>> {
    /// Which rows the list may show. A list query takes this; without it it cannot be asked.
    pub fn reach(&self) -> Reach {
        let space = self.what.space();
        self.visitor.reach_of(P::INFO, (space > 0).then_some(space))
    }
}
