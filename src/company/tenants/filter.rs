//! The filter rule of `domain §7`, used wherever tenants are chosen by name or tag. Pure.

use crate::base::ids::{Id, Tag, TagSet, Tenant};

/// What a filter with nothing in it lets through; each use of filters says it for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// Everyone: no restriction (steps, channels).
    Everyone,
    /// Nobody (tenanted targets).
    Nobody,
}

/// Tenants by name, or by tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Named explicitly.
    pub tenants: Vec<Id<Tenant>>,
    /// Tags, each with the set it is of.
    pub tags: Vec<(Id<TagSet>, Id<Tag>)>,
    /// What it means when both are empty.
    pub when_empty: Empty,
}

impl Filter {
    /// Whether a tenant that carries these tags passes: it is named, or has at least one listed tag of every set that is
    /// listed at all.
    pub fn lets_through(&self, tenant: Id<Tenant>, carried: &[Id<Tag>]) -> bool {
        if self.tenants.is_empty() && self.tags.is_empty() {
            return self.when_empty == Empty::Everyone;
        }
        self.tenants.contains(&tenant) || (!self.tags.is_empty() && self.missing(carried).is_empty())
    }

    /// The sets of which none of the listed tags is carried, in the order listed.
    pub fn missing(&self, carried: &[Id<Tag>]) -> Vec<Id<TagSet>> {
        let mut missing = Vec::new();
        for (set, _) in &self.tags {
            let satisfied = self.tags.iter().any(|(of, tag)| of == set && carried.contains(tag));
            if !satisfied && !missing.contains(set) {
                missing.push(*set);
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tags 1 and 2 are of set 1, tags 3 and 4 of set 2.
    fn tags(numbers: &[i64]) -> Vec<(Id<TagSet>, Id<Tag>)> {
        numbers.iter().map(|n| (Id::new((n + 1) / 2), Id::new(*n))).collect()
    }

    #[test]
    fn or_inside_a_set_and_between_sets() {
        // (named tenants, listed tags, tags that tenant 7 carries, passes)
        type Line = (&'static [i64], &'static [i64], &'static [i64], bool);
        let table: &[Line] = &[
            (&[7], &[], &[], true),
            (&[8], &[], &[], false),
            (&[], &[1], &[1], true),
            (&[], &[1], &[2], false),
            (&[], &[1, 2], &[2], true),
            (&[], &[1, 3], &[1], false),
            (&[], &[1, 3], &[3], false),
            (&[], &[1, 3], &[1, 3], true),
            (&[], &[1, 2, 3], &[2, 3], true),
            (&[], &[1, 2, 3, 4], &[1, 2], false),
            // Named passes whatever its tags are; not named still passes by tags.
            (&[7], &[1, 3], &[], true),
            (&[8], &[1, 3], &[1, 3], true),
            (&[8], &[1, 3], &[1], false),
        ];
        for (tenants, listed, carried, passes) in table {
            let filter = Filter {
                tenants: tenants.iter().map(|n| Id::new(*n)).collect(),
                tags: tags(listed),
                when_empty: Empty::Nobody,
            };
            let carried: Vec<Id<Tag>> = carried.iter().map(|n| Id::new(*n)).collect();
            assert_eq!(filter.lets_through(Id::new(7), &carried), *passes, "{tenants:?} {listed:?} {carried:?}");
        }
    }

    #[test]
    fn an_empty_filter_means_what_its_user_says() {
        for (when_empty, passes) in [(Empty::Everyone, true), (Empty::Nobody, false)] {
            let filter = Filter { tenants: vec![], tags: vec![], when_empty };
            assert_eq!(filter.lets_through(Id::new(7), &[Id::new(1)]), passes);
        }
    }

    #[test]
    fn what_is_missing_is_told_by_set() {
        let filter = Filter { tenants: vec![], tags: tags(&[1, 2, 3]), when_empty: Empty::Nobody };
        assert_eq!(filter.missing(&[Id::new(2)]), [Id::new(2)]);
        assert_eq!(filter.missing(&[]), [Id::new(1), Id::new(2)]);
        assert_eq!(filter.missing(&[Id::new(1), Id::new(3)]), []);
    }
}
