//! Property expressions as values, for the boundary to shared libraries.

use super::{MAX_DEPTH, PropertyPath, Step};
use crate::Value;

impl PropertyPath {
    /// The steps after the first name: strings, numbers (indices), arrays (`[msg.…]`).
    pub fn rest_to_values(&self) -> Vec<Value> {
        let value = |step: &Step| match step {
            Step::Key(key) => key.as_str().into(),
            Step::Index(index) => (*index).into(),
            Step::Message(path) => {
                let mut steps = vec![Value::from(path.first())];
                steps.extend(path.rest_to_values());
                steps.into()
            }
        };
        self.rest.iter().map(value).collect()
    }

    /// The path of a first name and the result of [`rest_to_values`](Self::rest_to_values).
    pub fn from_values(first: &str, rest: &[Value]) -> Option<Self> {
        Self::from_values_in(first, rest, 0)
    }

    fn from_values_in(first: &str, rest: &[Value], depth: usize) -> Option<Self> {
        let step = |value: &Value| match value {
            Value::String(name) => Some(Step::Key(name.as_str().into())),
            Value::Number(index) => Some(Step::Index(*index as usize)),
            Value::Array(path) if depth < MAX_DEPTH => {
                let (first, rest) = path.split_first()?;
                Some(Step::Message(Self::from_values_in(first.as_str()?, rest, depth + 1)?))
            }
            _ => None,
        };
        let rest: Option<Vec<Step>> = rest.iter().map(step).collect();
        Some(PropertyPath { first: first.into(), rest: rest? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_crosses_as_it_is() {
        for path in ["a", "a.b[3].c", "a['x y'][msg.topic.name[msg.index]].z[0]", "$parent.a"] {
            let path = PropertyPath::parse_key(path).unwrap();
            let crossed = PropertyPath::from_values(path.first(), &path.rest_to_values());
            assert_eq!(crossed, Some(path));
        }
        let mut deep: Value = vec![Value::from("a")].into();
        for _ in 0..100 {
            deep = vec![Value::from("a"), deep].into();
        }
        for wrong in [Value::Null, Value::from(Vec::<Value>::new()), deep] {
            assert_eq!(PropertyPath::from_values("a", &[wrong]), None);
        }
    }
}
