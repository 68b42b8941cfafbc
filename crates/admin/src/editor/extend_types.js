// Stands in the page before the scripts of a node set; `RED.nodes.registerType.finish()` stands
// after them. In between, `RED.nodes.registerType` ignores the types in `withheld`, which this
// runtime lacks, and adds to each definition what `RED.nodes.extendType` was given for its type.
function (withheld) {
  const nodes = RED.nodes;
  const register = nodes.registerType;
  const additions = new Map();

  const HANDLERS = [
    "oneditprepare", "oneditsave", "oneditcancel", "oneditdelete", "oneditresize",
    "onadd", "onpaletteadd", "onpaletteremove",
  ];

  const warn = (type, text) => console.warn(`extendType: ${type}: ${text}`);

  // The page sets `namespace` before the script of each part.
  nodes.extendType = function (type, describe) {
    const { namespace } = nodes.extendType;
    const text = (key, ...more) => RED._(key.includes(":") ? key : `${namespace}:${key}`, ...more);
    additions.set(type, [...(additions.get(type) ?? []), describe(text)]);
  };

  nodes.registerType = function (type, definition) {
    const added = additions.get(type) ?? [];
    additions.delete(type);
    if (withheld.includes(type)) return;
    for (const one of added) extend(type, definition, one);
    register.apply(this, arguments);
  };

  nodes.registerType.finish = function () {
    for (const type of additions.keys()) warn(type, "this node set has no such type");
    nodes.registerType = register;
    delete nodes.extendType;
  };

  function extend(type, definition, added) {
    for (const [name, value] of Object.entries(added)) {
      if (name === "defaults" || name === "credentials") {
        definition[name] = withProperties(type, definition[name] ?? {}, value);
      } else if (HANDLERS.includes(name)) {
        definition[name] = inTurn(definition[name], value);
      } else if (name === "button" && !definition.button) {
        definition.button = value;
      } else {
        warn(type, `\`${name}\` cannot be added`);
      }
    }
    keepAbsentProperties(definition, Object.keys(added.defaults ?? {}), Object.keys(added.credentials ?? {}));
  }

  // A flow that was made elsewhere lacks the added properties. The dialog adds one only if its field
  // was changed: otherwise the node would count as changed, and the next deploy would restart it. The
  // same goes for credentials, of which an empty field differs from a missing one.
  function keepAbsentProperties(definition, properties, credentials) {
    const names = [...properties, ...credentials];
    const prefix = definition.category === "config" ? "#node-config-input-" : "#node-input-";
    const valueOf = (name) => {
      const field = $(prefix + name);
      return field.is(":checkbox") ? field.prop("checked") : field.val();
    };
    const shown = new WeakMap();
    definition.oneditprepare = inTurn(definition.oneditprepare, function () {
      shown.set(this, new Map(names.map((name) => [name, valueOf(name)])));
    });
    definition.oneditsave = inTurn(definition.oneditsave, function () {
      for (const name of names) {
        const isChanged = valueOf(name) !== shown.get(this)?.get(name);
        // The editor reads no value where there is no field.
        const isAbsent = credentials.includes(name) || this[name] === undefined;
        if (isAbsent && !isChanged) $(prefix + name).remove();
      }
    });
  }

  function withProperties(type, known, added) {
    for (const name of Object.keys(added)) {
      if (name in known) warn(type, `the property \`${name}\` is already there`);
    }
    return { ...known, ...added, ...known };
  }

  // An error in Node-RED's handler does not keep the added one from running.
  function inTurn(first, second) {
    if (!first) return second;
    return function () {
      const results = [];
      try {
        results.push(first.apply(this, arguments));
      } finally {
        results.push(second.apply(this, arguments));
      }
      return {
        changed: results.some((result) => result === true || result?.changed === true),
        history: results.flatMap((result) => result?.history ?? []),
      };
    };
  }
}
