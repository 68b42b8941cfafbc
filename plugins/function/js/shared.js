// `context.flow` and `context.global` as objects: what code sets on them are keys of the default
// store, so that all functions find it.
(function (values) {
    'use strict';
    const pathOf = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : `[${JSON.stringify(name)}]`);
    const isOwn = (methods, name) => typeof name !== 'string' || name in methods;
    return (scope, methods) => new Proxy(methods, {
        get: (_, name) => (isOwn(methods, name) ? methods[name] : values.get(scope, pathOf(name), '')),
        set(_, name, value) {
            if (isOwn(methods, name)) methods[name] = value;
            else values.set(scope, pathOf(name), '', value);
            return true;
        },
        has: (_, name) => isOwn(methods, name) || values.get(scope, pathOf(name), '') !== undefined,
        deleteProperty(_, name) {
            if (isOwn(methods, name)) return delete methods[name];
            values.set(scope, pathOf(name), '', undefined);
            return true;
        },
    });
})
