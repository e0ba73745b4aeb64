//! The states of a task and the ways between them (`domain §11`). Pure; every change of state asks [`State::may_become`].

use serde::Serialize;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum State {
    /// Waits for its turn.
    Queued,
    /// Is being carried out.
    Executing,
    /// Was told to stop and has not stopped yet.
    Cancelling,
    /// Ended well.
    Success,
    /// Ended badly, or nobody knows how it ended.
    Failed,
    /// Stopped by a person.
    Canceled,
    /// Was not started before its time was over, or took too long.
    TimedOut,
}

impl State {
    /// Every state, in the order a task goes through them.
    pub const ALL: [State; 7] = [
        State::Queued,
        State::Executing,
        State::Cancelling,
        State::Success,
        State::Failed,
        State::Canceled,
        State::TimedOut,
    ];

    /// Its name in the database and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            State::Queued => "Queued",
            State::Executing => "Executing",
            State::Cancelling => "Cancelling",
            State::Success => "Success",
            State::Failed => "Failed",
            State::Canceled => "Canceled",
            State::TimedOut => "TimedOut",
        }
    }

    /// What a person calls it.
    pub fn word(self) -> &'static str {
        match self {
            State::Queued => "Queued",
            State::Executing => "Running",
            State::Cancelling => "Cancelling",
            State::Success => "Succeeded",
            State::Failed => "Failed",
            State::Canceled => "Cancelled",
            State::TimedOut => "Timed out",
        }
    }

    /// Reads its name, ignoring case.
    pub fn parse(text: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(text.trim()))
    }

    /// Whether nothing more will happen.
    pub fn is_completed(self) -> bool {
        matches!(self, State::Success | State::Failed | State::Canceled | State::TimedOut)
    }

    /// Whether it holds a slot and its exclusive key.
    pub fn is_running(self) -> bool {
        matches!(self, State::Executing | State::Cancelling)
    }

    /// Whether a task may go from this state to that. A finished one may be judged anew by a person (`TaskEdit`), and
    /// only between success and failure.
    pub fn may_become(self, next: State) -> bool {
        use State::*;
        match self {
            Queued => matches!(next, Executing | Canceled | TimedOut),
            Executing => matches!(next, Success | Failed | TimedOut | Cancelling | Queued),
            Cancelling => matches!(next, Canceled | Failed),
            Success | Failed | Canceled | TimedOut => matches!(next, Success | Failed) && next != self,
        }
    }
}

/// How one step of a task, or a step on one machine, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum StepStatus {
    /// Its turn has not come.
    Pending,
    /// It has begun.
    Running,
    /// It ended well.
    Success,
    /// It ended badly.
    Failed,
    /// It was passed over.
    Skipped,
    /// It ended well and said something that should be looked at.
    SuccessWithWarning,
    /// It was stopped.
    Canceled,
    /// It had begun, and whether it completed is not known.
    Unknown,
}

impl StepStatus {
    /// Every status.
    pub const ALL: [StepStatus; 8] = [
        StepStatus::Pending,
        StepStatus::Running,
        StepStatus::Success,
        StepStatus::Failed,
        StepStatus::Skipped,
        StepStatus::SuccessWithWarning,
        StepStatus::Canceled,
        StepStatus::Unknown,
    ];

    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            StepStatus::Pending => "Pending",
            StepStatus::Running => "Running",
            StepStatus::Success => "Success",
            StepStatus::Failed => "Failed",
            StepStatus::Skipped => "Skipped",
            StepStatus::SuccessWithWarning => "SuccessWithWarning",
            StepStatus::Canceled => "Canceled",
            StepStatus::Unknown => "Unknown",
        }
    }

    /// Its name on the wire, which knows no doubt: what is not known has failed there.
    pub fn wire(self) -> &'static str {
        match self {
            StepStatus::Unknown => "Failed",
            other => other.name(),
        }
    }

    /// Reads its name.
    pub fn parse(text: &str) -> Option<StepStatus> {
        StepStatus::ALL.into_iter().find(|status| status.name() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of `domain §11`: a row for each state, a column for each next one.
    #[test]
    fn the_transitions_are_those_of_the_table() {
        let table = "
            .          Queued Executing Cancelling Success Failed Canceled TimedOut
            Queued     -      yes       -          -       -      yes      yes
            Executing  yes    -         yes        yes     yes    -        yes
            Cancelling -      -         -          -       yes    yes      -
            Success    -      -         -          -       yes    -        -
            Failed     -      -         -          yes     -      -        -
            Canceled   -      -         -          yes     yes    -        -
            TimedOut   -      -         -          yes     yes    -        -
        ";
        let mut lines = table.lines().filter(|line| !line.trim().is_empty()).map(str::split_whitespace);
        let head: Vec<State> = lines.next().unwrap().skip(1).map(|name| State::parse(name).unwrap()).collect();
        assert_eq!(head, State::ALL);
        for (mut row, from) in lines.zip(State::ALL) {
            assert_eq!(row.next(), Some(from.name()));
            for (cell, to) in row.zip(State::ALL) {
                assert_eq!(from.may_become(to), cell == "yes", "{} to {}", from.name(), to.name());
            }
        }
    }

    #[test]
    fn names_are_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(&state.name().to_lowercase()), Some(state));
        }
        for status in StepStatus::ALL {
            assert_eq!(StepStatus::parse(status.name()), Some(status));
        }
        assert_eq!(State::parse("Done"), None);
    }

    #[test]
    fn a_completed_task_never_runs_again() {
        for from in State::ALL.into_iter().filter(|state| state.is_completed()) {
            assert!(State::ALL.into_iter().filter(|to| from.may_become(*to)).all(State::is_completed));
        }
    }
}
