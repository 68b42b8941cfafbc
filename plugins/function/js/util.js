// `RED.util`, as far as it makes sense inside of a function.
(function (host, context) {
    'use strict';
    const clone = (value, seen) => {
        if (value === null || typeof value !== 'object') return value;
        if (seen.has(value)) return seen.get(value);
        if (ArrayBuffer.isView(value)) {
            return value instanceof DataView ? value : value.constructor.from(value);
        }
        if (value instanceof Date) return new Date(value);
        if ('searchParams' in value && value instanceof URL) return new URL(value);
        if (value instanceof RegExp) return new RegExp(value.source, value.flags);
        let copy;
        if (Array.isArray(value)) copy = new Array(value.length);
        else if (value instanceof Map) copy = new Map();
        else if (value instanceof Set) copy = new Set();
        else copy = Object.create(Object.getPrototypeOf(value));
        seen.set(value, copy);
        if (value instanceof Map) for (const [k, v] of value) copy.set(clone(k, seen), clone(v, seen));
        if (value instanceof Set) for (const v of value) copy.add(clone(v, seen));
        if (value instanceof Error) {
            for (const name of ['message', 'stack']) {
                Object.defineProperty(copy, name, { value: value[name], writable: true, configurable: true });
            }
        }
        for (const key of Object.keys(value)) copy[key] = clone(value[key], seen);
        return copy;
    };
    // The request and the response of a message are kept, as in Node-RED.
    const cloneMessage = (msg) => {
        const kept = [msg?.req, msg?.res].filter((it) => it !== null && typeof it === 'object');
        return clone(msg, new Map(kept.map((it) => [it, it])));
    };

    const compareObjects = (a, b) => {
        if (a === b || (a !== a && b !== b)) return true;
        if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
        if (Array.isArray(a) !== Array.isArray(b)) return false;
        if (ArrayBuffer.isView(a) !== ArrayBuffer.isView(b)) return false;
        if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
        const names = Object.keys(a);
        return names.length === Object.keys(b).length
            && names.every((name) => Object.hasOwn(b, name) && compareObjects(a[name], b[name]));
    };

    const invalid = (expression, reason, at) => {
        const error = new Error(`Invalid property expression: ${reason} at position ${at}`);
        error.code = 'INVALID_EXPR';
        return error;
    };
    const normalisePropertyExpression = (expression, msg, toString) => {
        if (typeof expression !== 'string' || expression === '') throw invalid(expression, 'zero-length', 0);
        const parts = [];
        let at = 0;
        const name = () => {
            const start = at;
            while (at < expression.length && !'.[]'.includes(expression[at])) {
                if (' \t\n"\''.includes(expression[at])) throw invalid(expression, `unexpected ${expression[at]}`, at);
                at++;
            }
            if (at === start) throw invalid(expression, 'unexpected end or character', at);
            const word = expression.slice(start, at);
            parts.push(parts.length > 0 && /^\d+$/.test(word) && at < expression.length ? Number(word) : word);
        };
        const bracket = () => {
            const start = at++;
            const quote = expression[at];
            if (quote === '"' || quote === "'") {
                const end = expression.indexOf(quote, at + 1);
                if (end < 0) throw invalid(expression, 'unterminated expression', start);
                if (end === at + 1) throw invalid(expression, 'zero-length name', at);
                parts.push(expression.slice(at + 1, end));
                at = end + 1;
            } else if (/\d/.test(quote ?? '')) {
                const digits = /^\d+/.exec(expression.slice(at))[0];
                parts.push(Number(digits));
                at += digits.length;
            } else if (expression.startsWith('msg.', at)) {
                let depth = 1;
                const from = at;
                while (at < expression.length && depth > 0) {
                    if (expression[at] === '[') depth++;
                    if (expression[at] === ']') depth--;
                    if (depth > 0) at++;
                }
                const inner = expression.slice(from, at);
                if (msg === undefined) parts.push(normalisePropertyExpression(inner));
                else {
                    const value = getMessageProperty(msg, inner);
                    if (value === undefined) throw invalid(expression, `undefined reference ${inner}`, from);
                    parts.push(value);
                }
            } else throw invalid(expression, `unexpected ${quote ?? 'end'}`, at);
            if (expression[at] !== ']') throw invalid(expression, 'unexpected end or character', at);
            at++;
        };
        if (expression[0] === '[') bracket(); else name();
        while (at < expression.length) {
            if (expression[at] === '.') { at++; name(); }
            else if (expression[at] === '[') bracket();
            else throw invalid(expression, `unexpected ${expression[at]}`, at);
        }
        if (!toString) return parts;
        return parts.map((part, index) => {
            if (index === 0) return part;
            return typeof part === 'string' ? `["${part}"]` : `[${part}]`;
        }).join('');
    };
    const getObjectProperty = (object, expression) => {
        let value = object;
        for (const part of normalisePropertyExpression(expression, object)) value = value[part];
        return value;
    };
    const withoutMsg = (expression) => (expression.startsWith('msg.') ? expression.slice(4) : expression);
    const getMessageProperty = (msg, expression) => getObjectProperty(msg, withoutMsg(expression));
    const setObjectProperty = (object, expression, value, createMissing) => {
        createMissing ??= value !== undefined;
        const parts = normalisePropertyExpression(expression, object);
        const last = parts.pop();
        let place = object;
        for (const [at, part] of parts.entries()) {
            if (place[part] === undefined || place[part] === null || !Object.hasOwn(place, part)) {
                if (!createMissing) return undefined;
                place[part] = typeof (parts[at + 1] ?? last) === 'number' ? [] : {};
            }
            if (typeof place[part] !== 'object') {
                if (value === undefined) return undefined;
                throw new Error('Cannot set property of non-object type');
            }
            place = place[part];
        }
        if (value !== undefined) place[last] = value;
        else if (Array.isArray(place)) place.splice(Number(last), 1);
        else delete place[last];
        return true;
    };
    const setMessageProperty = (msg, expression, value, createMissing) =>
        setObjectProperty(msg, withoutMsg(expression), value, createMissing);

    const evaluateEnvProperty = (value) => {
        const whole = /^\$\{([^}]+)\}$/.exec(value);
        if (whole) return host.env(whole[1]) ?? '';
        if (!/\$\{[^}]+\}/.test(value)) return host.env(value) ?? '';
        return value.replace(/\$\{([^}]+)\}/g, (_, name) => host.env(name) ?? '');
    };
    const parseContextStore = (key) => {
        const stored = /^#:\(([^)]+)\)::(.*)$/s.exec(key);
        return stored ? { store: stored[1], key: stored[2] } : { store: undefined, key };
    };
    const evaluate = (value, type, msg) => {
        switch (type) {
            case 'str': return String(value);
            case 'num': return Number(value);
            case 'json': return JSON.parse(value);
            case 're': return new RegExp(value);
            case 'bool': return /^true$/i.test(value);
            case 'bin': {
                const data = JSON.parse(value);
                if (Array.isArray(data) || typeof data === 'string') return Buffer.from(data);
                throw new Error('INVALID_BUFFER_DATA');
            }
            case 'date': {
                if (!value) return Date.now();
                if (value === 'object') return new Date();
                if (value === 'iso') return new Date().toISOString();
                throw new Error(`the date format "${value}" is not supported`);
            }
            case 'msg': return getMessageProperty(msg, value);
            case 'flow': return context.flow.get(value);
            case 'global': return context.global.get(value);
            case 'env': return evaluateEnvProperty(value);
            case 'jsonata': return host.jsonata(value, msg);
            default: return value;
        }
    };
    const evaluateNodeProperty = (value, type, node, msg, callback) => {
        if (typeof callback !== 'function') return evaluate(value, type, msg);
        let result;
        try { result = evaluate(value, type, msg); } catch (error) { return callback(error); }
        return callback(null, result);
    };
    const evaluateJSONataExpression = ({ source }, msg, callback) => {
        if (typeof callback !== 'function') return host.jsonata(source, msg);
        let result;
        try { result = host.jsonata(source, msg); } catch (error) { return callback(error); }
        return callback(null, result);
    };
    return {
        cloneMessage, compareObjects, normalisePropertyExpression, getObjectProperty, getMessageProperty,
        setObjectProperty, setMessageProperty, evaluateNodeProperty, parseContextStore,
        generateId: () => host.generateId(),
        getSetting: (node, name) => host.env(String(name)),
        prepareJSONataExpression: (source) => ({ source: String(source) }),
        evaluateJSONataExpression,
        normaliseNodeTypeName: (name) => name.replace(/[^a-zA-Z0-9]/g, ' ').trim().replace(/ +/g, ' ')
            .split(' ').map((word, at) => (at === 0 ? word.charAt(0).toLowerCase() : word.charAt(0).toUpperCase()) + word.slice(1)).join(''),
        ensureString(value) {
            if (Buffer.isBuffer(value)) return value.toString();
            if (value !== null && typeof value === 'object') return JSON.stringify(value);
            return String(value);
        },
        ensureBuffer(value) {
            if (Buffer.isBuffer(value)) return value;
            return Buffer.from(value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value));
        },
        encodeObject(msg) {
            const data = msg.msg;
            const format = data === null || data === undefined ? String(data) : Array.isArray(data) ? `array[${data.length}]` : typeof data;
            return { ...msg, format, msg: typeof data === 'string' ? data : JSON.stringify(data) };
        },
    };
})
