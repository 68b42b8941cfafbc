//! Values on their way into JavaScript and out of it: no JSON text in between, strings and
//! buffers copied once.

use std::cell::RefCell;
use std::sync::Arc;

use ferrowire::{BigInt, Date, Key, Map, Message, Text, Value};
use rquickjs::object::Property;
use rquickjs::{
    Array, ArrayBuffer, Atom, Ctx, Exception, Function, Object, Result, String as JsString, Type,
    Value as Js,
};

use crate::given::Given;
use crate::host::encoding;
use crate::names::Names;

/// How deep a value may be nested on its way out; one that contains itself is deeper.
const DEPTH: usize = 256;

/// How many values one message may consist of on its way out.
const VALUES: usize = 8 << 20;

/// What the conversions need of an interpreter.
pub(crate) struct Scope<'a, 'js> {
    pub(crate) ctx: &'a Ctx<'js>,
    /// What the prelude made for the runtime.
    pub(crate) calls: Object<'js>,
    names: Names<'a, 'js>,
    given: RefCell<Given<'js>>,
    partial: RefCell<Option<Partial<'js>>>,
}

/// A message of which the code sees a part.
struct Partial<'js> {
    js: Object<'js>,
    visible: Arc<[Key]>,
    msg: Message,
}

impl<'a, 'js> Scope<'a, 'js> {
    pub(crate) fn of(ctx: &'a Ctx<'js>) -> Result<Self> {
        let (calls, names) = (crate::host::calls(ctx)?, Names::of(ctx)?);
        Ok(Scope { ctx, calls, names, given: RefCell::default(), partial: RefCell::default() })
    }

    /// One of the prelude's functions.
    pub(crate) fn call(&self, name: &str) -> Result<Function<'js>> {
        self.calls.get(self.names.atom(name)?)
    }

    /// Puts a message into JavaScript, or only its `visible` properties, and notes what it held.
    pub(crate) fn give(&self, msg: Message, visible: Option<&Arc<[Key]>>) -> Result<Object<'js>> {
        let mut given = Given::default();
        let mut writer = Writer { scope: self, given: Some(&mut given) };
        let Some(visible) = visible else {
            let js = writer.properties(msg.properties().iter())?;
            self.given.replace(given);
            return Ok(js);
        };
        let seen = visible.iter().filter_map(|name| Some((name, msg.properties().get_own(name)?)));
        let js = writer.properties(seen)?;
        self.given.replace(given);
        let partial = Partial { js: js.clone(), visible: Arc::clone(visible), msg };
        self.partial.replace(Some(partial));
        Ok(js)
    }

    /// Gives the message that [`give`](Self::give) put in the properties that it left out.
    pub(crate) fn complete(&self) -> Result<()> {
        let Some(Partial { js, visible, msg }) = self.partial.take() else { return Ok(()) };
        let mut writer = Writer { scope: self, given: None };
        let left_out = msg.properties().iter().filter(|(name, _)| !visible.contains(name));
        left_out.into_iter().try_for_each(|(name, value)| writer.property(&js, name, value))
    }

    /// Whether it is the object that [`give`](Self::give) made, which needs no closer look.
    pub(crate) fn is_given(&self, value: &Js<'js>) -> bool {
        self.partial.borrow().as_ref().is_some_and(|partial| partial.js.as_value() == value)
    }

    /// The message that an object of JavaScript is.
    pub(crate) fn message(&self, object: &Object<'js>) -> Result<Message> {
        match &*self.partial.borrow() {
            Some(partial) if partial.js == *object => partial.merged(self),
            _ => Reader::new(self).properties(object).map(Message::from),
        }
    }

    /// Puts a value into JavaScript, or `undefined`.
    pub(crate) fn to_optional(&self, value: Option<&Value>) -> Result<Js<'js>> {
        value.map_or_else(|| Ok(Js::new_undefined(self.ctx.clone())), |value| self.to_js(value))
    }

    /// Puts a value into JavaScript.
    pub(crate) fn to_js(&self, value: &Value) -> Result<Js<'js>> {
        Writer { scope: self, given: None }.value(value)
    }
}

impl<'js> Partial<'js> {
    /// The message as the code has left it.
    fn merged(&self, scope: &Scope<'_, 'js>) -> Result<Message> {
        let (mut msg, mut reader) = (self.msg.clone(), Reader::new(scope));
        let mut added = Vec::new();
        for name in self.visible.iter() {
            let atom = scope.names.atom(name)?;
            let was_there = self.msg.properties().contains_key(name);
            match reader.value(self.js.get(atom.clone())?)? {
                Some(value) if was_there => _ = msg.set(name.clone(), value),
                Some(Value::Undefined) if !self.js.contains_key(atom.clone())? => {}
                Some(value) => added.push((atom, name, value)),
                None => _ = msg.remove(name),
            }
        }
        if added.len() > 1 {
            // They stand in the order in which the code set them.
            let order = self.js.keys().collect::<Result<Vec<Atom<'js>>>>()?;
            added.sort_by_key(|(atom, ..)| order.iter().position(|name| name == atom));
        }
        for (_, name, value) in added {
            msg.set(name.clone(), value);
        }
        Ok(msg)
    }
}

struct Writer<'a, 'js> {
    scope: &'a Scope<'a, 'js>,
    given: Option<&'a mut Given<'js>>,
}

impl<'js> Writer<'_, 'js> {
    fn value(&mut self, value: &Value) -> Result<Js<'js>> {
        let ctx = self.scope.ctx;
        match value {
            Value::Null => Ok(Js::new_null(ctx.clone())),
            Value::Undefined => Ok(Js::new_undefined(ctx.clone())),
            Value::Bool(value) => Ok(Js::new_bool(ctx.clone(), *value)),
            Value::Number(number) => Ok(Js::new_number(ctx.clone(), *number)),
            Value::String(text) => {
                let js = JsString::from_str(ctx.clone(), text)?.into_value();
                if let Some(given) = &mut self.given {
                    given.add_text(&js, text);
                }
                Ok(js)
            }
            Value::BigInt(number) => self.scope.call("bigInt")?.call((number.as_str(),)),
            Value::Date(date) => self.scope.call("date")?.call((date.millis(),)),
            Value::Buffer(bytes) => {
                let bytes = ArrayBuffer::new_copy(ctx.clone(), bytes)?;
                self.scope.call("buffer")?.call((bytes,))
            }
            Value::Array(items) => {
                let array = Array::new(ctx.clone())?;
                for (at, item) in items.iter().enumerate() {
                    array.set(at, self.value(item)?)?;
                }
                Ok(array.into_value())
            }
            Value::Object(map) => {
                let object = self.properties(map.iter())?;
                if let Some(given) = &mut self.given {
                    given.add_object(&object, map);
                }
                Ok(object.into_value())
            }
        }
    }

    fn properties<'p>(
        &mut self,
        properties: impl Iterator<Item = (&'p Key, &'p Value)>,
    ) -> Result<Object<'js>> {
        let object = Object::new(self.scope.ctx.clone())?;
        for (name, value) in properties {
            self.property(&object, name, value)?;
        }
        Ok(object)
    }

    fn property(&mut self, object: &Object<'js>, name: &str, value: &Value) -> Result<()> {
        let value = self.value(value)?;
        let atom = self.scope.names.atom(name)?;
        if name == "__proto__" {
            // Set the plain way, it would change what the object is.
            return object.prop(atom, Property::from(value).writable().enumerable().configurable());
        }
        object.set(atom, value)
    }
}

/// Takes values out of JavaScript.
pub(crate) struct Reader<'a, 'js> {
    scope: &'a Scope<'a, 'js>,
    plain: Option<Object<'js>>,
    depth: usize,
    values: usize,
}

impl<'a, 'js> Reader<'a, 'js> {
    pub(crate) fn new(scope: &'a Scope<'a, 'js>) -> Self {
        let plain = scope.names.atom("plain").and_then(|name| scope.calls.get(name)).ok();
        Reader { scope, plain, depth: 0, values: 0 }
    }

    /// The value, or `None` for what messages do not hold: functions and symbols. Errors become
    /// objects, other things their own properties.
    ///
    /// # Errors
    /// When the value is nested too deeply or too large, or a getter throws.
    pub(crate) fn value(&mut self, value: Js<'js>) -> Result<Option<Value>> {
        // Each question costs a few calls when it is asked of an object.
        match value.type_of() {
            Type::Undefined | Type::Uninitialized => Ok(Some(Value::Undefined)),
            Type::Function | Type::Constructor | Type::Symbol => Ok(None),
            Type::Null => Ok(Some(Value::Null)),
            Type::Bool => Ok(value.as_bool().map(Value::Bool)),
            Type::Int | Type::Float => Ok(value.as_number().map(Value::Number)),
            Type::String => match value.as_string() {
                Some(text) => self.text(text).map(|text| Some(text.into())),
                None => Ok(None),
            },
            Type::BigInt => {
                let digits: String = self.scope.call("digits")?.call((value,))?;
                Ok(BigInt::parse(&digits).map(Value::BigInt))
            }
            Type::Array => value.into_array().map(|array| self.array(&array)).transpose(),
            _ => match value.try_into_object() {
                Ok(object) => self.object(object),
                Err(other) => self.unusual(other),
            },
        }
    }

    fn text(&self, text: &JsString<'js>) -> Result<Text> {
        if let Some(given) = self.scope.given.borrow().text(text.as_value()) {
            return Ok(given.clone());
        }
        match text.to_string() {
            Ok(text) => Ok(text.into()),
            // A lone surrogate, which UTF-8 cannot hold: it becomes U+FFFD.
            Err(rquickjs::Error::Utf8(_)) => {
                let well_formed = self.scope.call("wellFormed")?;
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
        Err(Exception::throw_range(self.scope.ctx, text))
    }

    fn array(&mut self, array: &Array<'js>) -> Result<Value> {
        self.enter(array.len())?;
        let mut items = Vec::with_capacity(array.len().min(4096));
        for at in 0..array.len() {
            items.push(self.value(array.get(at)?)?.unwrap_or(Value::Undefined));
        }
        self.depth -= 1;
        Ok(Value::Array(Arc::new(items)))
    }

    fn object(&mut self, object: Object<'js>) -> Result<Option<Value>> {
        let unchanged = self.scope.given.borrow().unchanged(&self.scope.names, &object)?;
        if let Some(unchanged) = unchanged {
            self.values += unchanged.len();
            return Ok(Some(Value::Object(unchanged)));
        }
        if object.get_prototype() == self.plain {
            return self.properties(&object).map(|map| Some(map.into()));
        }
        if object.as_typed_array::<u8>().is_some() {
            let bytes = encoding::bytes(self.scope, object.into_value())?;
            return Ok(Some(Value::Buffer(bytes.into())));
        }
        if self.is_date(&object)? {
            return self.date(object).map(Some);
        }
        self.unusual(object.into_value())
    }

    fn is_date(&self, object: &Object<'js>) -> Result<bool> {
        let dates: Object<'js> = self.scope.calls.get(self.scope.names.atom("dates")?)?;
        Ok(object.get_prototype().is_some_and(|prototype| prototype == dates))
    }

    fn date(&self, object: Object<'js>) -> Result<Value> {
        let millis: f64 = self.scope.call("time")?.call((object,))?;
        Ok(Date::from_millis(millis).into())
    }

    /// What the prelude makes of an error, a map, an instance of a class, …
    fn unusual(&mut self, value: Js<'js>) -> Result<Option<Value>> {
        let simple: Js<'js> = self.scope.call("simplify")?.call((value,))?;
        match simple.try_into_object() {
            Ok(object) if object.is_array() || object.as_typed_array::<u8>().is_some() => {
                self.value(object.into_value())
            }
            Ok(object) if self.is_date(&object)? => self.date(object).map(Some),
            Ok(object) => self.properties(&object).map(|map| Some(map.into())),
            Err(other) if other.is_string() || other.is_number() => self.value(other),
            Err(_) => Ok(None),
        }
    }

    /// The properties of an object that messages can hold.
    pub(crate) fn properties(&mut self, object: &Object<'js>) -> Result<Map> {
        self.enter(1)?;
        let mut map = Map::with_capacity(4);
        for property in object.props::<Atom<'js>, Js<'js>>() {
            let (name, value) = property?;
            self.values += 1;
            if let Some(value) = self.value(value)? {
                map.insert(self.key(&name)?, value);
            }
        }
        self.depth -= 1;
        Ok(map)
    }

    fn key(&self, name: &Atom<'js>) -> Result<Key> {
        if let Some(known) = self.scope.names.known(name) {
            return Ok(known);
        }
        let text = self.text(&name.to_js_string()?)?;
        self.scope.names.keep(&text, name);
        Ok(Key::new(&text))
    }
}
