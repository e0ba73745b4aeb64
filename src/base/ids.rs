//! Ids as they stand on the wire: a prefix for the kind and a counter, `Projects-12`, compared ignoring case.

use std::{fmt, marker::PhantomData};

/// A kind of thing, known by the prefix of its ids.
pub trait Kind: 'static {
    /// `Projects` in `Projects-12`.
    const PREFIX: &'static str;
    /// What a person calls one: "project".
    const WORD: &'static str;
}

/// The number of one thing of kind `T`. A bare id opens nothing: `company::access::At` says where the thing is.
pub struct Id<T>(pub i64, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// The id with this number.
    pub const fn new(number: i64) -> Self {
        Id(number, PhantomData)
    }
}
impl<T: Kind> Id<T> {
    /// Reads `Projects-12`, ignoring case.
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, number) = text.trim().rsplit_once('-')?;
        if !prefix.eq_ignore_ascii_case(T::PREFIX) || number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        number.parse().ok().filter(|n| *n > 0).map(Self::new)
    }
}
impl<T: Kind> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece, from its end: ids stand in every line of every list, and a text that grows by pieces is moved.
        let mut text = [0; 64];
        let mut at = text.len();
        let mut rest = self.0.unsigned_abs();
        let digits = std::iter::from_fn(|| {
            let digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            Some((digit, rest > 0))
        });
        let mut put = |byte: u8| {
            at -= 1;
            text[at] = byte;
        };
        for (digit, more) in digits {
            put(digit);
            if !more {
                break;
            }
        }
        if self.0 < 0 {
            put(b'-');
        }
        put(b'-');
        T::PREFIX.bytes().rev().for_each(put);
        f.write_str(std::str::from_utf8(&text[at..]).unwrap_or_default())
    }
}
impl<T: Kind> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> std::hash::Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $prefix:literal $word:literal;)*) => {
        $($(#[$doc])* #[derive(Debug)] pub enum $name {}
          impl Kind for $name { const PREFIX: &'static str = $prefix; const WORD: &'static str = $word; })*
    };
}

kinds! {
    /// A division inside a company.
    Space "Spaces" "space";
    /// A person or a service account of one company.
    User "Users" "user";
    /// People and roles with scope.
    Team "Teams" "team";
    /// A named bag of permissions.
    UserRole "UserRoles" "user role";
    /// One role on one team, with its scope.
    ScopedUserRole "ScopedUserRoles" "scoped user role";
    /// A key for programs.
    ApiKey "ApiKeys" "API key";
    /// As whom a service account's programs sign in with the token of another.
    OidcIdentity "OidcIdentities" "OIDC identity";
    /// A group of projects.
    ProjectGroup "ProjectGroups" "project group";
    /// Where releases go.
    Environment "Environments" "environment";
    /// The order in which releases may go to environments.
    Lifecycle "Lifecycles" "lifecycle";
    /// One phase of a lifecycle.
    Phase "Phases" "phase";
    /// What is deployed.
    Project "Projects" "project";
    /// A line of releases of one project.
    Channel "Channels" "channel";
    /// Someone a company deploys for.
    Tenant "Tenants" "tenant";
    /// A group of tags.
    TagSet "TagSets" "tag set";
    /// One tag of a set.
    Tag "Tags" "tag";
    /// A frozen process with a version.
    Release "Releases" "release";
    /// A release sent to an environment, for a tenant or for none.
    Deployment "Deployments" "deployment";
    /// A process that is run where it is needed, without a release.
    Runbook "Runbooks" "runbook";
    /// A runbook's process as it was when the snapshot was taken.
    RunbookSnapshot "RunbookSnapshots" "runbook snapshot";
    /// A runbook run in an environment, for a tenant or for none.
    RunbookRun "RunbookRuns" "runbook run";
    /// Work of the server.
    Task "ServerTasks" "task";
    /// A machine that is deployed to.
    Target "Machines" "deployment target";
    /// How to sign in to a machine.
    Account "Accounts" "account";
    /// One line of the trail.
    Event "Events" "event";
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn ids_are_read_ignoring_case_and_nothing_else_passes() {
        assert_eq!(Id::<Project>::parse("projects-12"), Some(Id::new(12)));
        for text in [
            "",
            "Projects-",
            "Projects-0",
            "Projects--1",
            "Environments-1",
            "Projects-1x",
            "12",
            "Projects-99999999999999999999",
        ] {
            assert_eq!(Id::<Project>::parse(text), None, "{text}");
        }
        for (number, text) in [(7, "7"), (0, "0"), (-1, "-1"), (10, "10"), (i64::MAX, "9223372036854775807")] {
            assert_eq!(Id::<Task>::new(number).to_string(), format!("ServerTasks-{text}"));
        }
    }
}
