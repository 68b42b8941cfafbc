// Node.js' module `querystring`.
(function () {
    'use strict';
    const { Buffer } = globalThis;
    const escape = (value) => encodeURIComponent(String(value).toWellFormed());
    const unescape = (value) => {
        try { return decodeURIComponent(value); } catch { return Buffer.from(value.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCharCode(parseInt(code.slice(1), 16))), 'latin1').toString(); }
    };
    const plain = (value) => {
        if (typeof value === 'string') return value;
        if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
        return typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : '';
    };
    const stringify = (values, separator, equals, { encodeURIComponent: encode = querystring.escape } = {}) => {
        if (values === null || typeof values !== 'object') return '';
        [separator, equals] = [separator || '&', equals || '='];
        const pair = (name, value) => `${encode(plain(name))}${equals}${encode(plain(value))}`;
        return Object.keys(values)
            .flatMap((name) => (Array.isArray(values[name]) ? values[name].map((value) => pair(name, value)) : pair(name, values[name])))
            .join(separator);
    };
    const parse = (query, separator, equals, { decodeURIComponent: decode = querystring.unescape, maxKeys = 1000 } = {}) => {
        const values = Object.create(null);
        if (typeof query !== 'string' || query === '') return values;
        [separator, equals] = [separator || '&', equals || '='];
        const pairs = query.split(separator).filter((pair) => pair !== '');
        for (const pair of maxKeys > 0 ? pairs.slice(0, maxKeys) : pairs) {
            const at = pair.indexOf(equals);
            const [name, value] = (at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + equals.length)])
                .map((part) => decode(part.replaceAll('+', ' ')));
            if (!(name in values)) values[name] = value;
            else if (Array.isArray(values[name])) values[name].push(value);
            else values[name] = [values[name], value];
        }
        return values;
    };
    const querystring = { escape, unescape, stringify, parse, encode: stringify, decode: parse };
    return querystring;
})
