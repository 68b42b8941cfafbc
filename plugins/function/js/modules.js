// The modules of Node.js that functions have without Node.js, each made once.
(function (host) {
    'use strict';
    const load = (name) => host.library(`modules/${name}`);
    const received = (value) => {
        if (value === null || value === undefined) return String(value);
        if (typeof value === 'function') return `function ${value.name}`;
        if (typeof value === 'object') return `an instance of ${value.constructor?.name}`;
        return `type ${typeof value} (${typeof value === 'string' ? `'${value}'` : String(value)})`;
    };
    const invalid = (name, type, value) => Object.assign(
        new TypeError(`The "${name}" argument must be of type ${type}. Received ${received(value)}`), { code: 'ERR_INVALID_ARG_TYPE' });
    let plain;
    const made = new Map();
    const make = {
        assert: () => load('assert')(),
        'assert/strict': () => module('assert').strict,
        crypto: () => load('crypto')(host.crypto()),
        events: () => load('events')(invalid),
        os: () => load('os')(host),
        path: () => load('path')(host, invalid),
        'path/posix': () => module('path'),
        querystring: () => load('querystring')(),
        url: () => load('url')(module('path'), invalid),
    };
    const module = (name) => {
        if (!made.has(name)) {
            const known = make[name] ?? (plain ??= load('plain')())[name];
            made.set(name, known());
        }
        return made.get(name);
    };
    return (name) => module(name.replace(/^node:/, ''));
})
