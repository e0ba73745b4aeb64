//! A command tried out: carried out in its transaction as it would be, looked at, and undone. So whatever a command
//! refuses is refused here too, and what it would change can be shown before it is done. No event remains, nothing is
//! sent, and what is remembered between requests is not touched.

use super::{
    census::Census,
    rows::{Recorded, Writing},
    visitor::Visitor,
};
use crate::base::error::{Error, Result};

/// Access before a change and as it would be after it.
#[derive(Debug)]
pub struct Tried {
    /// As it is.
    pub before: Census,
    /// As it would be.
    pub after: Census,
}

impl Visitor {
    /// Carries a command out, one change or several, and undoes each as soon as it was looked at: a second change does
    /// not find what the first one made. The command needs its proofs as ever. What it does beside its transactions is
    /// not undone, so a command that does such a thing is not for this: deleting a space forgets the logs of its tasks.
    ///
    /// # Errors
    /// Those of the command.
    pub(in crate::company) fn try_out<T>(&self, command: impl FnOnce() -> Result<T>) -> Result<Vec<Tried>> {
        *self.trial.borrow_mut() = Some(Vec::new());
        let answer = command();
        let tried = self.trial.borrow_mut().take().unwrap_or_default();
        answer.map(|_| tried)
    }

    /// One change of a command that is tried out.
    pub(super) fn try_write<T>(&self, work: impl FnOnce(&Writing<'_>) -> Result<Recorded<T>>) -> Result<T> {
        let mut found = None;
        let undone = self.company().try_write(self.stamp().clone(), |tx| {
            let before = Census::read(tx)?;
            let recorded = work(tx)?;
            found = Some((recorded.value, Tried { before, after: Census::read(tx)? }));
            Ok(())
        });
        match found {
            Some((value, tried)) => {
                if let Some(all) = self.trial.borrow_mut().as_mut() {
                    all.push(tried);
                }
                Ok(value)
            }
            None => Err(undone.err().unwrap_or_else(|| Error::internal("a command that was tried out gave nothing"))),
        }
    }
}
