//! JSON schemas: `msg.schema`, compiled again only when it changes.

use std::sync::{Arc, Mutex};

use boon::{Compiler, Draft, OutputError, OutputUnit, SchemaIndex, Schemas};
use ferrowire::{Map, MutexExt as _, Value};

/// The name of the schema in its compiler.
const NAME: &str = "msg.schema";

/// The schema of the last message.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Option<(Value, Arc<Schema>)>>);

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cache")
    }
}

pub(crate) struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Cache {
    /// The compiled schema.
    ///
    /// # Errors
    /// If `source` is not a schema, or refers to an external one.
    pub(crate) fn compiled(&self, source: &Value) -> Result<Arc<Schema>, String> {
        let mut last = self.0.locked();
        if let Some((known, schema)) = &*last
            && known == source
        {
            return Ok(Arc::clone(schema));
        }
        let schema = Arc::new(Schema::compile(source)?);
        *last = Some((source.clone(), Arc::clone(&schema)));
        Ok(schema)
    }
}

impl Schema {
    fn compile(source: &Value) -> Result<Self, String> {
        if !matches!(source, Value::Object(_) | Value::Bool(_)) {
            return Err("expected an object".to_owned());
        }
        let source = serde_json::to_value(source).map_err(|error| error.to_string())?;
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        // The default draft of Node-RED's validator.
        compiler.set_default_draft(Draft::V7);
        compiler.enable_format_assertions();
        compiler.add_resource(NAME, source).map_err(|error| error.to_string())?;
        let index = compiler.compile(NAME, &mut schemas).map_err(|error| error.to_string())?;
        Ok(Schema { schemas, index })
    }

    /// Checks `value`.
    ///
    /// # Errors
    /// With every violation: its location, keyword and text.
    pub(crate) fn check(&self, value: &Value) -> Result<(), Vec<Mistake>> {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.schemas.validate(&value, self.index).map_err(|error| {
            let mut mistakes = Vec::new();
            collect(&error.basic_output().error, &mut mistakes);
            mistakes
        })
    }
}

fn collect(error: &OutputError<'_, '_, '_>, mistakes: &mut Vec<Mistake>) {
    if let OutputError::Branch(units) = error {
        for unit in units {
            match &unit.error {
                OutputError::Leaf(_) => mistakes.push(Mistake::of(unit)),
                branch => collect(branch, mistakes),
            }
        }
    }
}

/// A violation, in the wording of Node-RED's validator where flows may depend on it.
pub(crate) struct Mistake {
    instance: String,
    schema: String,
    message: String,
}

impl Mistake {
    fn of(unit: &OutputUnit<'_, '_, '_>) -> Self {
        let message = match &unit.error {
            OutputError::Leaf(kind) => kind.to_string(),
            OutputError::Branch(_) => String::new(),
        };
        Mistake {
            instance: unit.instance_location.to_string(),
            schema: unit.keyword_location.to_string(),
            message,
        }
    }

    /// One line, for an error.
    pub(crate) fn line(&self) -> String {
        format!("data{} {}", self.instance, self.message)
    }

    /// An entry of `msg.schemaError`.
    pub(crate) fn entry(&self) -> Value {
        let keyword = self.schema.rsplit('/').next().unwrap_or_default();
        Map::from_iter([
            ("instancePath", self.instance.as_str()),
            ("schemaPath", &format!("#{}", self.schema)),
            ("keyword", keyword),
            ("message", &self.message),
        ])
        .into()
    }
}
