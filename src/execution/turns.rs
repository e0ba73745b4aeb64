//! Whose turn it is: which companies may begin another task, so that none holds all the slots.

use std::collections::HashMap;

/// Whether a company that has `holds` tasks under way may begin another while `free` slots are free.
///
/// It may while more are free than it holds. So a company by itself takes half of the slots, rounded up; the next one
/// finds some free whatever the first does, and the more companies have work, the less each holds.
pub(super) fn may_begin(holds: usize, free: usize) -> bool {
    free > holds
}

/// Which company each running task is of.
#[derive(Debug, Default)]
pub(super) struct Holders(HashMap<tokio::task::Id, String>);

impl Holders {
    pub fn takes(&mut self, task: tokio::task::Id, company: String) {
        self.0.insert(task, company);
    }
    pub fn gives_back(&mut self, task: tokio::task::Id) {
        self.0.remove(&task);
    }
    /// How many tasks of each company are under way.
    pub fn counts(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for company in self.0.values() {
            *counts.entry(company.clone()).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Findings G11: every company that comes with long work, one after the other, until no slot is free.
    #[test]
    fn no_company_holds_all_slots() {
        for (slots, expected) in [
            (0, &[][..]),
            (1, &[1][..]),
            (2, &[1, 1]),
            (3, &[2, 1]),
            (4, &[2, 1, 1]),
            (5, &[3, 1, 1]),
            (8, &[4, 2, 1, 1]),
            (16, &[8, 4, 2, 1, 1]),
        ] {
            let (mut free, mut held) = (slots, Vec::new());
            while free > 0 {
                let mut holds = 0;
                while free > 0 && may_begin(holds, free) {
                    (holds, free) = (holds + 1, free - 1);
                }
                held.push(holds);
            }
            assert_eq!(held, expected, "{slots} slots");
        }
    }

    #[test]
    fn a_company_without_tasks_begins_whenever_a_slot_is_free() {
        for free in 0..20 {
            assert_eq!(may_begin(0, free), free > 0);
            assert!(!may_begin(free, free), "what is free is not all for one");
        }
    }
}
