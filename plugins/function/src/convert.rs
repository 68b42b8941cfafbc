//! Values on their way into JavaScript and out of it: no JSON text in between, strings and
//! buffers copied once.

use std::sync::Arc;

use ferrowire_core::{Key, Map, Text, Value};
use rquickjs::object::Property;
use rquickjs::{
    Array, ArrayBuffer, Ctx, Exception, Function, IntoJs, Object, Result, String as JsString,
    Value as Js,
};

use crate::host::encoding;

/// How deep a value may be nested on its way out; one that contains itself is deeper.
const DEPTH: usize = 256;

/// How many values one message may consist of on its way out.
const VALUES: usize = 8 << 20;

/// Puts values into JavaScript; `calls` are those of the prelude.
pub(crate) fn to_js<'js>(ctx: &Ctx<'js>, calls: &Object<'js>, value: &Value) -> Result<Js<'js>> {
    match value {
        Value::Null => Ok(Js::new_null(ctx.clone())),
        Value::Bool(value) => Ok(Js::new_bool(ctx.clone(), *value)),
        Value::Number(number) => Ok(Js::new_number(ctx.clone(), *number)),
        Value::String(text) => JsString::from_str(ctx.clone(), text)?.into_js(ctx),
        Value::Buffer(bytes) => {
            let bytes = ArrayBuffer::new_copy(ctx.clone(), bytes)?;
            calls.get::<_, Function<'js>>("buffer")?.call((bytes,))
        }
        Value::Array(items) => {
            let array = Array::new(ctx.clone())?;
            for (at, item) in items.iter().enumerate() {
                array.set(at, to_js(ctx, calls, item)?)?;
            }
            array.into_js(ctx)
        }
        Value::Object(map) => object_to_js(ctx, calls, map)?.into_js(ctx),
    }
}

/// Puts the properties of an object into JavaScript.
pub(crate) fn object_to_js<'js>(
    ctx: &Ctx<'js>,
    calls: &Object<'js>,
    map: &Map,
) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    for (key, value) in map.iter() {
        let value = to_js(ctx, calls, value)?;
        if key == "__proto__" {
            // Set the plain way, it would change what the object is.
            object
                .prop(key.as_str(), Property::from(value).writable().enumerable().configurable())?;
        } else {
            object.set(key.as_str(), value)?;
        }
    }
    Ok(object)
}

/// Takes values out of JavaScript.
pub(crate) struct Reader<'a, 'js> {
    ctx: &'a Ctx<'js>,
    calls: &'a Object<'js>,
    plain: Option<Object<'js>>,
    depth: usize,
    values: usize,
}

impl<'a, 'js> Reader<'a, 'js> {
    pub(crate) fn new(ctx: &'a Ctx<'js>, calls: &'a Object<'js>) -> Self {
        let plain = calls.get("plain").ok();
        Reader { ctx, calls, plain, depth: 0, values: 0 }
    }

    /// The value, or `None` for what messages do not hold: undefined, functions, symbols.
    /// Dates become ISO 8601 text, errors objects, other things their own properties.
    ///
    /// # Errors
    /// When the value is nested too deeply or too large, or a getter throws.
    pub(crate) fn value(&mut self, value: Js<'js>) -> Result<Option<Value>> {
        if let Some(number) = value.as_number() {
            return Ok(Some(Value::Number(number)));
        }
        if let Some(text) = value.as_string() {
            return self.text(text).map(|text| Some(text.into()));
        }
        if let Some(value) = value.as_bool() {
            return Ok(Some(value.into()));
        }
        if value.is_null() {
            return Ok(Some(Value::Null));
        }
        if value.is_array() {
            return value.into_array().map(|array| self.array(&array)).transpose();
        }
        if value.is_function() || value.is_undefined() || value.is_symbol() {
            return Ok(None);
        }
        match value.try_into_object() {
            Ok(object) => self.object(object),
            Err(other) => self.unusual(other),
        }
    }

    fn text(&self, text: &JsString<'js>) -> Result<Text> {
        match text.to_string() {
            Ok(text) => Ok(text.into()),
            // A lone surrogate, which UTF-8 cannot hold: it becomes U+FFFD.
            Err(rquickjs::Error::Utf8(_)) => {
                let well_formed: Function<'js> = self.calls.get("wellFormed")?;
                well_formed.call::<_, String>((text.clone(),)).map(Text::from)
            }
            Err(error) => Err(error),
        }
    }

    fn enter(&mut self, values: usize) -> Result<()> {
        self.values += values;
        self.depth += 1;
        let text = if self.depth > DEPTH {
            "a message must not contain itself, or be nested more than 256 levels deep"
        } else if self.values > VALUES {
            "a message must not consist of more than 8388608 values"
        } else {
            return Ok(());
        };
        Err(Exception::throw_range(self.ctx, text))
    }

    fn array(&mut self, array: &Array<'js>) -> Result<Value> {
        self.enter(array.len())?;
        let mut items = Vec::with_capacity(array.len().min(4096));
        for at in 0..array.len() {
            items.push(self.value(array.get(at)?)?.unwrap_or_default());
        }
        self.depth -= 1;
        Ok(Value::Array(Arc::new(items)))
    }

    fn object(&mut self, object: Object<'js>) -> Result<Option<Value>> {
        if object.get_prototype() == self.plain {
            return self.properties(&object).map(|map| Some(map.into()));
        }
        if object.as_typed_array::<u8>().is_some() {
            let bytes = encoding::bytes(self.ctx, object.into_value())?;
            return Ok(Some(Value::Buffer(bytes.into())));
        }
        self.unusual(object.into_value())
    }

    /// What the prelude makes of a date, an error, a map, an instance of a class, …
    fn unusual(&mut self, value: Js<'js>) -> Result<Option<Value>> {
        let simplify: Function<'js> = self.calls.get("simplify")?;
        let simple: Js<'js> = simplify.call((value,))?;
        match simple.try_into_object() {
            Ok(object) if object.is_array() || object.as_typed_array::<u8>().is_some() => {
                self.value(object.into_value())
            }
            Ok(object) => self.properties(&object).map(|map| Some(map.into())),
            Err(other) if other.is_string() || other.is_number() => self.value(other),
            Err(_) => Ok(None),
        }
    }

    /// The properties of an object that messages can hold.
    pub(crate) fn properties(&mut self, object: &Object<'js>) -> Result<Map> {
        self.enter(1)?;
        let mut map = Map::with_capacity(4);
        for property in object.props::<String, Js<'js>>() {
            let (key, value) = property?;
            self.values += 1;
            if let Some(value) = self.value(value)? {
                map.insert(Key::new(&key), value);
            }
        }
        self.depth -= 1;
        Ok(map)
    }
}
