//! Whether somebody may still do what they asked for earlier: a task is carried out when its turn comes, which can be weeks
//! later. By then they may have been shut out, their role may have ended, an emergency may be over.

use super::{
    granted::Granted,
    grants::{Whose, load},
    permissions::{Permission, TaskExecute},
    policy::{Grants, Ids},
    rows::Rows,
};
use crate::base::{clock, error::Result};

impl Granted<'_, TaskExecute> {
    /// Whether a user can come in and holds `P` where the task is: for tasks that are about to begin, of who asked for them.
    pub(in crate::company) fn still_holds<P: Permission>(&self, rows: &Rows<'_>, user: i64) -> Result<bool> {
        if !rows.any("SELECT 1 FROM users WHERE id = ?1 AND state = 'active'", [user])? {
            return Ok(false);
        }
        let carried = load(rows, Whose::User(user))?;
        let grants = Grants::new(carried.into_iter().map(|one| (one.grant, one.permissions)).collect());
        let mut place = self.what().check();
        place.all = true;
        if matches!(place.tenants, Ids::Any) {
            // For no tenant, which is not the same as for any.
            place.tenants = Ids::None;
        }
        Ok(grants.allows(P::INFO, &place, clock::now).is_some())
    }
}
