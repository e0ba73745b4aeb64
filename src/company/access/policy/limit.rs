//! A limit of one dimension.

/// The ids that one dimension of a grant is restricted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// No restriction.
    All,
    /// Only these, one bit each.
    Only(Box<[u64]>),
}

impl Limit {
    /// A restriction to these ids; none of them means no restriction.
    pub fn to(ids: &[i64]) -> Limit {
        let Some(largest) = ids.iter().copied().max() else { return Limit::All };
        let mut bits = vec![0u64; largest.max(0) as usize / 64 + 1];
        for id in ids.iter().filter(|id| **id >= 0) {
            bits[*id as usize / 64] |= 1 << (*id as usize % 64);
        }
        Limit::Only(bits.into())
    }
    /// Whether there is no restriction.
    pub fn is_all(&self) -> bool {
        matches!(self, Limit::All)
    }
    /// A restriction that leaves nothing.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Limit::Only(bits) if bits.iter().all(|word| *word == 0))
    }
    /// What both leave.
    pub fn and(&self, other: &Limit) -> Limit {
        match (self, other) {
            (Limit::All, limit) | (limit, Limit::All) => limit.clone(),
            (Limit::Only(one), Limit::Only(two)) => Limit::Only(one.iter().zip(two).map(|(a, b)| a & b).collect()),
        }
    }
    /// What either leaves.
    pub fn or(&self, other: &Limit) -> Limit {
        let (Limit::Only(one), Limit::Only(two)) = (self, other) else { return Limit::All };
        let (short, long) = if one.len() < two.len() { (one, two) } else { (two, one) };
        let mut bits = long.clone();
        bits.iter_mut().zip(short).for_each(|(a, b)| *a |= b);
        Limit::Only(bits)
    }
    /// Whether this id is inside.
    #[inline]
    pub fn has(&self, id: i64) -> bool {
        match self {
            Limit::All => true,
            Limit::Only(bits) => bits.get(id as usize / 64).is_some_and(|word| word >> (id as usize % 64) & 1 == 1),
        }
    }
    /// The largest id that there is a bit for.
    pub(in crate::company) fn largest(&self) -> Option<usize> {
        match self {
            Limit::All => None,
            Limit::Only(bits) => (bits.len() * 64).checked_sub(1),
        }
    }
    /// One bit an id, lowest first, as the condition of a list takes it; `None` when all are inside.
    pub(in crate::company) fn bytes(&self) -> Option<Vec<u8>> {
        let Limit::Only(bits) = self else { return None };
        Some(bits.iter().flat_map(|word| word.to_le_bytes()).collect())
    }
    /// How many ids are inside; `None` when all are.
    pub(in crate::company) fn count(&self) -> Option<u32> {
        let Limit::Only(bits) = self else { return None };
        Some(bits.iter().map(|word| word.count_ones()).sum())
    }
    /// The last id inside and those below it that are not, if these are at most one in so many; `None` when all are inside.
    pub(in crate::company) fn all_but_few(&self, share: u32) -> Option<(Vec<i64>, i64)> {
        let Limit::Only(bits) = self else { return None };
        let (at, word) = bits.iter().enumerate().rev().find(|(_, word)| **word != 0)?;
        let last = at * 64 + 63 - word.leading_zeros() as usize;
        let inside = self.count()? as usize;
        if (last + 1 - inside) * share as usize > inside {
            return None;
        }
        Some(((0..last as i64).filter(|id| !self.has(*id)).collect(), last as i64))
    }
    /// The ids inside, in order; `None` when all are.
    pub fn ids(&self) -> Option<Vec<i64>> {
        let Limit::Only(bits) = self else { return None };
        let of_word = |(n, word): (usize, &u64)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| (n * 64 + bit) as i64)
        };
        Some(bits.iter().enumerate().flat_map(of_word).collect())
    }
}
