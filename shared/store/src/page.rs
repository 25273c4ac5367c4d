//! Parts of lists: so many items after a key.

/// Which part of a list is wanted.
#[derive(Clone, Debug)]
pub struct Page<K> {
    /// The most items.
    pub limit: u32,
    /// The key of the last item of the part before.
    pub after: Option<K>,
}

impl<K> Page<K> {
    /// One more than wanted is asked for, to see whether the list goes on.
    pub(crate) fn fetch(&self) -> u64 {
        u64::from(self.limit) + 1
    }

    /// The part without the item too many.
    pub(crate) fn cut<T>(&self, mut items: Vec<T>) -> Slice<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        Slice { items, more }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// Whether the list goes on.
    pub more: bool,
}
