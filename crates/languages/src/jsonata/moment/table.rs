//! The moments of one evaluation, and the functions over them.

use std::cell::RefCell;
use std::rc::Rc;

use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::value::{JArray, JMap, JValue};

use super::super::convert::Converter;
use super::super::guard::{Budget, failed};
use super::methods::{Answer, call};
use super::{Moment, read};

/// The function that a call without a `$` becomes: its arguments are the input, the name, and the
/// arguments.
pub(in super::super) const METHOD: &str = "moment method";

/// The function around a value that becomes text.
pub(in super::super) const TEXT: &str = "moment text";

/// The maximum number of moments in one evaluation.
const MOST: usize = 100_000;

/// The maximum depth at which moments are replaced in a value that becomes text.
const DEPTH: usize = 64;

/// The property of an object that refers to a moment; it contains a space to avoid collisions.
const PLACE: &str = "moment number";

/// The moments of an evaluation.
#[derive(Debug, Default)]
pub(in super::super) struct Moments(Vec<(Rc<JMap>, Moment)>);

impl Moments {
    fn add(&mut self, moment: Moment) -> Result<JValue, String> {
        if self.0.len() >= MOST {
            return Err(format!("more than {MOST} moments were created"));
        }
        let place = (PLACE.to_owned(), JValue::Number(self.0.len() as f64));
        let object = Rc::new(JMap::from_iter([place]));
        self.0.push((Rc::clone(&object), moment));
        Ok(JValue::Object(object))
    }

    /// The index of the moment that an object refers to.
    fn place(&self, object: &Rc<JMap>) -> Option<usize> {
        let place = object.get(PLACE)?.as_f64()? as usize;
        self.0.get(place).filter(|(known, _)| Rc::ptr_eq(known, object)).map(|_| place)
    }

    fn get(&self, value: &JValue) -> Option<&Moment> {
        let JValue::Object(object) = value else { return None };
        self.0.get(self.place(object)?).map(|(_, moment)| moment)
    }

    /// The JSON of an object that refers to a moment: text, or null if invalid.
    pub(in super::super) fn shown(&self, object: &Rc<JMap>) -> Option<Option<String>> {
        let (_, moment) = self.0.get(self.place(object)?)?;
        Some(moment.iso())
    }

    /// The moment of an argument, converted like the argument of `$moment`.
    pub(super) fn of(&self, value: &JValue) -> Result<Moment, String> {
        match self.get(value) {
            Some(moment) => Ok(moment.clone()),
            None => read::read(std::slice::from_ref(value)),
        }
    }

    fn text(&self, value: &JValue, depth: usize) -> JValue {
        if depth > DEPTH || self.0.is_empty() {
            return value.clone();
        }
        match value {
            JValue::Object(object) => match self.shown(object) {
                Some(Some(text)) if depth == 0 => JValue::string(format!("\"{text}\"")),
                Some(Some(text)) => JValue::string(text),
                Some(None) => JValue::Null,
                None => JValue::object(
                    object
                        .iter()
                        .map(|(key, value)| (key.clone(), self.text(value, depth + 1)))
                        .collect(),
                ),
            },
            JValue::Array(items) => {
                let items = items.iter().map(|item| self.text(item, depth + 1)).collect();
                JValue::Array(JArray::new(items))
            }
            other => other.clone(),
        }
    }
}

/// Registers `$moment` and its helpers for an evaluation.
pub(in super::super) fn register(
    evaluator: &mut Evaluator,
    shared: &Rc<RefCell<Converter>>,
    budget: &Budget,
) -> Result<(), EvaluatorError> {
    let say = |text: String| failed(format!("`$moment`: {text}"));
    let converter = Rc::clone(shared);
    evaluator.register_fn("moment", move |args: &[JValue]| {
        let moments = &mut converter.borrow_mut().moments;
        let copied = args.first().and_then(|first| moments.get(first)).cloned();
        let moment = copied.map_or_else(|| read::read(args), Ok).map_err(say)?;
        moments.add(moment).map_err(say)
    })?;
    let (converter, budget) = (Rc::clone(shared), budget.clone());
    evaluator.register_fn(METHOD, move |args: &[JValue]| {
        let [this, name, args @ ..] = args else { return Ok(JValue::Undefined) };
        let moments = &mut converter.borrow_mut().moments;
        let name = name.as_str().unwrap_or_default();
        let say = |text: String| failed(format!("`{name}` of a moment: {text}"));
        let place = match this {
            JValue::Object(object) => moments.place(object),
            _ => None,
        };
        let Some((place, mut moment)) =
            place.and_then(|at| Some((at, moments.0.get(at)?.1.clone())))
        else {
            let text = format!("`{name}` requires a moment; create one with `$moment`");
            return Err(failed(text));
        };
        let answer = call(name, &mut moment, args, moments).map_err(say)?;
        match answer {
            Answer::Value(value) => {
                budget.spend(value.as_str().map_or(0, str::len))?;
                Ok(value)
            }
            Answer::New(moment) => moments.add(moment).map_err(say),
            Answer::This => {
                if let Some((_, kept)) = moments.0.get_mut(place) {
                    *kept = moment;
                }
                Ok(this.clone())
            }
        }
    })?;
    let converter = Rc::clone(shared);
    evaluator.register_fn(TEXT, move |args: &[JValue]| {
        let value = args.first().unwrap_or(&JValue::Undefined);
        Ok(converter.borrow().moments.text(value, 0))
    })
}
