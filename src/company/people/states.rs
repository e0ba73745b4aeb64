//! The states of a person, and what leads from one to another: invited → active → inactive, and back to active. Pure.

use serde::Serialize;

/// Whether somebody can come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum State {
    /// Has not accepted the invitation yet.
    Invited,
    /// Can sign in.
    Active,
    /// Cannot; what they did and may do is kept.
    Inactive,
}

/// What is done to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// They use the link and choose a password.
    Accept,
    /// They get a new link; the old one is dead.
    InviteAgain,
    /// The invitation is taken back.
    Revoke,
    /// They are shut out.
    Deactivate,
    /// They are let in again.
    Reactivate,
}

/// What a step leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// This state.
    To(State),
    /// Nothing changes.
    Stays,
    /// They were never here: the account goes.
    Gone,
    /// The step is refused; the sentence goes after the person's name.
    Refused(&'static str),
}

impl State {
    /// All of them.
    pub const ALL: [State; 3] = [State::Invited, State::Active, State::Inactive];

    /// The word for it in the file and in addresses.
    pub fn word(self) -> &'static str {
        match self {
            State::Invited => "invited",
            State::Active => "active",
            State::Inactive => "inactive",
        }
    }
    /// The state of a word.
    pub fn of(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.word() == word)
    }
    /// What a step leads to from here.
    pub fn next(self, step: Step) -> Next {
        use State::{Active, Inactive, Invited};
        match (self, step) {
            (Invited, Step::Accept) => Next::To(Active),
            (Invited, Step::InviteAgain) => Next::To(Invited),
            (Invited, Step::Revoke) => Next::Gone,
            (Invited, Step::Deactivate) => {
                Next::Refused("has not accepted the invitation yet. Revoke the invitation instead.")
            }
            (Invited, Step::Reactivate) => Next::Refused("has not accepted the invitation yet. Send it again instead."),
            (Active, Step::Deactivate) => Next::To(Inactive),
            (Active, Step::Reactivate) | (Inactive, Step::Deactivate) => Next::Stays,
            (Inactive, Step::Reactivate) => Next::To(Active),
            (Active, Step::Accept | Step::InviteAgain | Step::Revoke) => {
                Next::Refused("has accepted the invitation already.")
            }
            (Inactive, Step::Accept | Step::InviteAgain | Step::Revoke) => {
                Next::Refused("was deactivated. Reactivate the account instead.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_states() {
        let table = [
            //            accept      again       revoke   deactivate  reactivate
            ("invited", ["active", "invited", "gone", "refused", "refused"]),
            ("active", ["refused", "refused", "refused", "inactive", "stays"]),
            ("inactive", ["refused", "refused", "refused", "stays", "active"]),
        ];
        let steps = [Step::Accept, Step::InviteAgain, Step::Revoke, Step::Deactivate, Step::Reactivate];
        for (from, row) in table {
            let from = State::of(from).unwrap();
            for (step, wanted) in steps.into_iter().zip(row) {
                let led = match from.next(step) {
                    Next::To(state) => state.word(),
                    Next::Stays => "stays",
                    Next::Gone => "gone",
                    Next::Refused(_) => "refused",
                };
                assert_eq!(led, wanted, "{from:?} {step:?}");
            }
        }
        assert_eq!(State::of("away"), None);
    }
}
