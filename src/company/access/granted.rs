//! The proof that a question was answered with yes; the only key to reading and writing.

use super::{
    permissions::{Change, List, Permission, TaskExecute},
    reach::Reach,
    rows::{Recorded, Rows, Writing},
    vault::Seal,
    visitor::Visitor,
};
use crate::base::error::Result;

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
    /// Asks for a fresh proof beside the permission: before changing e-mail, password, factors, keys, roles and sign-in
    /// rules, and before exporting the trail (`access-rules §9`). Commands call it first, forms before they are shown.
    ///
    /// # Errors
    /// `ProofNeeded` when the last proof of the visitor's session is more than ten minutes old.
    pub fn fresh(&self) -> Result<()> {
        self.visitor.fresh()
    }
    /// Reads the company's file, all within one consistent view.
    pub(in crate::company) fn read<T>(&self, work: impl FnOnce(&Rows<'_>) -> Result<T>) -> Result<T> {
        self.visitor.read(work)
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

impl<P: Change> Granted<'_, P> {
    /// Changes the company's file: all of it with its event, or nothing.
    pub(in crate::company) fn write<T>(&self, work: impl FnOnce(&Writing<'_>) -> Result<Recorded<T>>) -> Result<T> {
        self.visitor.may_leave_its_owner::<P>()?;
        self.visitor.write(work)
    }
}

impl Granted<'_, TaskExecute> {
    /// Keeps the engine's own book on a task under way (its lease, its steps as they begin and end). Such notes are
    /// told by the task's log and steps; the trail tells how the task began and ended.
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
