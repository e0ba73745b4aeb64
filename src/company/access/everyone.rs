//! Who is in Everyone. A tenant's own people are not, unless the company says so: a role for colleagues would reach them
//! (`access-rules §11`). They are those who are in tenants' teams and in no other, and those who were invited for a tenant
//! and are in no team any more. A tenant's team is one that was made for its people, and any other whose roles are all
//! *Tenant Self-Service*, each limited to tenants.

/// The condition that the team `t` is for tenants' own people.
macro_rules! of_customers {
    () => {
        "(t.tenant_id IS NOT NULL OR t.builtin IS NULL
          AND EXISTS (SELECT 1 FROM scoped_roles s WHERE s.team_id = t.id)
          AND NOT EXISTS (SELECT 1 FROM scoped_roles s JOIN user_roles r ON r.id = s.role_id WHERE s.team_id = t.id
              AND (r.builtin IS NOT 'tenantself-service' OR NOT EXISTS (SELECT 1 FROM scoped_role_limits l
                   WHERE l.scoped_role_id = s.id AND l.dimension = 'tenant'))))"
    };
}
pub(in crate::company) use of_customers;

/// The condition that the user with this number, an expression of SQL, is one of a tenant's own people.
macro_rules! is_customer {
    ($user:literal) => {
        concat!(
            "((EXISTS (SELECT 1 FROM team_members c WHERE c.user_id = ",
            $user,
            ") OR EXISTS (SELECT 1 FROM users c WHERE c.id = ",
            $user,
            " AND c.came_for_tenant = 1)) AND NOT EXISTS (SELECT 1 FROM team_members c JOIN teams t ON t.id = c.team_id
              WHERE c.user_id = ",
            $user,
            " AND NOT ",
            $crate::company::access::of_customers!(),
            "))"
        )
    };
}
pub(in crate::company) use is_customer;

/// The condition that the user with this number, an expression of SQL, is in Everyone.
macro_rules! is_in_everyone {
    ($user:literal) => {
        concat!(
            "((SELECT customers_in_everyone FROM settings) = 1 OR NOT ",
            $crate::company::access::is_customer!($user),
            ")"
        )
    };
}
pub(in crate::company) use is_in_everyone;

/// The numbers of all of tenants' own people, as SQL finds them in one go: where many are looked at, this is asked once and
/// not for each.
macro_rules! customers {
    () => {
        concat!(
            "(SELECT cu.id FROM users cu WHERE (cu.came_for_tenant = 1
                OR EXISTS (SELECT 1 FROM team_members cm WHERE cm.user_id = cu.id))
              AND NOT EXISTS (SELECT 1 FROM team_members cm WHERE cm.user_id = cu.id
                AND cm.team_id NOT IN (SELECT t.id FROM teams t WHERE ",
            $crate::company::access::of_customers!(),
            ")))"
        )
    };
}
pub(in crate::company) use customers;

/// As `is_in_everyone`, of many.
macro_rules! are_in_everyone {
    ($user:literal) => {
        concat!(
            "((SELECT customers_in_everyone FROM settings) = 1 OR ",
            $user,
            " NOT IN ",
            $crate::company::access::customers!(),
            ")"
        )
    };
}
pub(in crate::company) use are_in_everyone;
