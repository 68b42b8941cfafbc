// `util.inspect` and `util.format`, which print as those of Node.js. Values that cannot be looked into
// from JavaScript, such as promises, are shown by their class.
(function (maxTotal) {
    'use strict';
    const custom = Symbol.for('nodejs.util.inspect.custom');
    const defaults = {
        showHidden: false, depth: 2, colors: false, customInspect: true, maxArrayLength: 100, maxStringLength: 10000,
        breakLength: 80, compact: 3, sorted: false, getters: false,
    };
    const { getOwnPropertyDescriptor, getPrototypeOf, keys: keysOf } = Object;
    const typedArray = getPrototypeOf(Uint8Array);
    const escapes = { '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r', '\\': '\\\\' };
    const escape = (c) => escapes[c] ?? (c.length > 1 ? c : c >= '\ud800' && c <= '\udfff'
        ? `\\u${c.charCodeAt(0).toString(16)}` : `\\x${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
    const quote = (text) => {
        let mark = "'";
        if (text.includes("'")) {
            if (!text.includes('"')) mark = '"';
            else if (!text.includes('`') && !text.includes('${')) mark = '`';
        }
        const inner = text.replace(/[\ud800-\udbff][\udc00-\udfff]|[\0-\x1f\\\x7f-\x9f\ud800-\udfff]/g, escape);
        return mark + (mark === "'" ? inner.replaceAll("'", "\\'") : inner) + mark;
    };
    const more = (count, what) => `... ${count} more ${what}${count > 1 ? 's' : ''}`;
    const number = (value) => (Object.is(value, -0) ? '-0' : String(value));
    const primitive = (state, value) => {
        switch (typeof value) {
            case 'string': {
                let end = '';
                if (value.length > state.maxStringLength) {
                    end = more(value.length - state.maxStringLength, 'character');
                    value = value.slice(0, state.maxStringLength);
                }
                if (state.compact !== true && value.length > 16 && value.length > state.breakLength - state.indent - 4) {
                    return value.split(/(?<=\n)/).map(quote).join(` +\n${' '.repeat(state.indent + 2)}`) + end;
                }
                return quote(value) + end;
            }
            case 'number': return number(value);
            case 'bigint': return `${value}n`;
            default: return String(value);
        }
    };
    const classOf = (value) => {
        for (let at = value; at; at = getPrototypeOf(at)) {
            const constructor = getOwnPropertyDescriptor(at, 'constructor')?.value;
            if (typeof constructor === 'function' && constructor.name !== '' && value instanceof constructor) return constructor.name;
        }
        return null;
    };
    const prefix = (name, tag, fallback, size = '') => {
        const shown = tag !== '' && name !== tag ? `[${tag}] ` : '';
        return name === null ? `[${fallback}${size}: null prototype] ${shown}` : `${name}${size} ${shown}`;
    };
    const functionBase = (value, name) => {
        const source = Function.prototype.toString.call(value);
        if (/^class\b/.test(source)) {
            const parent = getPrototypeOf(value)?.name;
            return `[class ${value.name || '(anonymous)'}${parent ? ` extends ${parent}` : ''}]`;
        }
        const kind = Object.prototype.toString.call(value).slice(8, -1);
        return `[${kind}${value.name === '' ? ' (anonymous)' : `: ${value.name}`}]${name === null ? ' (null prototype)' : ''}`;
    };
    const errorBase = (state, error, keys) => {
        for (const name of ['name', 'message', 'stack']) {
            const at = keys.indexOf(name);
            if (at >= 0 && String(error.stack).includes(error[name])) keys.splice(at, 1);
        }
        for (const name of ['cause', 'errors']) {
            if (Object.hasOwn(error, name) && !keys.includes(name)) keys.push(name);
        }
        let stack = error.stack ? String(error.stack) : Error.prototype.toString.call(error);
        const name = error.name ?? 'Error';
        // The name that was given later, as Node.js puts it in.
        if (typeof name === 'string' && name.endsWith('Error') && stack.startsWith('Error') && !stack.includes(name)) stack = name + stack.slice(5);
        if (!/\n\s+at /.test(stack)) stack = `[${stack}]`;
        return state.indent === 0 ? stack : stack.replaceAll('\n', `\n${' '.repeat(state.indent)}`);
    };
    const inside = (state, by, work) => {
        state.indent += by;
        try { return work(); } finally { state.indent -= by; }
    };
    const property = (state, object, key, level, inArray) => {
        const { value, get, set, enumerable } = getOwnPropertyDescriptor(object, key) ?? { value: object[key], enumerable: true };
        let shown;
        if (get) shown = set ? '[Getter/Setter]' : '[Getter]';
        else if (set) shown = '[Setter]';
        else shown = inside(state, 2, () => show(state, value, level));
        if (inArray) return shown;
        let name;
        if (typeof key === 'symbol') name = `[${String(key)}]`;
        else if (key === '__proto__') name = "['__proto__']";
        else if (!enumerable) name = `[${key}]`;
        else name = /^[a-zA-Z_][a-zA-Z_0-9]*$/.test(key) ? key : quote(key);
        return `${name}: ${shown}`;
    };
    const elements = (state, array, level) => {
        const output = [];
        const most = Math.min(Math.max(0, state.maxArrayLength), array.length);
        let at = 0;
        while (at < array.length && output.length < most) {
            if (Object.hasOwn(array, at)) output.push(property(state, array, at++, level, true));
            else {
                const from = at;
                // A sparse array may be longer than anything can count to.
                while (at < array.length && at - from < 1e6 && !Object.hasOwn(array, at)) at++;
                if (at - from === 1e6) at = array.length;
                output.push(`<${at - from} empty item${at - from > 1 ? 's' : ''}>`);
            }
        }
        if (at < array.length) output.push(more(array.length - at, 'item'));
        return output;
    };
    const some = (state, items, size, one) => {
        const output = [];
        for (const item of items) {
            if (output.length >= state.maxArrayLength) { output.push(more(size - output.length, 'item')); break; }
            output.push(inside(state, 2, () => one(item)));
        }
        return output;
    };
    const bytes = (state, buffer) => {
        const most = Math.min(Math.max(0, state.maxArrayLength), buffer.byteLength);
        const shown = Array.from(new Uint8Array(buffer, 0, most), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
        return `<${shown}${buffer.byteLength > most ? ` ${more(buffer.byteLength - most, 'byte')}` : ''}>`;
    };
    const boxed = [[Number, 'Number'], [String, 'String'], [Boolean, 'Boolean'], [BigInt, 'BigInt'], [Symbol, 'Symbol']];
    // How a kind of object is shown: its braces, what stands before them, and what is between them.
    const shape = (state, value, level, name, tag, keys) => {
        const of = (fallback, size) => prefix(name, tag, fallback, size);
        if (Array.isArray(value)) {
            const before = name !== 'Array' || tag !== '' ? of('Array', `(${value.length})`) : '';
            return { open: `${before}[`, close: ']', array: true, list: () => elements(state, value, level) };
        }
        if (value instanceof Set) {
            return { open: `${of('Set', `(${value.size})`)}{`, list: () => some(state, value, value.size, (item) => show(state, item, level)) };
        }
        if (value instanceof Map) {
            const entry = ([key, item]) => `${show(state, key, level)} => ${show(state, item, level)}`;
            return { open: `${of('Map', `(${value.size})`)}{`, list: () => some(state, value, value.size, entry) };
        }
        if (value instanceof typedArray) {
            const list = () => some(state, value, value.length, (item) => primitive(state, item));
            return { open: `${of('TypedArray', `(${value.length})`)}[`, close: ']', array: true, list };
        }
        if (typeof value === 'function') return { base: functionBase(value, name) };
        if (value instanceof RegExp) return { base: RegExp.prototype.toString.call(value) };
        if (value instanceof Date) return { base: Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString() };
        if (value instanceof Error) return { base: errorBase(state, value, keys) };
        if (value instanceof ArrayBuffer) {
            return { open: `${of('ArrayBuffer')}{`, list: () => [`[Uint8Contents]: ${bytes(state, value)}`, `byteLength: ${value.byteLength}`] };
        }
        if (value instanceof WeakSet || value instanceof WeakMap) return { open: `${of(name)}{`, list: () => ['<items unknown>'] };
        const box = boxed.find(([kind]) => value instanceof kind);
        if (box) {
            if (box[1] === 'String') keys.splice(0, value.length);
            return { base: `[${box[1]}: ${primitive(defaults, value.valueOf())}]` };
        }
        if (tag === 'Arguments' || Object.prototype.toString.call(value) === '[object Arguments]') {
            return { open: '[Arguments] {' };
        }
        return { open: name === 'Object' && tag === '' ? '{' : `${of('Object')}{` };
    };
    const show = (state, value, level) => {
        if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return primitive(state, value);
        if (state.customInspect) {
            const own = value[custom];
            if (typeof own === 'function' && own !== inspect) {
                const { seen, circular, indent, current, ...options } = state;
                const depth = state.depth === null ? null : state.depth - level;
                const shown = own.call(value, depth, { ...options, depth, stylize: String }, inspect);
                if (shown !== value) {
                    return typeof shown === 'string' ? shown.replaceAll('\n', `\n${' '.repeat(state.indent)}`) : show(state, shown, level);
                }
            }
        }
        if (state.seen.includes(value)) {
            if (!state.circular.has(value)) state.circular.set(value, state.circular.size + 1);
            return `[Circular *${state.circular.get(value)}]`;
        }
        return showObject(state, value, level);
    };
    const showObject = (state, value, level) => {
        if (++state.total > maxTotal) throw new RangeError(`a text of more than ${maxTotal} objects is not made`);
        const name = classOf(value);
        let tag = value[Symbol.toStringTag];
        if (typeof tag !== 'string' || tag === name) tag = '';
        const indexed = Array.isArray(value) || value instanceof typedArray;
        let keys = state.showHidden ? Object.getOwnPropertyNames(value) : keysOf(value);
        if (indexed) keys = keys.filter((key) => !/^\d+$/.test(key));
        keys.push(...Object.getOwnPropertySymbols(value).filter((key) => state.showHidden || Object.prototype.propertyIsEnumerable.call(value, key)));
        const inner = level + 1;
        let { open = '{', close = '}', base = '', array = false, list } = shape(state, value, inner, name, tag, keys);
        const isEmpty = keys.length === 0 && (!list || value.length === 0 || value.size === 0);
        if (isEmpty) return base !== '' ? base : `${open}${close}`;
        if (state.depth !== null && level > state.depth) return `[${Array.isArray(value) ? 'Array' : prefix(name, tag, 'Object').slice(0, -1)}]`;
        state.seen.push(value);
        state.current = inner;
        const output = list ? list() : [];
        const own = keys.map((key) => property(state, value, key, inner, false));
        const order = typeof state.sorted === 'function' ? state.sorted : undefined;
        output.push(...(array && state.sorted ? own.sort(order) : own));
        if (!array && state.sorted) output.sort(order);
        state.seen.pop();
        if (state.circular.has(value)) {
            const reference = `<ref *${state.circular.get(value)}>`;
            if (state.compact === true) open = `${reference} ${open}`;
            else base = base === '' ? reference : `${reference} ${base}`;
        }
        return together(state, output, base, [open, close], array, inner, value);
    };
    const together = (state, output, base, [open, close], array, level, value) => {
        const before = base === '' ? '' : `${base} `;
        if (typeof state.compact === 'number' && state.compact >= 1) {
            const entries = output.length;
            if (array && entries > 6) output = grouped(state, output, value);
            if (state.current - level < state.compact && entries === output.length) {
                const start = output.length + state.indent + open.length + base.length + 10;
                const length = output.reduce((sum, part) => sum + part.length, output.length + start);
                if (length <= state.breakLength && !base.includes('\n')) {
                    const joined = output.join(', ');
                    if (!joined.includes('\n')) return `${before}${open} ${joined} ${close}`;
                }
            }
        } else if (state.compact === true) {
            const joined = output.join(', ');
            if (joined.length + open.length < state.breakLength && !joined.includes('\n')) return `${before}${open} ${joined} ${close}`;
        }
        const line = `\n${' '.repeat(state.indent)}`;
        return `${before}${open}${line}  ${output.join(`,${line}  `)}${line}${close}`;
    };
    // Many short elements stand in columns.
    const grouped = (state, output, value) => {
        const count = state.maxArrayLength < output.length ? output.length - 1 : output.length;
        const lengths = output.slice(0, count).map((part) => part.length);
        const longest = Math.max(...lengths);
        const total = lengths.reduce((sum, length) => sum + length + 2, 0);
        const most = longest + 2;
        if (!(most * 3 + state.indent < state.breakLength && (total / most > 5 || longest <= 6))) return output;
        const biased = Math.max(most - 3 - Math.sqrt(most - total / output.length), 1);
        const columns = Math.min(Math.round(Math.sqrt(2.5 * biased * count) / biased),
            Math.floor((state.breakLength - state.indent) / most), state.compact * 4, 15);
        if (columns <= 1) return output;
        const widths = Array.from({ length: columns }, (_, column) => {
            let width = 0;
            for (let at = column; at < count; at += columns) width = Math.max(width, lengths[at]);
            return width + 2;
        });
        const isNumeric = value !== undefined && output.every((_, at) => at >= value.length || ['number', 'bigint'].includes(typeof value[at]));
        const rows = [];
        for (let from = 0; from < count; from += columns) {
            const to = Math.min(from + columns, count);
            let row = '';
            for (let at = from; at < to - 1; at++) {
                const cell = `${output[at]}, `;
                row += isNumeric ? cell.padStart(widths[at - from]) : cell.padEnd(widths[at - from]);
            }
            row += isNumeric ? output[to - 1].padStart(widths[to - 1 - from] - 2) : output[to - 1];
            rows.push(row);
        }
        return count < output.length ? [...rows, output[count]] : rows;
    };
    const inspect = (value, options, ...older) => {
        const state = { ...defaults, seen: [], circular: new Map(), indent: 0, current: 0, total: 0 };
        if (typeof options === 'object' && options !== null) {
            for (const name of keysOf(options)) if (name in defaults) state[name] = options[name];
        } else if (options !== undefined) {
            state.showHidden = Boolean(options);
            if (older.length > 0) [state.depth] = older;
        }
        for (const name of ['maxArrayLength', 'maxStringLength', 'depth']) state[name] ??= name === 'depth' ? null : Infinity;
        return show(state, value, 0);
    };
    inspect.custom = custom;
    inspect.defaultOptions = defaults;

    const formatOne = (mark, value, options) => {
        switch (mark) {
            case '%s': {
                if (typeof value === 'number') return number(value);
                if (typeof value === 'bigint') return `${value}n`;
                const plain = typeof value !== 'object' || value === null || typeof value.toString === 'function'
                    && ![Object.prototype.toString, Array.prototype.toString, Error.prototype.toString].includes(value.toString)
                    && !(value instanceof Date);
                return plain ? String(value) : inspect(value, { ...options, depth: 0, compact: 3 });
            }
            case '%j': return json(value);
            case '%d': return typeof value === 'bigint' ? `${value}n` : typeof value === 'symbol' ? 'NaN' : number(Number(value));
            case '%i': return typeof value === 'bigint' ? `${value}n` : typeof value === 'symbol' ? 'NaN' : number(parseInt(value, 10));
            case '%f': return typeof value === 'symbol' ? 'NaN' : number(parseFloat(value));
            case '%o': return inspect(value, { ...options, showHidden: true, depth: 4 });
            case '%O': return inspect(value, options);
            default: return '';
        }
    };
    const json = (value) => {
        try { return JSON.stringify(value); } catch (error) {
            if (/circular/i.test(error.message)) return '[Circular]';
            throw error;
        }
    };
    const formatWithOptions = (options, ...values) => {
        const [first, ...rest] = values;
        const plain = (value) => (typeof value === 'string' ? value : inspect(value, options));
        if (typeof first !== 'string') return values.map(plain).join(' ');
        if (rest.length === 0) return first;
        const line = first.replace(/%[sjdifoOc%]/g, (mark) => {
            if (mark === '%%') return '%';
            return rest.length === 0 ? mark : formatOne(mark, rest.shift(), options);
        });
        return [line, ...rest.map(plain)].join(' ');
    };
    const format = (...values) => formatWithOptions({}, ...values);
    return { inspect, format, formatWithOptions };
})
