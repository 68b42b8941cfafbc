// What a function finds around it. Evaluated once for each node, in strict mode, as a function of
// `host` (the calls into the runtime) and `info` (who the node is). Returns the calls that the
// runtime makes.
(function (host, info) {
    'use strict';
    const hidden = (name, value) => Object.defineProperty(globalThis, name,
        { value, writable: true, configurable: true, enumerable: false });
    const lazy = (name, make) => Object.defineProperty(globalThis, name, {
        configurable: true,
        enumerable: false,
        get() { hidden(name, undefined); hidden(name, make()); return globalThis[name]; },
        set(value) { hidden(name, value); },
    });
    // The interpreter's own `Date` is good for UTC, if the C library says so too.
    const inUtc = (at) => new globalThis.Date(at).getTimezoneOffset() === 0;
    if (host.zone || ![1704067200000, 1719792000000].every(inUtc)) host.library('date')(host.zone);
    // Before anyone can replace it.
    const toBase64 = Uint8Array.prototype.toBase64;
    const { Date, BigInt, String } = globalThis;
    const getTime = Date.prototype.getTime;
    const wellFormed = String.prototype.toWellFormed;
    const text = (value) => wellFormed.call(plainText(value));
    const plainText = (value) => {
        if (typeof value === 'string') return value;
        if (value instanceof Error) return String(value);
        if (value && typeof value === 'object') {
            try { return JSON.stringify(value); } catch { return String(value); }
        }
        return String(value);
    };

    // --- errors ---------------------------------------------------------------------------
    // The interpreter's stacks lack what V8 begins them with: the name and the message.
    const { defineProperty } = Object;
    const { apply } = Reflect;
    const trace = Object.getOwnPropertyDescriptor(Error.prototype, 'stack').get;
    const heading = Error.prototype.toString;
    const setStack = (error, value) => defineProperty(error, 'stack', { value, writable: true, configurable: true });
    const withHeading = (error, frames) => `${apply(heading, error, [])}\n${frames}`.trimEnd();
    defineProperty(Error.prototype, 'stack', {
        get() {
            const frames = apply(trace, this, []);
            return typeof frames === 'string' ? withHeading(this, frames) : frames;
        },
        set(value) { setStack(this, value); },
    });
    const { captureStackTrace } = Error;
    defineProperty(Error, 'captureStackTrace', {
        value(target, above) {
            captureStackTrace(target, above);
            setStack(target, withHeading(target, target.stack));
        },
        writable: true,
        configurable: true,
    });

    host.library('bounds')(info.mostElements);
    host.library('long')(host, info.mostElements);

    // --- node -----------------------------------------------------------------------------
    const closers = [];
    const log = (level) => (value) => host.log(level, text(value));
    const tell = (level) => (value) => (typeof value === 'string' ? host.log(level, text(value)) : host.tell(level, value, text(value)));
    // An error that the code reports may be anything, which is shown as what it is.
    const report = (error, msg) => {
        if (typeof error === 'string' || error instanceof Error) return host.fail(error, msg);
        let told;
        try { told = String(error); } catch { told = '[object Object]'; }
        host.failWith(error, told, msg);
    };
    const common = {
        id: info.id,
        name: info.name,
        path: info.path,
        outputCount: info.outputs,
        log: log('info'),
        warn: tell('warn'),
        debug: log('debug'),
        trace: log('trace'),
        error(value, msg) {
            if (typeof value !== 'boolean') value ||= '';
            if (msg !== null && typeof msg === 'object') report(value, msg);
            else tell('error')(value);
        },
        status: (status) => host.status(typeof status === 'string' ? { text: status } : status),
        on(event, handler) {
            if (event === 'input') throw new Error('cannot listen to `input` in a function');
            if (event === 'close' && typeof handler === 'function') closers.push(handler);
        },
        linkcall,
    };
    // Messages that are read when the run ends, as the code has left them by then.
    const held = new Map();
    let lastHeld = 0;
    const release = (number) => {
        const messages = held.get(number);
        // Those of runs that were cut off are among the earlier ones.
        for (const earlier of held.keys()) if (earlier <= number) held.delete(earlier);
        return messages;
    };
    const nodeFor = (id, msg) => ({
        ...common,
        send(msgs, clone) {
            if (clone !== false) return host.send(msgs, id);
            held.set(++lastHeld, [msgs, id]);
            host.hold(lastHeld);
        },
        done(error) {
            if (error) {
                report(error, msg ?? {});
                host.abandon(msg);
            } else if (info.callsDone) host.complete(msg);
        },
    });

    // --- calls of link nodes ----------------------------------------------------------------
    const linked = new Map();
    async function linkcall(target, msg, options) {
        if (typeof target !== 'string' || target.trim() === '') throw new Error('the target of `linkcall` must be the name or id of a `link in` node');
        if (msg === null || typeof msg !== 'object') throw new Error('the message of `linkcall` must be an object');
        const { timeout, clone } = options ?? {};
        return new Promise((resolve, reject) => {
            const call = host.generateId();
            host.linkCall(target, msg, call);
            const timer = start(() => {
                linked.delete(call);
                reject(new Error('timeout'));
            }, timeout || 5000, [], false);
            linked.set(call, { resolve, timer, original: clone === false ? msg : undefined });
        });
    }
    const returned = (call, msg) => {
        const waiting = linked.get(call);
        if (!waiting) return;
        linked.delete(call);
        clear(waiting.timer);
        const { original } = waiting;
        if (original) {
            for (const key of Object.keys(original)) delete original[key];
            Object.assign(original, msg);
        }
        waiting.resolve(original ?? msg);
    };

    // --- timers ---------------------------------------------------------------------------
    // A timer's number is its own in the whole process: another function may get the timer from a
    // context, and clear it.
    const timers = new Map();
    const mostTimers = 2 ** 32;
    let owner;
    let nextTimer = 0;
    class Timeout {
        constructor(id) { this.id = id; }
        ref() { return this; }
        unref() { return this; }
        hasRef() { return host.isScheduled(this.id); }
        refresh() { host.refresh(this.id); return this; }
        close() { clear(this); return this; }
        [Symbol.toPrimitive]() { return this.id; }
    }
    const schedule = (fn, ms, args, repeat) => {
        ms = Number(ms);
        if (!(ms >= 1 && ms <= 2147483647)) ms = 1;
        owner ??= host.timerOwner();
        let id;
        do {
            id = owner * mostTimers + nextTimer;
            nextTimer = (nextTimer + 1) % mostTimers;
        } while (timers.has(id));
        timers.set(id, { fn, args, ms, repeat });
        host.schedule(id, ms);
        return new Timeout(id);
    };
    const start = (fn, ms, args, repeat) => {
        if (timers.size >= 65536) throw new RangeError('more than 65536 timers are running');
        return schedule(fn, ms, args, repeat);
    };
    const clear = (timer) => {
        const id = timer instanceof Timeout ? timer.id : Number(timer);
        const isElsewhere = id >= mostTimers && Math.floor(id / mostTimers) !== owner;
        if (timers.delete(id) || isElsewhere) host.cancel(id);
    };
    hidden('setTimeout', (fn, ms, ...args) => start(fn, ms, args, false));
    hidden('setInterval', (fn, ms, ...args) => start(fn, ms, args, true));
    hidden('setImmediate', (fn, ...args) => start(fn, 1, args, false));
    hidden('clearTimeout', clear);
    hidden('clearInterval', clear);
    hidden('clearImmediate', clear);
    hidden('queueMicrotask', (fn) => { Promise.resolve().then(fn).catch((e) => host.fail(e, {})); });
    const asPromise = Symbol.for('nodejs.util.promisify.custom');
    hidden('promisify', (fn) => {
        if (typeof fn?.[asPromise] === 'function') return fn[asPromise];
        if (fn === globalThis.setTimeout) return (ms, value) => new Promise((done) => fn(done, ms, value));
        return function (...args) {
            return new Promise((resolve, reject) =>
                fn.call(this, ...args, (error, value) => (error ? reject(error) : resolve(value))));
        };
    });
    promisify.custom = asPromise;

    // --- requests and responses -----------------------------------------------------------
    let methods;
    const express = () => (methods ??= host.library('express')(host));

    // --- context --------------------------------------------------------------------------
    // Answers of stores that come later, by the number of the question.
    const asked = new Map();
    const answered = (number, error, value) => {
        const callback = asked.get(number);
        asked.delete(number);
        callback(error === undefined || error === null ? null : new Error(error), value);
    };
    // Code that changes nothing in place needs no watch over what it gets.
    const plain = { get: host.contextGet, set: host.contextSet };
    let kept;
    const values = () => (info.changesInPlace ? (kept ??= host.library('kept')(host, info.changesAfterSet)) : plain);
    const context = (scope) => {
        const name = (key) => {
            if (typeof key !== 'string' || key === '') throw new TypeError('a context key must be a string that is not empty');
            const stored = /^#:\(([^)]+)\)::(.*)$/s.exec(key);
            return stored ? [stored[2], stored[1]] : [key, undefined];
        };
        const tell = (callback, ...results) => {
            Promise.resolve().then(() => callback(...results)).catch((e) => host.fail(e, {}));
        };
        const call = (callback, work) => {
            if (typeof callback !== 'function') return work();
            let results;
            try { results = [null, work()]; } catch (error) { results = [error]; }
            tell(callback, ...results);
        };
        // Calls back when all stores that are asked have answered.
        const whenWritten = (callback, work) => {
            let numbers;
            try {
                numbers = work().map(([path, store]) => host.contextWritten(scope, path, store)).filter(Boolean);
            } catch (error) {
                return tell(callback, error);
            }
            if (numbers.length === 0) return tell(callback, null);
            let left = numbers.length;
            let failure = null;
            for (const number of numbers) {
                asked.set(number, (error) => {
                    failure ??= error;
                    left -= 1;
                    if (left === 0) callback(failure);
                });
            }
        };
        // Changes that depend on the value; a promise without a callback.
        const change = (callback, work) => {
            if (typeof callback !== 'function') {
                return new Promise((resolve, reject) => {
                    asked.set(work(), (error, value) => (error ? reject(error) : resolve(value)));
                });
            }
            try { asked.set(work(), callback); } catch (error) { tell(callback, error); }
        };
        const options = (store, callback) => {
            if (typeof store === 'function') return [undefined, store];
            if (callback !== undefined && typeof callback !== 'function') throw new Error('Callback must be a function');
            return [store, callback];
        };
        return {
            get(key, store, callback) {
                [store, callback] = options(store, callback);
                const one = (key) => {
                    const [path, named] = name(key);
                    const value = values().get(scope, path, named ?? store ?? '');
                    return info.usesHttp ? express().dress(value) : value;
                };
                if (Array.isArray(key) && typeof callback === 'function') {
                    return call((error, values) => callback(error, ...(values ?? [])), () => key.map(one));
                }
                return call(callback, () => (Array.isArray(key) ? key.map(one) : one(key)));
            },
            set(key, value, store, callback) {
                [store, callback] = options(store, callback);
                const one = (key, value) => {
                    const [path, named] = name(key);
                    const place = [path, named ?? store ?? ''];
                    values().set(scope, ...place, value);
                    return place;
                };
                const all = () => {
                    if (!Array.isArray(key)) return [one(key, value)];
                    const values = Array.isArray(value) ? value : [value];
                    return key.map((key, at) => one(key, at < values.length ? values[at] : null));
                };
                if (typeof callback === 'function') return whenWritten(callback, all);
                all();
            },
            add(key, number, store, callback) {
                [store, callback] = options(store, callback);
                const [path, named] = name(key);
                if (typeof number !== 'number') throw new TypeError('the number to add must be a number');
                return change(callback, () => host.contextAdd(scope, path, named ?? store ?? '', number));
            },
            compareAndSet(key, expected, value, store, callback) {
                [store, callback] = options(store, callback);
                const [path, named] = name(key);
                return change(callback, () =>
                    host.contextCompareAndSet(scope, path, named ?? store ?? '', expected, value));
            },
            keys(store, callback) {
                [store, callback] = options(store, callback);
                return call(callback, () => host.contextKeys(scope, store ?? ''));
            },
        };
    };
    const own = context('node');
    hidden('context', own);
    let sharing;
    for (const scope of ['flow', 'global']) {
        const methods = context(scope);
        hidden(scope, methods);
        let made;
        defineProperty(own, scope, {
            configurable: true,
            enumerable: true,
            get: () => (made ??= (sharing ??= host.library('shared')(values()))(scope, methods)),
            set(value) { made = value; },
        });
    }
    // What Node-RED's wrapper of the code makes `node` of; some flows reach for it.
    hidden('__node__', common);
    hidden('env', { get: (name) => host.env(String(name)) });

    // --- the rest of the surroundings -------------------------------------------------------
    lazy('Buffer', () => host.library('buffer')(host));
    let web;
    const webClass = (name) => () => (web ??= host.library('url')(host))[name];
    lazy('URL', webClass('URL'));
    lazy('URLSearchParams', webClass('URLSearchParams'));
    let words;
    const intl = () => (words ??= host.library('intl')(host));
    lazy('Intl', () => intl().Intl);
    const replace = (target, methods) => {
        for (const [name, value] of Object.entries(methods)) {
            Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
        }
    };
    const { toString: dateText, toTimeString: timeText } = Date.prototype;
    const named = (shown) => function () {
        const millis = apply(getTime, this, []);
        return Number.isNaN(millis) ? 'Invalid Date' : `${apply(shown, this, [])} (${intl().zoneName(millis)})`;
    };
    replace(Date.prototype, {
        toString: named(dateText),
        toTimeString: named(timeText),
        toLocaleString(locales, options) { return intl().dates.toLocaleString(this, locales, options); },
        toLocaleDateString(locales, options) { return intl().dates.toLocaleDateString(this, locales, options); },
        toLocaleTimeString(locales, options) { return intl().dates.toLocaleTimeString(this, locales, options); },
    });
    replace(Number.prototype, { toLocaleString(locales, options) { return intl().number(this, locales, options); } });
    replace(BigInt.prototype, { toLocaleString(locales, options) { return intl().bigint(this, locales, options); } });
    replace(String.prototype, {
        localeCompare(other, locales, options) {
            if (this === undefined || this === null) throw new TypeError('String.prototype.localeCompare called on null or undefined');
            return intl().compare(this, other, locales, options);
        },
    });
    lazy('RED', () => ({ util: host.library('util')(host, own) }));
    let printer;
    const printing = () => (printer ??= host.library('inspect')(info.mostElements));
    lazy('console', () => host.library('console')((level, line) => host.log(level, wellFormed.call(line)), printing()));
    lazy('util', () => host.library('node-util')(printing(), globalThis.promisify));
    hidden('structuredClone', (value) => globalThis.RED.util.cloneMessage(value));
    hidden('TextEncoder', class TextEncoder {
        get encoding() { return 'utf-8'; }
        encode(value = '') { return new Uint8Array(host.decode(String(value), 'utf8')); }
    });
    hidden('TextDecoder', class TextDecoder {
        constructor(label = 'utf-8') {
            if (!/^utf-?8$/i.test(label)) throw new RangeError(`the encoding "${label}" is not supported`);
        }
        get encoding() { return 'utf-8'; }
        decode(bytes = new Uint8Array(0)) {
            const view = ArrayBuffer.isView(bytes)
                ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
            return host.encode(view, 'utf8');
        }
    });
    hidden('btoa', (value) => host.encode(new Uint8Array(host.decode(String(value), 'latin1')), 'base64'));
    hidden('atob', (value) => host.encode(new Uint8Array(host.decode(String(value), 'base64')), 'latin1'));

    // --- modules, which take what they need before a variable of the code hides it ------------------
    if (info.modules.length > 0) {
        const module = host.library('modules')(host);
        const made = info.modules.map(([variable, name]) => [variable, module(name)]);
        for (const [variable, value] of made) if (variable !== '') hidden(variable, value);
    }

    // --- promises that are rejected and that nothing waits for ---------------------------------
    // For each the promise, why, and whether it is about something waiting for it after all.
    const rejections = [];
    const mostNamed = 16;
    const unhandled = () => {
        const rejected = new Map();
        for (let at = 0; at < rejections.length; at += 3) {
            if (rejections[at + 2]) rejected.delete(rejections[at]);
            else rejected.set(rejections[at], rejections[at + 1]);
        }
        rejections.length = 0;
        let named = 0;
        for (const reason of rejected.values()) {
            if (++named > mostNamed) break;
            host.fail(reason instanceof Error ? reason
                : new Error(`a promise was rejected with \`${plainText(reason)}\`, and nothing handles that`), {});
        }
        if (rejected.size > mostNamed) {
            host.fail(new Error(`${rejected.size - mostNamed} more promises were rejected, and nothing handles that`), {});
        }
    };

    // --- what the runtime calls -------------------------------------------------------------
    return {
        node: nodeFor,
        plain: Object.prototype,
        dates: Date.prototype,
        date: (millis) => new Date(millis),
        time: (date) => getTime.call(date),
        bigInt: (digits) => BigInt(digits),
        digits: (bigInt) => String(bigInt),
        // A promise that is not settled yet: its outcome is told later, unless that takes more than
        // `ms`, if there is such a limit.
        watch(promise, id, msg, ms) {
            let isPending = true;
            const settle = () => {
                if (!isPending) return false;
                isPending = false;
                host.settled();
                return true;
            };
            const limit = ms === undefined ? undefined : schedule(() => {
                if (settle()) host.timedOut(info.timeLimit, msg);
            }, ms, [], false);
            promise.then((results) => {
                if (!settle()) return;
                clear(limit);
                host.send(results, id);
                if (!info.callsDone) host.complete(msg);
            }, (error) => {
                if (!settle()) return;
                clear(limit);
                throw error;
            }).catch((error) => {
                host.fail(error, msg);
                host.abandon(msg);
            });
        },
        rejections,
        unhandled,
        release,
        hold: () => kept.hold(),
        keep: () => kept.keep(),
        express: (msg) => { express().dress(msg); },
        returned,
        answered,
        fire(id) {
            const timer = timers.get(id);
            if (!timer) return;
            if (timer.repeat) host.schedule(id, timer.ms);
            else timers.delete(id);
            const result = timer.fn.apply(common, timer.args);
            if (result instanceof Promise) result.catch((error) => host.fail(error, {}));
        },
        timer: (id) => new Timeout(id),
        // Timers that other functions have cleared.
        forget(ids) { for (const id of ids) timers.delete(id); },
        // Whether nothing is left of earlier runs that may go on.
        isIdle: () => closers.length === 0 && asked.size === 0 && linked.size === 0 && timers.size === 0 && held.size === 0,
        close() {
            for (const handler of closers.splice(0)) handler.call(common);
        },
        closingNode: () => ({
            ...common,
            send: () => host.log('error', 'Cannot send from close function'),
            done: () => {},
        }),
        buffer: (bytes) => globalThis.Buffer.from(bytes),
        base64: (bytes) => toBase64.call(bytes),
        ignore: (promise) => promise.then(() => undefined, (error) => { host.startFailed(); throw error; }),
        wellFormed: (value) => wellFormed.call(value),
        // What a message holds of things that only JavaScript has.
        simplify(value) {
            const response = methods?.plain(value);
            if (response !== undefined) return response;
            if (web && (value instanceof web.URL || value instanceof web.URLSearchParams)) return String(value);
            if (value instanceof Date) return new Date(getTime.call(value));
            if (value instanceof Timeout) return { _functionTimer: value.id };
            if (value instanceof Error) {
                const plain = { name: value.name, message: value.message, stack: value.stack };
                if (value.cause !== undefined) plain.cause = value.cause;
                return { ...plain, ...value };
            }
            if (value instanceof ArrayBuffer) return new Uint8Array(value);
            if (value instanceof DataView) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
            if (ArrayBuffer.isView(value)) return value instanceof Uint8ClampedArray ? new Uint8Array(value) : Array.from(value);
            if (value instanceof String || value instanceof Number || value instanceof Boolean) return value.valueOf();
            return value;
        },
    };
})
