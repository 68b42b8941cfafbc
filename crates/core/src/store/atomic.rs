//! `Atomic`: changes of a value that depend on what it is, and that nothing else comes between.

use crate::{Map, NodeError, PropertyPath, Value};

/// A change of the value at a path.
#[derive(Clone, Debug)]
pub enum Atomic {
    /// Adds to a number; no value counts as 0. The result is the sum.
    Add(f64),
    /// Sets the value to the second one, or removes it, if it is the first one. The result is whether it was.
    CompareAndSet(Option<Value>, Option<Value>),
}

impl Atomic {
    /// Changes the value at `path`. Returns the result, and whether anything was changed.
    ///
    /// # Errors
    /// If the value to add to is no number, or as [`PropertyPath::set_in`].
    pub fn apply(&self, values: &mut Map, path: &PropertyPath) -> Result<(Value, bool), NodeError> {
        let now = path.read_in(values).ok().flatten().and_then(Value::into_defined);
        match self {
            Atomic::Add(number) => {
                let before = match &now {
                    None => 0.0,
                    Some(now) => now.as_f64().ok_or("cannot add to a value that is no number")?,
                };
                let sum = Value::from(before + number);
                path.set_in(values, sum.clone())?;
                Ok((sum, true))
            }
            Atomic::CompareAndSet(expected, value) => {
                let is_it = now == expected.clone().and_then(Value::into_defined);
                match value.clone().and_then(Value::into_defined) {
                    _ if !is_it => {}
                    Some(value) => path.set_in(values, value)?,
                    None => drop(path.remove_in(values)),
                }
                Ok((is_it.into(), is_it))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_added_to_and_a_value_replaced_only_if_it_is_the_expected_one() {
        let (mut values, path) = (Map::new(), PropertyPath::parse_key("a.n").unwrap());
        let sum = Atomic::Add(2.0).apply(&mut values, &path).unwrap();
        assert_eq!(sum, (2.into(), true));
        assert_eq!(Atomic::Add(0.5).apply(&mut values, &path).unwrap().0, 2.5.into());
        let mut swap = |expected, value| {
            Atomic::CompareAndSet(expected, value).apply(&mut values, &path).unwrap().0
        };
        assert_eq!(swap(None, Some(1.into())), false.into());
        assert_eq!(swap(Some(2.5.into()), Some("x".into())), true.into());
        assert_eq!(swap(Some("x".into()), None), true.into());
        assert_eq!(swap(None, Some("text".into())), true.into());
        assert!(Atomic::Add(1.0).apply(&mut values, &path).is_err());
    }
}
