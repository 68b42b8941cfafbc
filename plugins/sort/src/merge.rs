//! A stable sort that accepts an inconsistent order.
//!
//! JavaScript's `<` is inconsistent for values of different types, and the standard library's
//! sort may panic on such an order. The result then depends on which pairs are compared, so short
//! lists are sorted in the same steps as in V8: flows may rely on its results.

use std::cmp::Ordering;

/// Longer lists are sorted by merging.
const SHORT: usize = 63;

/// The items in order; equal items keep their order.
pub(crate) fn sort<T>(items: Vec<T>, compare: &impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    let is_less = |a: usize, b: usize| compare(&items[a], &items[b]).is_lt();
    match items.len() {
        ..=SHORT => insert(&mut order, &is_less),
        _ => order = merge(order, &is_less),
    }
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| items[at].take()).collect()
}

/// Keeps the ordered run at the beginning, reversed if it falls, and inserts the others. The item
/// to insert is always the left operand of the comparison.
fn insert(order: &mut [usize], is_less: &impl Fn(usize, usize) -> bool) {
    let run = match order {
        [a, b, ..] => {
            let falls = is_less(*b, *a);
            let length = order.windows(2).take_while(|pair| is_less(pair[1], pair[0]) == falls);
            let length = 1 + length.count();
            if falls {
                order[..length].reverse();
            }
            length
        }
        _ => return,
    };
    for at in run..order.len() {
        let item = order[at];
        // Not `partition_point`: its order of comparisons is not specified.
        let (mut left, mut right) = (0, at);
        while left < right {
            let middle = left + (right - left) / 2;
            match is_less(item, order[middle]) {
                true => right = middle,
                false => left = middle + 1,
            }
        }
        order[left..=at].rotate_right(1);
    }
}

fn merge(mut order: Vec<usize>, is_less: &impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut merged = Vec::with_capacity(order.len());
    let mut width = 1;
    while width < order.len() {
        merged.clear();
        for pair in order.chunks(2 * width) {
            let (mut first, mut second) = pair.split_at(width.min(pair.len()));
            while let ([a, rest_of_first @ ..], [b, rest_of_second @ ..]) = (first, second) {
                if is_less(*b, *a) {
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
    order
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

    #[test]
    fn values_that_cannot_be_compared_land_where_javascript_puts_them() {
        let less_unless_greater = |a: &f64, b: &f64| match a.partial_cmp(b) {
            Some(order) => order,
            None => Ordering::Less,
        };
        let nan = f64::NAN;
        for (items, expected) in [
            (vec![2.0, 1.0, nan], "[NaN, 1.0, 2.0]"),
            (vec![nan, nan, 3.0], "[3.0, NaN, NaN]"),
            (vec![1.0, 2.0, nan, 1.5], "[NaN, 1.0, 1.5, 2.0]"),
        ] {
            assert_eq!(format!("{:?}", sort(items, &less_unless_greater)), expected);
        }
    }

    proptest! {
        #[test]
        fn a_consistent_order_sorts_as_the_standard_library_does(items in proptest::collection::vec(0u8..20, 0..200)) {
            let numbered: Vec<(u8, usize)> = items.into_iter().zip(0..).collect();
            let mut expected = numbered.clone();
            expected.sort_by_key(|(item, _)| *item);
            prop_assert_eq!(sort(numbered, &|a, b| a.0.cmp(&b.0)), expected);
        }

        #[test]
        fn an_inconsistent_order_loses_nothing(count in 0usize..500, seed in any::<u64>()) {
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
