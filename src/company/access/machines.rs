//! Whose a deployment target is: the tenants that it names and those that its tags reach, as they stand now. Nothing is
//! kept: a tag given to a tenant, or taken from it, counts from the next request on. The same rule as that by which a
//! deployment chooses its machines (`company/targets`); a test compares the two.

use super::{policy::Ids, rows::Rows};
use crate::base::error::Result;

/// Belongs to no tenant: nobody who is limited to tenants has it among theirs.
const NOBODY: i64 = -1;

/// Whether the machine `m` is for the tenant `n`: it takes part in tenants' deployments, and names the tenant or, of every
/// tag set that it lists tags of, lists one that the tenant has.
macro_rules! is_for {
    () => {
        "m.participation <> 'Untenanted' AND (
            EXISTS (SELECT 1 FROM target_tenants y WHERE y.target_id = m.id AND y.tenant_id = n.id)
            OR EXISTS (SELECT 1 FROM target_tenant_tags u WHERE u.target_id = m.id) AND NOT EXISTS (
                SELECT 1 FROM target_tenant_tags u JOIN tags g ON g.id = u.tag_id WHERE u.target_id = m.id AND NOT EXISTS (
                    SELECT 1 FROM target_tenant_tags v JOIN tags h ON h.id = v.tag_id
                    JOIN tenant_tags c ON c.tag_id = v.tag_id AND c.tenant_id = n.id
                    WHERE v.target_id = m.id AND h.tag_set_id = g.tag_set_id)))"
    };
}
pub(in crate::company) use is_for;

/// The condition that the machine with this number, an expression of SQL, is for one of the tenants in `$`: for
/// `Columns::tenant`.
macro_rules! is_for_one_of {
    ($machine:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM targets m JOIN tenants n ON n.space_id = m.space_id WHERE m.id = ",
            $machine,
            " AND n.id IN $ AND ",
            $crate::company::access::is_for!(),
            ")"
        )
    };
}
pub(in crate::company) use is_for_one_of;

/// The tenants that a machine is for.
fn tenants_of(rows: &Rows<'_>, machine: i64) -> Result<Vec<i64>> {
    const OF: &str =
        concat!("SELECT n.id FROM targets m JOIN tenants n ON n.space_id = m.space_id WHERE m.id = ?1 AND ", is_for!());
    rows.all(OF, [machine], |row| row.get(0))
}

/// The place of a machine among tenants. To see it, one of its tenants is enough. To change it takes all of them: one that
/// also does work for no tenant, or that tags lead to whichever tenants have them later, is changed by nobody who is
/// limited to tenants. One that is not there belongs to nobody.
pub(super) fn place(rows: &Rows<'_>, machine: i64) -> Result<Ids> {
    let mut tenants = tenants_of(rows, machine)?;
    let only = "SELECT 1 FROM targets m WHERE m.id = ?1 AND m.participation = 'Tenanted'
                AND NOT EXISTS (SELECT 1 FROM target_tenant_tags u WHERE u.target_id = m.id)";
    if tenants.is_empty() || !rows.any(only, [machine])? {
        tenants.push(NOBODY);
    }
    Ok(Ids::from_list(tenants))
}
