//! Buttons that cannot be used say why: what is lacking and where, who has it, and the way to the page that explains it.
//! Which buttons do, and which are left out instead, stands in `templates/README.md`.

use super::{
    caller::{Visit, encode},
    page::{Act, ConfirmDelete},
};
use crate::{
    base::error::{Denied, Error, Result},
    company::access::{Granted, permissions::Permission},
};

/// So many teams are named; the page that explains tells more.
const TEAMS: usize = 3;

impl Visit<'_> {
    /// What a page offers to who may; for who may not the same button, off, with the reason. What is not told of draws
    /// nothing. The reason is worked out for refused visitors only.
    pub fn offer<P: Permission>(&self, what: P, act: Act) -> Act {
        // What is off already, or not there at all, needs no question.
        if !act.is_open() {
            return act;
        }
        let refusal = self.visitor.refusal(what);
        self.unless(refusal, act)
    }

    /// As [`Visit::offer`], when it was asked already.
    pub fn unless(&self, refusal: Option<Error>, act: Act) -> Act {
        match refusal {
            None => act,
            Some(Error::Denied(denied)) => act.off(reason(&denied), why_href(self, &denied).unwrap_or_default()),
            Some(_) => Act::none(),
        }
    }

    /// The removal of a thing for who may remove it, with what stops it or goes too; for who may not, its heading and why.
    pub fn removal<P: Permission + Clone>(
        &self,
        what: P,
        name: &str,
        make: impl FnOnce(&Granted<'_, P>) -> Result<ConfirmDelete>,
    ) -> Result<Option<ConfirmDelete>> {
        let act = self.offer(what.clone(), Act::link(format!("Remove {name}"), "#remove"));
        if act.is_open() {
            return Ok(Some(make(&self.visitor.ask(what)?)?));
        }
        Ok((!act.label.is_empty()).then(|| ConfirmDelete::refused(name, act)))
    }
}

/// What is lacking, where, and who has it.
fn reason(denied: &Denied) -> String {
    let place = if denied.place.is_empty() { String::new() } else { format!(" for {}", denied.place) };
    let mut said = format!("Needs {}{place}: {}.", denied.permission, lower(denied.meaning));
    let teams = denied.teams.as_deref().unwrap_or_default();
    let named: Vec<&str> = teams.iter().take(TEAMS).map(|(_, name)| name.as_str()).collect();
    match (teams.len().saturating_sub(TEAMS), &denied.teams) {
        (_, None) => {}
        (_, Some(none)) if none.is_empty() => said.push_str(" No team has it there."),
        (0, _) => said.push_str(&format!(" Teams that have it: {}.", named.join(", "))),
        (more, _) => said.push_str(&format!(" Teams that have it: {} and {more} more.", named.join(", "))),
    }
    said
}

/// The page that explains a refusal; `None` for what it cannot be asked, and for who has another drawing of the product.
pub(super) fn why_href(visit: &Visit, denied: &Denied) -> Option<String> {
    if !visit.visitor.customer_of().is_empty() {
        return None;
    }
    let pairs = denied.question.as_ref()?.iter().map(|(name, value)| format!("{name}={}", encode(value)));
    Some(visit.path(&format!("/access/why?{}", pairs.collect::<Vec<_>>().join("&"))))
}

/// A sentence's beginning inside another sentence.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}
