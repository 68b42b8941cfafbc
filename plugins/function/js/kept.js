// The objects that the code has got from contexts, or put into them. As in Node-RED, what the code
// changes in one of them changes the context: at the end of each run those that are still there are
// compared with what they were. One that the code no longer holds cannot change, and is let go of.
// `changesAfterSet` is whether the code may change an object that it has put into a context.
(function (host, changesAfterSet) {
    'use strict';
    const { WeakRef } = globalThis;
    const most = 4096;
    // Few at a time. `value` is the object during a run, `weak` refers to it between runs.
    const held = [];
    let last = 0;
    const isObject = (value) => typeof value === 'object' && value !== null;
    const nameOf = (path) => /^(?:\[[^\]]*\]|[^.[]+)/.exec(path)?.[0] ?? path;
    const valueOf = (entry) => entry.value ?? entry.weak.deref();
    const hold = (number, scope, store, path, value) => {
        held.push({ number, scope, store, path, value, weak: undefined });
        if (held.length > most) host.letGo(held.shift().number);
    };
    const release = (isReleased) => {
        let left = 0;
        for (let at = 0; at < held.length; at++) {
            const entry = held[at];
            if (isReleased(entry)) host.letGo(entry.number);
            else held[left++] = entry;
        }
        held.length = left;
    };
    const save = (entry) => {
        const value = valueOf(entry);
        if (value === undefined) return;
        try {
            host.keepChanged(entry.number, value);
        } catch (error) {
            entry.isLost = true;
            host.log('warn', `what was changed in \`${entry.path}\` of a context is not kept: ${error.message}`);
        }
    };
    // Objects on the way to a place, or below it, hold parts of the same value.
    const saveRelated = (scope, store, path) => {
        for (let at = 0; at < held.length; at++) {
            const entry = held[at];
            if (entry.path !== path && entry.scope === scope && entry.store === store
                && nameOf(entry.path) === nameOf(path)) save(entry);
        }
    };
    const find = (scope, store, path) => {
        for (let at = held.length - 1; at >= 0; at--) {
            const entry = held[at];
            if (entry.path === path && entry.scope === scope && entry.store === store) return entry;
        }
        return undefined;
    };
    const isBelow = (path, below) => below.startsWith(path) && '.['.includes(below[path.length]);
    return {
        get(scope, path, store) {
            if (held.length > 0) {
                saveRelated(scope, store, path);
                const known = find(scope, store, path);
                if (known) {
                    const value = valueOf(known);
                    if (value !== undefined && host.isKept(known.number)) return known.value = value;
                    save(known);
                }
            }
            const number = ++last;
            const value = host.contextGet(scope, path, store, number);
            if (isObject(value)) hold(number, scope, store, path, value);
            return value;
        },
        set(scope, path, store, value) {
            if (held.length > 0) {
                saveRelated(scope, store, path);
                // What was there is no part of the context any more.
                release((entry) => entry.scope === scope && entry.store === store
                    && (entry.path === path || isBelow(path, entry.path)));
            }
            if (!changesAfterSet || !isObject(value)) return host.contextSet(scope, path, store, value);
            const number = ++last;
            host.contextSet(scope, path, store, value, number);
            hold(number, scope, store, path, value);
        },
        // Begins a run, whose code may let go of an object that it has changed.
        hold() { for (const entry of held) entry.value ??= entry.weak.deref(); },
        // Ends a run; whether the code still holds some of the objects.
        keep() {
            for (let at = 0; at < held.length; at++) save(held[at]);
            for (let at = 0; at < held.length; at++) {
                const entry = held[at];
                if (entry.value === undefined) continue;
                entry.weak ??= new WeakRef(entry.value);
                entry.value = undefined;
            }
            if (held.length > 0) release((entry) => entry.isLost || entry.weak.deref() === undefined);
            return held.length > 0;
        },
    };
})
