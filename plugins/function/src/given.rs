//! `Given`: what a run was given. Whatever the code leaves as it was goes on as it came, uncopied.

use std::sync::Arc;

use ferrowire::{Map, Text, Value};
use rquickjs::{Atom, Object, Result, Value as Js};

use crate::names::Names;

/// More would not be searched faster than copied.
const MOST_TEXTS: usize = 12;
const MOST_OBJECTS: usize = 4;

/// Values on both sides. Holding the interpreter's, it makes sure that nothing else takes their
/// place in memory.
#[derive(Default)]
pub(crate) struct Given<'js> {
    texts: Vec<(Js<'js>, Text)>,
    objects: Vec<(Object<'js>, Arc<Map>)>,
}

impl<'js> Given<'js> {
    pub(crate) fn add_text(&mut self, js: &Js<'js>, text: &Text) {
        if self.texts.len() < MOST_TEXTS {
            self.texts.push((js.clone(), text.clone()));
        }
    }

    pub(crate) fn add_object(&mut self, js: &Object<'js>, object: &Arc<Map>) {
        if self.objects.len() < MOST_OBJECTS {
            self.objects.push((js.clone(), Arc::clone(object)));
        }
    }

    /// The text, when it is one of those that were given. Texts cannot be changed.
    pub(crate) fn text(&self, js: &Js<'js>) -> Option<&Text> {
        self.texts.iter().find(|(given, _)| given == js).map(|(_, text)| text)
    }

    /// The object, when it was given and holds what it held then.
    pub(crate) fn unchanged(
        &self,
        names: &Names<'_, 'js>,
        js: &Object<'js>,
    ) -> Result<Option<Arc<Map>>> {
        let Some((_, object)) = self.objects.iter().find(|(given, _)| given == js) else {
            return Ok(None);
        };
        let mut entries = object.iter();
        for property in js.props::<Atom<'js>, Js<'js>>() {
            let (atom, value) = property?;
            let Some((key, was)) = entries.next() else { return Ok(None) };
            if names.atom(key)? != atom || !self.is(&value, was) {
                return Ok(None);
            }
        }
        Ok(entries.next().is_none().then(|| Arc::clone(object)))
    }

    /// Whether the value is plain and still what it was.
    fn is(&self, js: &Js<'js>, was: &Value) -> bool {
        match was {
            Value::String(was) => self.text(js).is_some_and(|text| text == was),
            Value::Number(was) => js.as_number().is_some_and(|is| is.to_bits() == was.to_bits()),
            Value::Bool(was) => js.as_bool() == Some(*was),
            Value::Null => js.is_null(),
            Value::Undefined => js.is_undefined(),
            Value::BigInt(_)
            | Value::Date(_)
            | Value::Buffer(_)
            | Value::Array(_)
            | Value::Object(_) => false,
        }
    }
}
