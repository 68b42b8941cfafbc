// Node.js' module `util`, as far as flows use it.
(function (printing, promisify) {
    'use strict';
    const tagOf = (value) => Object.prototype.toString.call(value).slice(8, -1);
    const isObject = (value) => value !== null && typeof value === 'object';
    const instance = (...kinds) => (value) => kinds.some((kind) => value instanceof kind);
    const tagged = (...tags) => (value) => isObject(value) && tags.includes(tagOf(value));
    const types = {
        isAnyArrayBuffer: instance(ArrayBuffer, SharedArrayBuffer), isArrayBuffer: instance(ArrayBuffer),
        isSharedArrayBuffer: instance(SharedArrayBuffer), isArrayBufferView: ArrayBuffer.isView,
        isTypedArray: instance(Object.getPrototypeOf(Uint8Array)), isUint8Array: instance(Uint8Array), isDataView: instance(DataView),
        isDate: instance(Date), isRegExp: instance(RegExp), isMap: instance(Map), isSet: instance(Set), isWeakMap: instance(WeakMap),
        isWeakSet: instance(WeakSet), isPromise: instance(Promise), isNativeError: instance(Error),
        isMapIterator: tagged('Map Iterator'), isSetIterator: tagged('Set Iterator'), isGeneratorObject: tagged('Generator'),
        isArgumentsObject: tagged('Arguments'),
        isAsyncFunction: (value) => typeof value === 'function' && /^Async/.test(tagOf(value)),
        isGeneratorFunction: (value) => typeof value === 'function' && /GeneratorFunction$/.test(tagOf(value)),
        isNumberObject: instance(Number), isStringObject: instance(String), isBooleanObject: instance(Boolean),
        isBigIntObject: instance(BigInt), isSymbolObject: instance(Symbol),
        isBoxedPrimitive: instance(Number, String, Boolean, BigInt, Symbol),
    };
    for (const kind of ['Int8', 'Int16', 'Int32', 'Uint16', 'Uint32', 'Uint8Clamped', 'Float32', 'Float64', 'BigInt64', 'BigUint64']) {
        types[`is${kind}Array`] = instance(globalThis[`${kind}Array`]);
    }

    const keysOf = (value) => Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
    const sameSet = (a, b, seen) => [...a].every((item) => b.has(item) || (isObject(item) && [...b].some((other) => same(item, other, seen))));
    const sameMap = (a, b, seen) => [...a].every(([key, item]) => (b.has(key) ? same(item, b.get(key), seen)
        : isObject(key) && [...b].some(([other, value]) => same(key, other, seen) && same(item, value, seen))));
    const sameContent = (a, b, seen) => {
        if (a instanceof Date) return Object.is(a.getTime(), b.getTime());
        if (a instanceof RegExp) return String(a) === String(b) && a.lastIndex === b.lastIndex;
        if (a instanceof Error) return a.name === b.name && a.message === b.message && same(a.cause, b.cause, seen);
        if (types.isBoxedPrimitive(a)) return Object.is(a.valueOf(), b.valueOf());
        if (a instanceof Set) return a.size === b.size && sameSet(a, b, seen);
        if (a instanceof Map) return a.size === b.size && sameMap(a, b, seen);
        if (a instanceof ArrayBuffer) return same(new Uint8Array(a), new Uint8Array(b), seen);
        return !Array.isArray(a) || a.length === b.length;
    };
    const same = (a, b, seen) => {
        if (Object.is(a, b)) return true;
        if (!isObject(a) || !isObject(b) || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b) || tagOf(a) !== tagOf(b)) return false;
        // What is being compared already is taken for the same.
        if (seen.get(a) === b) return true;
        seen.set(a, b);
        const keys = keysOf(a);
        return sameContent(a, b, seen) && keys.length === keysOf(b).length
            && keys.every((key) => Object.prototype.propertyIsEnumerable.call(b, key) && same(a[key], b[key], seen));
    };
    const warned = new Set();
    return {
        ...printing, promisify, types,
        TextEncoder: globalThis.TextEncoder, TextDecoder: globalThis.TextDecoder,
        isArray: Array.isArray,
        isDeepStrictEqual: (a, b) => same(a, b, new Map()),
        inherits(constructor, parent) {
            if (typeof constructor !== 'function' || typeof parent !== 'function' || !isObject(parent.prototype) && typeof parent.prototype !== 'function') {
                throw new TypeError('expected two constructors');
            }
            Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true });
            Object.setPrototypeOf(constructor.prototype, parent.prototype);
        },
        callbackify: (original) => function (...args) {
            const callback = args.pop();
            if (typeof callback !== 'function') throw new TypeError('the last argument must be a function');
            original.apply(this, args).then(
                (value) => queueMicrotask(() => callback(null, value)),
                (error) => queueMicrotask(() => callback(error ?? new Error('a promise was rejected with no reason'))),
            );
        },
        deprecate: (original, text, code) => function (...args) {
            if (!warned.has(code ?? original)) {
                warned.add(code ?? original);
                console.warn(`DeprecationWarning: ${text}`);
            }
            return new.target ? Reflect.construct(original, args, new.target) : original.apply(this, args);
        },
        debuglog: () => Object.assign(() => {}, { enabled: false }),
        toUSVString: (value) => String(value).toWellFormed(),
        stripVTControlCharacters: (value) => String(value).replace(/\x1b\[[0-9;]*[A-Za-z]/g, ''),
    };
})
