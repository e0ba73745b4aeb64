//! Which targets a deployment goes to (`domain §6`).

use super::{Participation, Target, sql};
use crate::{
    base::{
        error::Result,
        ids::{Environment, Id, Space, Tenant},
    },
    company::{
        access::Rows,
        tenants::{
            self,
            filter::{Empty, Filter as Choice},
        },
    },
};

/// The targets that a deployment goes to (`domain §6`), by name: enabled, in the environment, taking part by their
/// participation. Which of them a step wants, by role, is the step's business.
pub(in crate::company) fn for_deployment(
    rows: &Rows<'_>,
    space: Id<Space>,
    environment: Id<Environment>,
    tenant: Option<Id<Tenant>>,
) -> Result<Vec<Target>> {
    let carried = match tenant {
        Some(tenant) => tenants::tags_of(rows, tenant)?,
        None => Vec::new(),
    };
    let mut chosen = Vec::new();
    for target in sql::in_environment(rows, space, environment)? {
        // Most have no tags: they are not asked for again.
        let tags = if target.tenant_tags.is_empty() { Vec::new() } else { sql::tags_of(rows, target.id)? };
        let choice = Choice { tenants: target.tenants.clone(), tags, when_empty: Empty::Nobody };
        let listed = tenant.map(|tenant| choice.lets_through(tenant, &carried));
        if takes_part(target.participation, listed) {
            chosen.push(target);
        }
    }
    Ok(chosen)
}

/// The table of `domain §6`. `listed`: `None` for a deployment without a tenant, else whether the target is for it.
pub(super) fn takes_part(participation: Participation, listed: Option<bool>) -> bool {
    match (participation, listed) {
        (Participation::Untenanted, listed) => listed.is_none(),
        (Participation::Tenanted, listed) => listed == Some(true),
        (Participation::TenantedOrUntenanted, listed) => listed != Some(false),
    }
}
