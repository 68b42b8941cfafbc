//! Equality of values. Values share parts, so that a small one may have very many paths: shared parts
//! that were found equal are not compared again.

use std::collections::HashSet;
use std::sync::Arc;

use crate::{Map, Value};

/// This many arrays and objects are compared without keeping account.
const FEW: usize = 256;

/// The comparison of two values, which ends at the first difference.
#[derive(Default)]
struct Comparison {
    compared: usize,
    /// Shared arrays and objects of both sides, by address, that are equal unless the comparison has
    /// ended. A value cannot contain itself.
    equal: Option<HashSet<(usize, usize)>>,
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        Comparison::default().values(self, other)
    }
}

impl PartialEq for Map {
    /// Objects are equal if they have equal values under the same names, in any order.
    fn eq(&self, other: &Self) -> bool {
        Comparison::default().maps(self, other)
    }
}

impl Comparison {
    fn values(&mut self, one: &Value, other: &Value) -> bool {
        match (one, other) {
            (Value::Null, Value::Null) | (Value::Undefined, Value::Undefined) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::Number(one), Value::Number(other)) => one == other,
            (Value::BigInt(one), Value::BigInt(other)) => one == other,
            (Value::String(one), Value::String(other)) => one == other,
            (Value::Date(one), Value::Date(other)) => one == other,
            (Value::Buffer(one), Value::Buffer(other)) => one == other,
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len()
                    && (self.is_known(one, other)
                        || one.iter().zip(&**other).all(|(one, other)| self.values(one, other)))
            }
            (Value::Object(one), Value::Object(other)) => {
                self.is_known(one, other) || self.maps(one, other)
            }
            _ => false,
        }
    }

    fn maps(&mut self, one: &Map, other: &Map) -> bool {
        one.len() == other.len()
            && one
                .iter()
                .all(|(key, one)| other.get_own(key).is_some_and(|other| self.values(one, other)))
    }

    /// Whether the two have been compared before.
    fn is_known<T>(&mut self, one: &Arc<T>, other: &Arc<T>) -> bool {
        self.compared += 1;
        let is_shared = Arc::strong_count(one) > 1 || Arc::strong_count(other) > 1;
        if self.compared <= FEW || !is_shared {
            return false;
        }
        let addresses = (Arc::as_ptr(one).addr(), Arc::as_ptr(other).addr());
        !self.equal.get_or_insert_default().insert(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value with 2^`depth` paths to `part`.
    fn shared(part: Value, depth: usize) -> Value {
        (0..depth).fold(part, |part, at| match at % 2 {
            0 => vec![part.clone(), part].into(),
            _ => Map::from_iter([("a", part.clone()), ("b", part)]).into(),
        })
    }

    #[test]
    fn shared_parts_are_compared_once() {
        let [one, other] = [1, 1].map(|part| shared(part.into(), 100));
        assert!(one == other && one == one.clone());
        assert_ne!(one, shared(2.into(), 100));
        assert_ne!(one, shared(1.into(), 99));
        let (Value::Object(one), Value::Object(other)) = (one, other) else { panic!("objects") };
        assert_eq!(*one, *other);
    }

    #[test]
    fn what_is_shared_need_not_equal_itself() {
        let value = shared(f64::NAN.into(), 100);
        assert_ne!(value, value.clone());
    }

    #[test]
    fn a_difference_behind_many_shared_parts_is_found() {
        let list = |last: i32| -> Value {
            let part = shared(1.into(), 20);
            let mut list = vec![part; 300];
            list.push(shared(last.into(), 20));
            list.into()
        };
        assert_eq!(list(1), list(1));
        assert_ne!(list(1), list(2));
    }
}
