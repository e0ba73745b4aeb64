//! Who acts on companies from outside of them: the operator on the command line, or somebody of the operator's own
//! compartment who was granted it there. What they may inside a company is its file as a whole, never its content.

use super::{
    builtin,
    granted::Granted,
    permissions::{Change, FileKeep, OfAppliance},
    trail::{Event, Stamp},
    vault::Company,
    visitor::{ActorKind, OperatorKey, Visitor},
};
use crate::base::error::Result;

/// The right to do `P` to companies: shown by the operator's key, or by a proof of the operator's own compartment.
pub struct Steward<'a, P> {
    by: By<'a, P>,
}

enum By<'a, P> {
    Console { key: &'a OperatorKey, home: Option<Company> },
    Granted(&'a Granted<'a, P>),
}

impl<'a, P: OfAppliance> Steward<'a, P> {
    /// The operator on the command line; `home` is their compartment, where there is one, to be told in its trail.
    pub fn console(key: &'a OperatorKey, home: Option<Company>) -> Self {
        Steward { by: By::Console { key, home } }
    }
    /// Somebody of the operator's compartment. The proof can only have been given there.
    pub fn of(granted: &'a Granted<'a, P>) -> Self {
        Steward { by: By::Granted(granted) }
    }

    /// Whether the steward is somebody of the operator's compartment, not the command line.
    pub fn is_of_pages(&self) -> bool {
        matches!(self.by, By::Granted(_))
    }

    /// For what cannot be taken back: a fresh proof of the steward's second factor.
    ///
    /// # Errors
    /// `ProofNeeded`.
    pub fn fresh(&self) -> Result<()> {
        match &self.by {
            By::Console { .. } => Ok(()),
            By::Granted(granted) => granted.fresh(),
        }
    }

    /// The steward as a visitor of one company: to look at its file as a whole, and to change that when `P` is a change.
    pub fn at(&self, company: &Company) -> Visitor {
        match &self.by {
            By::Console { key, .. } => Visitor::operator(company, key),
            By::Granted(granted) => {
                let from = granted.visitor().stamp();
                let stamp = Stamp {
                    actor_kind: "operator",
                    actor_id: None,
                    actor_name: format!("{} (operator)", from.actor_name),
                    means: format!("operator, {}", from.means),
                    address: from.address.clone(),
                    agent: from.agent.clone(),
                };
                Visitor::server_as(company, ActorKind::Operator, stamp, builtin::steward(P::INFO.change))
            }
        }
    }
}

impl<P: OfAppliance + Change> Steward<'_, P> {
    /// Tells it in the trail of the operator's own compartment; there may be none when the operator is on the command line.
    pub fn tell(&self, event: Event) -> Result<()> {
        match &self.by {
            By::Console { home: None, .. } => Ok(()),
            By::Console { key, home: Some(home) } => {
                let operator = Visitor::operator(home, key);
                operator.ask(FileKeep {})?.write(|tx| tx.record(event, ()))
            }
            By::Granted(granted) => granted.write(|tx| tx.record(event, ())),
        }
    }
}
