// Methods of arrays that walk over one in a single step of the interpreter, where no time limit
// reaches: they refuse an array that is longer than the memory of the function could hold, which
// only one that is mostly empty can be. `most` is that length.
(function (most) {
    'use strict';
    const { apply } = Reflect;
    const array = Array.prototype;
    const check = (name, value) => {
        if (value.length > most) {
            throw new RangeError(`\`${name}\` takes arrays of up to ${most} elements, not of ${value.length}`);
        }
    };
    const replace = (methods) => {
        for (const [name, value] of Object.entries(methods)) {
            Object.defineProperty(value, 'length', { value: array[name].length, configurable: true });
            Object.defineProperty(array, name, { value, writable: true, configurable: true });
        }
    };
    for (const name of ['join', 'toLocaleString', 'reverse', 'sort', 'slice', 'splice', 'shift', 'unshift', 'fill', 'copyWithin']) {
        const native = array[name];
        replace({
            [name]() {
                if (this.length > most) check(name, this);
                return apply(native, this, arguments);
            },
        });
    }
    const { raw } = String;
    String.raw = { raw(strings) { check('raw', strings.raw); return apply(raw, this, arguments); } }.raw;
    const { concat } = array;
    // As far as `depth` goes, into a list of its own.
    const flatten = (into, value, depth) => {
        check('flat', value);
        for (let at = 0; at < value.length; at++) {
            if (!(at in value)) continue;
            if (depth >= 1 && Array.isArray(value[at])) flatten(into, value[at], depth - 1);
            else into.push(value[at]);
        }
        return into;
    };
    replace({
        concat() {
            check('concat', this);
            for (let at = 0; at < arguments.length; at++) {
                if (typeof arguments[at] === 'object' && arguments[at] !== null) check('concat', arguments[at]);
            }
            return apply(concat, this, arguments);
        },
        flat(depth) { return flatten([], this, depth === undefined ? 1 : Math.trunc(Number(depth)) || 0); },
        flatMap(fn, self) { return flatten([], array.map.call(this, fn, self), 1); },
    });
})
