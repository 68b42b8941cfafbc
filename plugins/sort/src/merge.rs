//! A stable sort that bears an order which contradicts itself.
//!
//! JavaScript's `<` does so for values of different types, and the standard library's sort may
//! panic on it.

use std::cmp::Ordering;

/// The items in order; those that are equal keep theirs.
pub(crate) fn sort<T>(items: Vec<T>, compare: &impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    let mut merged = Vec::with_capacity(items.len());
    let mut width = 1;
    while width < items.len() {
        merged.clear();
        for pair in order.chunks(2 * width) {
            let (mut first, mut second) = pair.split_at(width.min(pair.len()));
            while let ([a, rest_of_first @ ..], [b, rest_of_second @ ..]) = (first, second) {
                if compare(&items[*a], &items[*b]).is_gt() {
                    merged.push(*b);
                    second = rest_of_second;
                } else {
                    merged.push(*a);
                    first = rest_of_first;
                }
            }
            merged.extend_from_slice(first);
            merged.extend_from_slice(second);
        }
        std::mem::swap(&mut order, &mut merged);
        width *= 2;
    }
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| items[at].take()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_items_keep_their_order() {
        let items = vec![(2, 'a'), (1, 'b'), (2, 'c'), (0, 'd'), (1, 'e')];
        let sorted = sort(items, &|a, b| a.0.cmp(&b.0));
        assert_eq!(sorted, [(0, 'd'), (1, 'b'), (1, 'e'), (2, 'a'), (2, 'c')]);
    }

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(items in proptest::collection::vec(0u8..20, 0..200)) {
            let numbered: Vec<(u8, usize)> = items.into_iter().zip(0..).collect();
            let mut expected = numbered.clone();
            expected.sort_by_key(|(item, _)| *item);
            prop_assert_eq!(sort(numbered, &|a, b| a.0.cmp(&b.0)), expected);
        }

        #[test]
        fn an_order_that_contradicts_itself_loses_nothing(count in 0usize..500, seed in any::<u64>()) {
            let random = std::cell::Cell::new(seed);
            let compare = |_: &usize, _: &usize| {
                random.set(random.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
                random.get().cmp(&(u64::MAX / 2))
            };
            let mut sorted = sort((0..count).collect(), &compare);
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..count).collect::<Vec<_>>());
        }
    }
}
