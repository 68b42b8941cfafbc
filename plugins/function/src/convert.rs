//! Converts values to JavaScript and back, without JSON text between them. Strings and buffers are copied
//! once.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use ferrowire::{BigInt, Date, Key, Map, Message, Text, Value};
use rquickjs::atom::PredefinedAtom;
use rquickjs::object::Property;
use rquickjs::{
    Array, ArrayBuffer, Atom, Ctx, Exception, Function, Object, Result, String as JsString, Type,
    Value as Js,
};

use crate::budget::{self, Budget};
use crate::given::Given;
use crate::host::encoding;
use crate::limit::give_worker_away;
use crate::names::Names;
use crate::timers;

/// How deep a value may be nested on its way out; one that contains itself is deeper.
const DEPTH: usize = 256;

/// Copying values of this many bytes takes milliseconds, which the interpreter's time limit does not count.
const LONG: usize = 4 << 20;

/// What the conversions need of an interpreter.
pub(crate) struct Scope<'a, 'js> {
    pub(crate) ctx: &'a Ctx<'js>,
    /// The objects that the prelude creates for the runtime.
    pub(crate) calls: Object<'js>,
    names: Names<'a, 'js>,
    budget: Budget<'a>,
    /// A value was refused since it took too much memory.
    has_refused: Cell<bool>,
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
        let (calls, names, budget) = (crate::host::calls(ctx)?, Names::of(ctx)?, Budget::of(ctx)?);
        let (given, partial) = (RefCell::default(), RefCell::default());
        Ok(Scope { ctx, calls, names, budget, has_refused: Cell::new(false), given, partial })
    }

    /// One of the prelude's functions.
    pub(crate) fn call(&self, name: &str) -> Result<Function<'js>> {
        self.calls.get(self.names.atom(name)?)
    }

    /// The interpreter's atom for this property name.
    pub(crate) fn atom(&self, name: &str) -> Result<Atom<'js>> {
        self.names.atom(name)
    }

    /// Whether an object is a plain one, of no class.
    pub(crate) fn is_plain(&self, object: &Object<'js>) -> Result<bool> {
        let plain: Object<'js> = self.calls.get(self.names.atom("plain")?)?;
        Ok(object.get_prototype().is_some_and(|prototype| prototype == plain))
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

    /// Begins a run, whose values may take `bytes`.
    pub(crate) fn begin(&self, bytes: usize) {
        self.budget.begin(bytes);
    }

    /// Converts an object of JavaScript to a message, which counts until the end of the run.
    ///
    /// # Errors
    /// As [`Reader::value`].
    pub(crate) fn message(&self, object: &Object<'js>) -> Result<Message> {
        let mut reader = Reader::new(self);
        let msg = match &*self.partial.borrow() {
            Some(partial) if partial.js == *object => partial.merged(&mut reader),
            _ => reader.properties(object).map(Message::from),
        }?;
        self.budget.keep(reader.used);
        Ok(msg)
    }

    /// Whether a value was refused since it took too much memory.
    pub(crate) fn has_refused(&self) -> bool {
        self.has_refused.get()
    }

    /// The length of an array, whose elements are about to be looked at.
    ///
    /// # Errors
    /// If there is no memory for so many values.
    pub(crate) fn length(&self, array: &Array<'js>) -> Result<usize> {
        Reader::new(self).length(array)
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
    /// The message after the code has run.
    fn merged(&self, reader: &mut Reader<'_, 'js>) -> Result<Message> {
        let (mut msg, scope) = (self.msg.clone(), reader.scope);
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
            // They are in the order in which the code set them.
            let order = self.js.keys().collect::<Result<Vec<Atom<'js>>>>()?;
            added.sort_by_key(|(atom, ..)| order.iter().position(|name| name == atom));
        }
        for (_, name, value) in added {
            msg.set(name.clone(), value);
        }
        Ok(msg)
    }
}

/// `Js::new_number` makes an integer of -0.
fn number_of<'js>(ctx: &Ctx<'js>, number: f64) -> Js<'js> {
    match number == 0.0 && number.is_sign_negative() {
        true => Js::new_float(ctx.clone(), number),
        false => Js::new_number(ctx.clone(), number),
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
            Value::Number(number) => Ok(number_of(ctx, *number)),
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
                if let Some(timer) = timers::number_in(map) {
                    return self.scope.call("timer")?.call((timer,));
                }
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
            // An ordinary assignment would change the object's prototype.
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
    /// The bytes that values of this run take, see [`Budget`].
    used: usize,
}

/// The length of an array; `Array::len` panics at lengths from 2^31.
pub(crate) fn length_of(array: &Array<'_>) -> Result<usize> {
    let length: f64 = array.as_object().get(PredefinedAtom::Length)?;
    Ok(length as usize)
}

impl<'a, 'js> Reader<'a, 'js> {
    pub(crate) fn new(scope: &'a Scope<'a, 'js>) -> Self {
        let plain = scope.names.atom("plain").and_then(|name| scope.calls.get(name)).ok();
        Reader { scope, plain, depth: 0, used: scope.budget.kept() }
    }

    pub(crate) fn scope(&self) -> &'a Scope<'a, 'js> {
        self.scope
    }

    /// The value, or `None` for functions and symbols, which messages do not have. Errors become
    /// objects, other things their own properties.
    ///
    /// # Errors
    /// When the value is nested too deeply, takes more memory than the run has left, or a getter
    /// throws.
    pub(crate) fn value(&mut self, value: Js<'js>) -> Result<Option<Value>> {
        // Each of these checks costs a few calls for an object.
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

    fn text(&mut self, text: &JsString<'js>) -> Result<Text> {
        if let Some(given) = self.scope.given.borrow().text(text.as_value()) {
            return Ok(given.clone());
        }
        let text = match text.to_string() {
            // A lone surrogate, which UTF-8 cannot hold: it becomes U+FFFD.
            Err(rquickjs::Error::Utf8(_)) => {
                let well_formed = self.scope.call("wellFormed")?;
                well_formed.call::<_, String>((text.clone(),))?
            }
            text => text?,
        };
        self.charge(budget::of_bytes(text.len()))?;
        Ok(text.into())
    }

    /// Counts memory before it is allocated, except for that of a single text or buffer.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<()> {
        let before = self.used;
        self.used = before.saturating_add(bytes);
        if self.used / LONG != before / LONG {
            give_worker_away();
        }
        if self.used <= self.scope.budget.limit() {
            return Ok(());
        }
        self.scope.has_refused.set(true);
        let text = format!(
            "the values that a function sends, sets and shows must not take more than {} MiB \
             (`function-memory`)",
            self.scope.budget.limit() >> 20
        );
        Err(Exception::throw_range(self.scope.ctx, &text))
    }

    fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth <= DEPTH {
            return Ok(());
        }
        let text = "a message must not contain itself, or be nested more than 256 levels deep";
        Err(Exception::throw_range(self.scope.ctx, text))
    }

    fn length(&mut self, array: &Array<'js>) -> Result<usize> {
        let length = length_of(array)?;
        self.charge(budget::of_array(length))?;
        Ok(length)
    }

    fn array(&mut self, array: &Array<'js>) -> Result<Value> {
        self.enter()?;
        let length = self.length(array)?;
        let mut items = Vec::with_capacity(length);
        for at in 0..length {
            items.push(self.value(array.get(at)?)?.unwrap_or(Value::Undefined));
        }
        self.depth -= 1;
        Ok(Value::Array(Arc::new(items)))
    }

    fn object(&mut self, object: Object<'js>) -> Result<Option<Value>> {
        let unchanged = self.scope.given.borrow().unchanged(&self.scope.names, &object)?;
        if let Some(unchanged) = unchanged {
            return Ok(Some(Value::Object(unchanged)));
        }
        if object.get_prototype() == self.plain {
            return self.properties(&object).map(|map| Some(map.into()));
        }
        if object.as_typed_array::<u8>().is_some() {
            let bytes = encoding::bytes(self.scope, object.into_value())?;
            self.charge(budget::of_bytes(bytes.len()))?;
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

    /// The prelude's conversion of an error, a map, an instance of a class, …
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
        self.enter()?;
        let properties = object.props::<Atom<'js>, Js<'js>>();
        self.charge(budget::of_object(properties.len()))?;
        let mut map = Map::with_capacity(properties.len());
        for property in properties {
            let (name, value) = property?;
            if let Some(value) = self.value(value)? {
                map.insert(self.key(&name)?, value);
            }
        }
        self.depth -= 1;
        Ok(map)
    }

    pub(crate) fn key(&mut self, name: &Atom<'js>) -> Result<Key> {
        if let Some(known) = self.scope.names.known(name) {
            return Ok(known);
        }
        let text = self.text(&name.to_js_string()?)?;
        self.scope.names.keep(&text, name);
        Ok(Key::new(&text))
    }
}
