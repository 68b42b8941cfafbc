// Methods that work through a long text or array in one step of the interpreter, where no time limit
// reaches. Looking for one text in another takes time in proportion to their lengths here, not to
// the product; whatever may take long runs aside, where it holds up nobody (`host.aside`).
// `mostValues` is how many values the memory of the function could hold.
(function (host, mostValues) {
    'use strict';
    const { apply } = Reflect;
    const { isArray } = Array;
    const { call } = Function.prototype;
    const { min, max, trunc } = Math;
    const { Number, String, Infinity } = globalThis;
    // So many steps take about a millisecond, and so many about a tenth of a second.
    const long = 1e6;
    const tooLong = 1e8;
    const aside = (native, self, args) => host.aside(() => apply(native, self, args));
    // Nobody else can reach a method that was replaced, so that its `call` stays what it is: the way
    // to it that costs least.
    const take = (target, name) => {
        const native = target[name];
        Object.defineProperty(native, 'call', { value: call });
        return native;
    };
    const replace = (target, methods) => {
        for (const [name, value] of Object.entries(methods)) {
            const { length } = target[name];
            Object.defineProperty(value, 'length', { value: length, configurable: true });
            Object.defineProperty(value, 'name', { value: name, configurable: true });
            Object.defineProperty(target, name, { value, writable: true, configurable: true });
        }
    };
    const text = String.prototype;
    const { slice } = text;
    const { push } = Array.prototype;
    const [replaceOne, split] = [take(text, 'replace'), take(text, 'split')];

    // --- looking for a text -------------------------------------------------------------------
    // `find` gives `undefined` for texts that it cannot read. What is no text has no length, or one
    // that is not a number of characters, and `typeof` tells.
    const search = (native, find) => function (needle, from) {
        if (typeof needle !== 'string' || !(this.length * needle.length >= long)) return native.call(this, needle, from);
        const found = typeof this === 'string' && this.length * needle.length >= tooLong ? host.aside(() => find(this, needle, from)) : undefined;
        return found === undefined ? aside(native, this, [needle, from]) : found;
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
        if (typeof needle !== 'string' || !(this.length * needle.length >= long)) return native.call(this, needle, replacement);
        const places = typeof this === 'string' && this.length * needle.length >= tooLong ? host.aside(() => find(this, needle)) : undefined;
        return places === undefined ? aside(native, this, [needle, replacement])
            : replaceAt(this, needle, replacement, places);
    };
    const firstPlace = (self, needle) => {
        const at = host.indexOf(self, needle, 0);
        if (at === undefined) return undefined;
        return at < 0 ? [] : [at];
    };
    replace(text, {
        indexOf: search(take(text, 'indexOf'), first),
        lastIndexOf: search(take(text, 'lastIndexOf'), last),
        includes: search(take(text, 'includes'), has),
        replace: replacing(replaceOne, firstPlace),
        replaceAll: replacing(take(text, 'replaceAll'), host.places),
        split(separator, limit) {
            if (typeof separator !== 'string' || !(this.length * separator.length >= long)) return split.call(this, separator, limit);
            const isTooLong = typeof this === 'string' && this.length * separator.length >= tooLong;
            const places = isTooLong && limit === undefined ? host.aside(() => host.places(this, separator)) : undefined;
            return places === undefined ? aside(split, this, [separator, limit]) : pieces(this, separator, places);
        },
    });

    // --- whatever else may take long ----------------------------------------------------------------
    const runAside = (target, names, most) => {
        for (const name of names) {
            const native = take(target, name);
            replace(target, {
                [name](one, other) { return this.length > most ? aside(native, this, [one, other]) : native.call(this, one, other); },
            });
        }
    };
    runAside(text, ['normalize', 'toUpperCase', 'toLowerCase', 'toLocaleUpperCase', 'toLocaleLowerCase'], 1e5);
    // Each element may be a long text, compared with many others.
    runAside(Array.prototype, ['sort', 'toSorted'], 1_000);
    const typed = Object.getPrototypeOf(Uint8Array.prototype);
    runAside(typed, ['sort', 'toSorted', 'join', 'toLocaleString'], 1e5);
    // What is left of `most` when all objects that a value holds are counted, several times if they are
    // held several times. Getters are asked once more than they would be.
    const left = (value, most) => {
        if (isArray(value)) {
            most -= value.length;
            for (let at = 0; most > 0 && at < value.length; at++) {
                const item = value[at];
                if (typeof item === 'object' && item !== null) most = left(item, most);
            }
            return most;
        }
        const { byteLength } = value;
        if (byteLength > 0) return most - byteLength / 1_000;
        for (const name in value) {
            if (--most <= 0) return most;
            const item = value[name];
            if (typeof item === 'object' && item !== null) most = left(item, most);
        }
        return most - 1;
    };
    const { stringify, parse } = JSON;
    replace(JSON, {
        stringify(value, replacer, space) {
            if (typeof value !== 'object' || value === null || left(value, 1_000) > 0) return stringify(value, replacer, space);
            // Only what is held several times can be so many.
            if (left(value, mostValues) <= 0) throw new RangeError(`\`stringify\` takes up to ${mostValues} values`);
            return aside(stringify, JSON, [value, replacer, space]);
        },
        parse(source, reviver) {
            const isLong = typeof source === 'string' && source.length > 1e5;
            return isLong ? aside(parse, JSON, [source, reviver]) : parse(source, reviver);
        },
    });
})
