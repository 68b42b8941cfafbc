// `context.flow` and `context.global` as objects: what code sets on them are keys of the default
// store, so that all functions find it. What was read and then changed in place is kept when the run ends.
(function (host) {
    'use strict';
    const { stringify } = JSON;
    // For each scope what this run has read or set: the value, and its text then.
    const known = new Map();
    const pathOf = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : `[${stringify(name)}]`);
    const textOf = (value) => {
        try { return stringify(value); } catch { return undefined; }
    };
    const remember = (scope, name, value) => {
        if (value === null || typeof value !== 'object') return;
        if (known.size === 0) host.keep();
        if (!known.has(scope)) known.set(scope, new Map());
        known.get(scope).set(name, { value, text: textOf(value) });
    };
    const read = (scope, name) => {
        const found = known.get(scope)?.get(name);
        if (found) return found.value;
        const value = host.contextGet(scope, pathOf(name), '');
        remember(scope, name, value);
        return value;
    };
    const write = (scope, name, value) => {
        known.get(scope)?.delete(name);
        host.contextSet(scope, pathOf(name), '', value);
        remember(scope, name, value);
    };
    const isOwn = (methods, name) => typeof name !== 'string' || name in methods;
    return {
        of: (scope, methods) => new Proxy(methods, {
            get: (_, name) => (isOwn(methods, name) ? methods[name] : read(scope, name)),
            set(_, name, value) {
                if (isOwn(methods, name)) methods[name] = value;
                else write(scope, name, value);
                return true;
            },
            has: (_, name) => isOwn(methods, name) || read(scope, name) !== undefined,
            deleteProperty(_, name) {
                if (isOwn(methods, name)) return delete methods[name];
                write(scope, name, undefined);
                return true;
            },
        }),
        keep() {
            const all = [...known];
            known.clear();
            for (const [scope, values] of all) {
                for (const [name, { value, text }] of values) {
                    if (textOf(value) !== text) host.contextSet(scope, pathOf(name), '', value);
                }
            }
        },
    };
})
