// Node.js' module `events`.
(function (invalid) {
    'use strict';
    const { inspect } = globalThis.util;
    const isListener = (listener) => {
        if (typeof listener === 'function') return listener;
        throw invalid('listener', 'function', listener);
    };
    const unhandled = (value) => {
        if (value instanceof Error) return value;
        const error = new Error(`Unhandled error. (${inspect(value)})`);
        error.code = 'ERR_UNHANDLED_ERROR';
        error.context = value;
        return error;
    };
    // An old-style class: flows call it without `new`, to inherit from it.
    function EventEmitter() { this._events ??= new Map(); }
    const all = (emitter) => {
        if (!Object.hasOwn(emitter, '_events') || !(emitter._events instanceof Map)) {
            Object.defineProperty(emitter, '_events', { value: new Map(), writable: true, configurable: true });
        }
        return emitter._events;
    };
    const add = (emitter, name, listener, isFirst) => {
        const events = all(emitter);
        if (events.has('newListener')) emitter.emit('newListener', name, listener.listener ?? listener);
        const listeners = events.get(name) ?? [];
        events.set(name, isFirst ? [listener, ...listeners] : [...listeners, listener]);
        return emitter;
    };
    const once = (emitter, name, listener) => {
        const wrapped = function (...values) {
            emitter.removeListener(name, wrapped);
            return listener.apply(this, values);
        };
        wrapped.listener = isListener(listener);
        return wrapped;
    };
    const methods = {
        emit(name, ...values) {
            const listeners = all(this).get(name);
            if (!listeners) {
                if (name === 'error') throw unhandled(values[0]);
                return false;
            }
            for (const listener of listeners) listener.apply(this, values);
            return true;
        },
        on(name, listener) { return add(this, name, isListener(listener), false); },
        addListener(name, listener) { return add(this, name, isListener(listener), false); },
        prependListener(name, listener) { return add(this, name, isListener(listener), true); },
        once(name, listener) { return add(this, name, once(this, name, listener), false); },
        prependOnceListener(name, listener) { return add(this, name, once(this, name, listener), true); },
        removeListener(name, listener) {
            const listeners = all(this).get(isListener(listener) && name) ?? [];
            const at = listeners.findLastIndex((it) => it === listener || it.listener === listener);
            if (at < 0) return this;
            const left = listeners.toSpliced(at, 1);
            if (left.length > 0) all(this).set(name, left);
            else all(this).delete(name);
            if (all(this).has('removeListener')) this.emit('removeListener', name, listener);
            return this;
        },
        off(name, listener) { return this.removeListener(name, listener); },
        removeAllListeners(name) {
            if (name === undefined) all(this).clear();
            else all(this).delete(name);
            return this;
        },
        rawListeners(name) { return [...(all(this).get(name) ?? [])]; },
        listeners(name) { return this.rawListeners(name).map((listener) => listener.listener ?? listener); },
        listenerCount(name) { return this.rawListeners(name).length; },
        eventNames() { return [...all(this).keys()]; },
        // Nothing warns of many listeners here.
        setMaxListeners(count) { this._maxListeners = count; return this; },
        getMaxListeners() { return this._maxListeners ?? EventEmitter.defaultMaxListeners; },
    };
    for (const [name, value] of Object.entries(methods)) {
        Object.defineProperty(EventEmitter.prototype, name, { value, writable: true, configurable: true, enumerable: true });
    }
    return Object.assign(EventEmitter, {
        EventEmitter,
        defaultMaxListeners: 10,
        listenerCount: (emitter, name) => emitter.listenerCount(name),
        once: (emitter, name) => new Promise((resolve, reject) => {
            const fail = (error) => { emitter.removeListener(name, take); reject(error); };
            const take = (...values) => { emitter.removeListener('error', fail); resolve(values); };
            emitter.once(name, take);
            if (name !== 'error') emitter.once('error', fail);
        }),
    });
})
