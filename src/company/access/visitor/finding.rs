//! What a visitor finds by what somebody calls it.

use super::{
    super::{
        locate::{self, At, Container, Locate, Word, ambiguous},
        permissions::{Permission, ProjectView, SpaceView, TenantView},
        policy::{Check, Ids},
    },
    Visitor,
};
use crate::base::{
    clock,
    error::{Error, Result},
    ids::Space,
};

impl Visitor {
    /// Finds a thing by what an address says, its id, slug or name, and tells where it is, nothing else.
    ///
    /// # Errors
    /// `NotFound` in the same words as for a thing the visitor may not see. In a project that they may not see, nothing is
    /// found, and it is the project that is named: as for one that is not there. `Ambiguous` for what could be the slug of
    /// one thing and the name of another.
    pub fn locate<T: Locate>(&self, within: impl Container, text: &str) -> Result<At<T>> {
        self.meant(within, Word::of_address(text))
    }

    /// Finds a thing by what somebody calls it, in a body, in a form or on the command line: its id, name or slug.
    ///
    /// # Errors
    /// As [`Visitor::locate`].
    pub fn named<T: Locate>(&self, within: impl Container, text: &str) -> Result<At<T>> {
        // What is wrong with a body is 400; that an address leads nowhere is 404.
        self.meant(within, Word::said(text)).map_err(|error| match error {
            Error::Ambiguous(sentence) => Error::invalid("", sentence),
            other => other,
        })
    }

    fn meant<T: Locate>(&self, within: impl Container, word: Word<'_>) -> Result<At<T>> {
        if let Some(project) = within.project()
            && !self.may(ProjectView { project: project.clone() })
        {
            return Err(Error::NotFound(project.asked().to_owned()));
        }
        let within = within.within();
        let mut found: Vec<At<T>> = self.read(|rows| locate::locate(rows, self.company.stamp(), within, word))?;
        found.retain(|at| !T::is_behind_its_tenant() || self.sees_tenant_of(at));
        if found.len() > 1 {
            found.retain(|at| self.sees(at));
        }
        if found.len() > 1 {
            return Err(Error::Ambiguous(ambiguous(word.text(), found.iter().map(At::id))));
        }
        found.pop().ok_or_else(|| Error::NotFound(word.text().to_owned()))
    }

    /// Whether the visitor may see the tenant that a thing belongs to, if it belongs to one.
    fn sees_tenant_of<T: Locate>(&self, at: &At<T>) -> bool {
        let place = at.place();
        if matches!(place.tenants, Ids::Any) || !self.is_of_the_company() {
            return true;
        }
        let mut check = Check::new(false);
        (check.company, check.space, check.tenants) = (place.company, place.space, place.tenants.clone());
        self.allows(TenantView::INFO, &check)
    }

    /// Finds a space. One in which the visitor holds nothing is not found (`access-rules §7`).
    pub fn locate_space(&self, text: &str) -> Result<At<Space>> {
        let known = self.known.borrow().located.iter().find(|at| at.asked() == text).cloned();
        let space: At<Space> = match known {
            Some(at) => at,
            None => {
                let rows = self.space_rows()?;
                let at = locate::space(&rows, self.company.stamp(), text);
                let at = at.ok_or_else(|| Error::NotFound(text.to_owned()))?;
                self.known.borrow_mut().located.push(at.clone());
                at
            }
        };
        let seen = !self.is_of_the_company()
            || self.grants.anything_in(space.id().0, clock::now())
            || self.may_check(SpaceView::INFO, &Check::new(false));
        if seen { Ok(space) } else { Err(Error::NotFound(text.to_owned())) }
    }

    /// The space that is meant when none is named: the default one, or the first one visible.
    pub fn home_space(&self) -> Option<At<Space>> {
        let spaces = self.spaces().ok()?;
        let home = spaces.iter().find(|space| space.is_default).or(spaces.first())?;
        self.locate_space(&home.id.to_string()).ok()
    }
}
