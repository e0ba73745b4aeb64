//! How many event streams are open: each looks at its company again and again, so a company and a person have so many.

use crate::base::error::{Error, Result};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// So many of one company.
pub const OF_A_COMPANY: usize = 200;
/// So many of one person there.
pub const OF_A_PERSON: usize = 20;
/// Who finds all taken tries again after so many seconds.
const LATER: i64 = 30;

/// The event streams that are open.
#[derive(Default)]
pub struct Streams(Mutex<HashMap<String, HashMap<String, usize>>>);

impl Streams {
    /// Opens one, until what is given is dropped.
    ///
    /// # Errors
    /// `Later` where the person or the company has as many as they may have.
    pub fn open(self: &Arc<Self>, company: &str, person: &str) -> Result<Open> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = all.entry(company.to_owned()).or_default();
        let whose = match (of.values().sum::<usize>(), of.get(person).copied().unwrap_or_default()) {
            (_, OF_A_PERSON..) => "You follow",
            (OF_A_COMPANY.., _) => "Your company follows",
            _ => {
                *of.entry(person.to_owned()).or_default() += 1;
                return Ok(Open { streams: self.clone(), company: company.to_owned(), person: person.to_owned() });
            }
        };
        let sentence = format!("{whose} as many logs as can be followed at once. Close one and try again.");
        Err(Error::Later { sentence, seconds: LATER })
    }
}

/// An open event stream.
pub struct Open {
    streams: Arc<Streams>,
    company: String,
    person: String,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut all = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of) = all.get_mut(&self.company) else { return };
        if let Some(count) = of.get_mut(&self.person) {
            *count -= 1;
            if *count == 0 {
                of.remove(&self.person);
            }
        }
        if of.is_empty() {
            all.remove(&self.company);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Findings A11: at the bound.
    #[test]
    fn a_person_and_a_company_have_so_many_and_others_do_not_notice() {
        let streams = Arc::new(Streams::default());
        let open = |company: &str, person: &str| streams.open(company, person);
        let mut ada: Vec<Open> = (0..OF_A_PERSON).map(|_| open("acme", "ada").unwrap()).collect();
        assert!(matches!(open("acme", "ada"), Err(Error::Later { .. })));
        assert!(open("acme", "bob").is_ok() && open("globex", "ada").is_ok());
        ada.pop();
        ada.push(open("acme", "ada").unwrap());
        let others: Vec<Open> =
            (OF_A_PERSON..OF_A_COMPANY).map(|number| open("acme", &number.to_string()).unwrap()).collect();
        assert!(matches!(open("acme", "bob"), Err(Error::Later { .. })));
        assert!(open("globex", "bob").is_ok());
        drop((ada, others));
        assert!(streams.0.lock().unwrap().is_empty(), "nothing is kept of those that are closed");
    }
}
