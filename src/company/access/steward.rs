//! Who acts on companies from outside of them: the operator on the command line, or somebody of the operator's own
//! compartment who was granted it there. What they may inside a company is its file as a whole, never its content.

use super::{
    builtin,
    granted::Granted,
    permissions::{Change, CompanyView, FileKeep, OfAppliance},
    proving::Settled,
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

    /// Whether the steward is somebody of the operator's compartment, not the command line.
    pub fn is_of_pages(&self) -> bool {
        matches!(self.by, By::Granted(_))
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

impl<'a> Steward<'a, CompanyView> {
    /// Somebody of the operator's compartment, to look. The proof can only have been given there.
    pub fn looking(granted: &'a Granted<'a, CompanyView>) -> Self {
        Steward { by: By::Granted(granted) }
    }
}

impl<'a, P: OfAppliance + Change> Steward<'a, P>
where
    P::Proof: Settled,
{
    /// Somebody of the operator's compartment, to change something. The proof can only have been given there.
    ///
    /// # Errors
    /// `ProofNeeded`, `PersonNeeded`: as for a change inside a company.
    pub fn of(granted: &'a Granted<'a, P>) -> Result<Self> {
        granted.visitor().prove(<P::Proof as Settled>::PROOF)?;
        Ok(Steward { by: By::Granted(granted) })
    }

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
