//! Questions that are not about one permission at one place: one's own account, and the same list at every
//! level.

use super::{
    granted::Granted,
    locate::At,
    permissions::{Held, Info, List, Permission},
    policy::{Check, Grants, Reason},
    sight::Sight,
    visitor::Visitor,
};
use crate::base::{
    error::{Error, Result},
    ids::{Id, Space, User},
};

static OWN: Info = Info {
    key: usize::MAX,
    name: "Myself",
    held: Held::Server,
    change: true,
    groups: false,
    projects: false,
    environments: false,
    tenants: false,
    runbooks: false,
    explicit: false,
    meaning: "Look after one's own account",
};

/// Looking after one's own account: profile, sessions, keys (`access-rules §9`). Everybody may; nobody may for another,
/// so it is in no role and cannot be asked for, only had.
pub struct Myself {
    user: Id<User>,
}

impl Myself {
    /// Who it is.
    pub fn user(&self) -> Id<User> {
        self.user
    }
}

impl Permission for Myself {
    const INFO: &'static Info = &OWN;
    fn check(&self) -> Check {
        Check::new(true)
    }
    fn sights(&self) -> Vec<Sight> {
        Vec::new()
    }
}

impl Granted<'_, Myself> {
    /// What one may just now: with a narrowed key, what it leaves.
    pub(in crate::company) fn grants(&self) -> &Grants {
        self.visitor().grants()
    }
}

impl Visitor {
    /// The right to look after one's own account.
    ///
    /// # Errors
    /// `NotFound` for the server's own actors, who have none.
    pub fn myself(&self) -> Result<Granted<'_, Myself>> {
        let user = self.user().ok_or_else(|| Error::NotFound("me".into()))?;
        Ok(Granted::new(self, Myself { user }))
    }

    /// A narrowed key changes nothing of its owner's account: it would get from there what it was not given.
    ///
    /// # Errors
    /// `Denied` for a change of one's own account with such a key.
    pub(super) fn may_leave_its_owner<P: Permission>(&self) -> Result<()> {
        if self.is_narrowed() && std::ptr::eq(P::INFO, &OWN) {
            return Err(self.refuse(&OWN, &Check::new(true), Vec::new(), Reason::Narrowed));
        }
        Ok(())
    }

    /// The same list asked at every level it exists at: outside all spaces and in each space the visitor may enter, or
    /// only in the given one. What is held at one level is shown even when the other is lacking (`access-rules §2`).
    ///
    /// # Errors
    /// `Denied` when it is held nowhere.
    pub fn ask_anywhere<P: Permission>(&self, only: Option<&At<Space>>) -> Result<Vec<Granted<'_, List<P>>>> {
        let mut granted = Vec::new();
        match only {
            Some(space) => return Ok(vec![self.ask(List::of(space))?]),
            None => {
                let outside = List::<P>::system();
                if P::INFO.at_system() && self.may(List::<P>::system()) {
                    granted.push(self.ask(outside)?);
                }
                for space in self.spaces()? {
                    let space = self.locate_space(&space.id.to_string())?;
                    if P::INFO.in_space() && self.may(List::<P>::of(&space)) {
                        granted.push(self.ask(List::of(&space))?);
                    }
                }
            }
        }
        if granted.is_empty() {
            granted.push(self.ask(List::system())?);
        }
        Ok(granted)
    }
}
