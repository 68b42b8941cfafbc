//! What the code has changed in an object that was made of a value.

use ferrowire::{Map, Value};
use rquickjs::{Array, Atom, Object, Result, Value as Js};

use crate::budget;
use crate::convert::{Reader, length_of};

/// What `js` holds, if that is not what `was` says. Parts that are what they were are shared with
/// `was` instead of being converted.
///
/// # Errors
/// As [`Reader::value`].
pub(crate) fn changed<'js>(
    reader: &mut Reader<'_, 'js>,
    js: Js<'js>,
    was: &Value,
) -> Result<Option<Value>> {
    match was {
        Value::Array(items) => {
            if let Some(array) = js.as_array() {
                return changed_array(reader, array, items);
            }
        }
        Value::Object(map) => match js.as_object() {
            Some(object) if reader.scope().is_plain(object)? => {
                return changed_object(reader, object, map);
            }
            _ => {}
        },
        Value::Number(was) if js.as_number().is_some_and(|is| is.to_bits() == was.to_bits()) => {
            return Ok(None);
        }
        Value::Bool(was) if js.as_bool() == Some(*was) => return Ok(None),
        _ => {}
    }
    let now = reader.value(js)?.unwrap_or(Value::Undefined);
    Ok((now != *was).then_some(now))
}

fn changed_array<'js>(
    reader: &mut Reader<'_, 'js>,
    array: &Array<'js>,
    was: &[Value],
) -> Result<Option<Value>> {
    let length = length_of(array)?;
    let known = length.min(was.len());
    let mut now: Option<Vec<Value>> = (length < was.len()).then(|| was[..known].to_vec());
    for (at, was_item) in was[..known].iter().enumerate() {
        if let Some(item) = changed(reader, array.get(at)?, was_item)? {
            now.get_or_insert_with(|| was.to_vec())[at] = item;
        }
    }
    if length > known {
        reader.charge(budget::of_array(length - known))?;
    }
    for at in known..length {
        let item = reader.value(array.get(at)?)?;
        now.get_or_insert_with(|| was.to_vec()).push(item.unwrap_or(Value::Undefined));
    }
    Ok(now.map(Value::from))
}

fn changed_object<'js>(
    reader: &mut Reader<'_, 'js>,
    object: &Object<'js>,
    was: &Map,
) -> Result<Option<Value>> {
    let mut entries = was.iter();
    let mut same = 0;
    // Nothing is copied before there is a difference.
    let before = |same| was.iter().take(same).map(|(key, value)| (key.clone(), value.clone()));
    let mut now: Option<Map> = None;
    for property in object.props::<Atom<'js>, Js<'js>>() {
        let (name, value) = property?;
        if let (None, Some((key, was))) = (&now, entries.next())
            && reader.scope().atom(key)? == name
        {
            match changed(reader, value, was)? {
                None => same += 1,
                Some(value) => {
                    now.insert(before(same).collect()).insert(key.clone(), value);
                }
            }
            continue;
        }
        let now = now.get_or_insert_with(|| before(same).collect());
        let key = reader.key(&name)?;
        let value = match was.get_own(&key) {
            Some(was) => Some(changed(reader, value, was)?.unwrap_or_else(|| was.clone())),
            None => reader.value(value)?,
        };
        if let Some(value) = value {
            now.insert(key, value);
        }
    }
    let is_shorter = now.is_none() && same < was.len();
    Ok(if is_shorter { Some(before(same).collect::<Map>().into()) } else { now.map(Value::from) })
}
