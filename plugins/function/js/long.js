// Methods that work through a long text or array in one step of the interpreter, where no time limit
// reaches. Looking for one text in another takes time in proportion to their lengths here, not to
// the product; whatever else may take long runs aside, where it holds up nobody (`host.aside`).
(function (host) {
    'use strict';
    const { apply, ownKeys } = Reflect;
    const { isArray } = Array;
    const { isView } = ArrayBuffer;
    const { min, max, trunc } = Math;
    const { Number, String, Infinity } = globalThis;
    // So many steps take about a millisecond, and so many about a tenth of a second.
    const long = 1e6;
    const tooLong = 1e8;
    const aside = (native, self, args) => host.aside(() => apply(native, self, args));
    const replace = (target, methods) => {
        for (const [name, value] of Object.entries(methods)) {
            const { length } = target[name];
            Object.defineProperty(value, 'length', { value: length, configurable: true });
            Object.defineProperty(value, 'name', { value: name, configurable: true });
            Object.defineProperty(target, name, { value, writable: true, configurable: true });
        }
    };
    const text = String.prototype;
    const { indexOf, lastIndexOf, includes, split, replaceAll, slice } = text;
    const { replace: replaceOne } = text;
    const { push } = Array.prototype;
    const steps = (self, needle) =>
        (typeof self === 'string' && typeof needle === 'string' ? self.length * max(needle.length, 1) : 0);

    // --- looking for a text -------------------------------------------------------------------
    // `find` gives `undefined` for texts that it cannot read.
    const search = (native, find) => function (needle, from) {
        const count = steps(this, needle);
        if (count < long) return apply(native, this, arguments);
        const found = count < tooLong ? undefined : find(this, needle, from);
        return found === undefined ? aside(native, this, arguments) : found;
    };
    const first = (self, needle, from) => host.indexOf(self, needle, min(max(trunc(Number(from)) || 0, 0), self.length));
    const last = (self, needle, from) => {
        const most = Number(from);
        return host.lastIndexOf(self, needle, min(max(most !== most ? Infinity : trunc(most), 0), self.length));
    };
    const has = (self, needle, from) => {
        const found = first(self, needle, from);
        return found === undefined ? undefined : found >= 0;
    };
    // The text between the places where `needle` is, and these places.
    const pieces = (self, needle, places) => {
        const found = [];
        let from = 0;
        for (const at of places) {
            apply(push, found, [apply(slice, self, [from, at])]);
            from = at + needle.length;
        }
        apply(push, found, [apply(slice, self, [from])]);
        return found;
    };
    const expand = (replacement, self, needle, at) => apply(replaceOne, replacement, [/\$[$&`']/g, (mark) => {
        if (mark === '$$') return '$';
        if (mark === '$&') return needle;
        return apply(slice, self, mark === '$`' ? [0, at] : [at + needle.length]);
    }]);
    const replaceAt = (self, needle, replacement, places) => {
        const between = pieces(self, needle, places);
        const isFunction = typeof replacement === 'function';
        const plain = isFunction ? '' : String(replacement);
        let all = '';
        for (let number = 0; number < places.length; number++) {
            const at = places[number];
            const put = isFunction ? String(replacement(needle, at, self)) : expand(plain, self, needle, at);
            all += between[number] + put;
        }
        return all + between[places.length];
    };
    const replacing = (native, find) => function (needle, replacement) {
        const count = steps(this, needle);
        if (count < long) return apply(native, this, arguments);
        const places = count < tooLong ? undefined : find(this, needle);
        return places === undefined ? aside(native, this, arguments)
            : replaceAt(this, needle, replacement, places);
    };
    const firstPlace = (self, needle) => {
        const at = host.indexOf(self, needle, 0);
        return at === undefined || at < 0 ? at && [] : [at];
    };
    replace(text, {
        indexOf: search(indexOf, first),
        lastIndexOf: search(lastIndexOf, last),
        includes: search(includes, has),
        replace: replacing(replaceOne, firstPlace),
        replaceAll: replacing(replaceAll, host.places),
        split(separator, limit) {
            const count = steps(this, separator);
            if (count < long) return apply(split, this, [separator, limit]);
            const places = count < tooLong || limit !== undefined ? undefined : host.places(this, separator);
            return places === undefined ? aside(split, this, [separator, limit]) : pieces(this, separator, places);
        },
    });

    // --- whatever else may take long ----------------------------------------------------------------
    const runAside = (target, names, size) => {
        for (const name of names) {
            const native = target[name];
            replace(target, {
                [name]() { return size(this) < long ? apply(native, this, arguments) : aside(native, this, arguments); },
            });
        }
    };
    const textSize = (self) => (typeof self === 'string' ? self.length * 16 : 0);
    runAside(text, ['normalize', 'toUpperCase', 'toLowerCase', 'toLocaleUpperCase', 'toLocaleLowerCase'], textSize);
    // Each element may be a long text, compared with many others.
    runAside(Array.prototype, ['sort', 'toSorted'], (self) => self.length * 1_000);
    const typed = Object.getPrototypeOf(Uint8Array.prototype);
    runAside(typed, ['sort', 'toSorted', 'join', 'toLocaleString'], (self) => self.length * 16);
    // What is left of `most` when a value and all that it holds is counted, several times if it is
    // held several times. Getters are asked once more than they would be.
    const left = (value, most) => {
        if (typeof value === 'string') return most - 1 - value.length / 1_000;
        if (typeof value !== 'object' || value === null) return most - 1;
        if (isView(value)) return most - 1 - value.byteLength / 1_000;
        if (isArray(value)) {
            most -= value.length;
            for (let at = 0; at < value.length && most > 0; at++) {
                if (typeof value[at] === 'object') most = left(value[at], most);
            }
            return most;
        }
        for (const name of ownKeys(value)) {
            if (most <= 0) break;
            most = left(value[name], most);
        }
        return most - 1;
    };
    const { stringify, parse } = JSON;
    replace(JSON, {
        stringify(value, replacer, space) {
            const args = [value, replacer, space];
            const isShort = typeof value !== 'object' || left(value, 1_000) > 0;
            return isShort ? apply(stringify, JSON, args) : aside(stringify, JSON, args);
        },
        parse(source, reviver) {
            const isShort = typeof source !== 'string' || source.length < 1e5;
            return isShort ? apply(parse, JSON, [source, reviver]) : aside(parse, JSON, [source, reviver]);
        },
    });
})
