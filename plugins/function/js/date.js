// `Date` in the time zone of the runtime. The interpreter's own takes the zone from the C library,
// which has other rules, and finds the wrong offset for local times around a clock change. What a
// date is in UTC, the interpreter's own methods still say.
(function (zone) {
    'use strict';
    const { apply, construct } = Reflect;
    const { floor, trunc, abs } = Math;
    const Native = globalThis.Date;
    const proto = Native.prototype;
    const { getTime, setTime, toUTCString } = proto;
    const DAY = 864e5;
    const LAST = 8.64e15;
    // After 400 years the days of the week and of the year are the same.
    const CYCLE = 146097 * DAY;
    const CYCLE_YEARS = 400;

    // --- offsets, in milliseconds -------------------------------------------------------------
    // The offset that was asked for last, and since and until when it holds.
    let [offset, since, until] = zone ? [0, 1, 0] : [0, -Infinity, Infinity];
    const offsetAt = (at) => {
        if (!(at >= since && at < until)) [offset, since, until] = zone.at(at);
        return offset;
    };
    const localOf = (date) => {
        const at = apply(getTime, date, []);
        return at === at ? at + offsetAt(at) : NaN;
    };
    // The time at which clocks show `local`, which is what they would show in UTC. Of two, the first.
    const utcOf = (local) => {
        const at = local - offset;
        // No clock change is so near that `local` could belong to another offset.
        if (at - DAY >= since && at + DAY < until) return at;
        return abs(local) <= LAST + DAY ? zone.from(local) : NaN;
    };

    // --- reading ------------------------------------------------------------------------------
    const scratch = new Native(0);
    const show = (local) => {
        const cycles = local > LAST ? 1 : local < -LAST ? -1 : 0;
        apply(setTime, scratch, [local - cycles * CYCLE]);
        return cycles * CYCLE_YEARS;
    };
    const part = (length, unit) => function () {
        const local = localOf(this);
        return floor((local - floor(local / length) * length) / unit);
    };
    const field = (name) => {
        const read = proto[`getUTC${name}`];
        return function () {
            show(localOf(this));
            return apply(read, scratch, []);
        };
    };
    const { getUTCFullYear } = proto;
    const year = (date) => show(localOf(date)) + apply(getUTCFullYear, scratch, []);
    const padded = (number, width) => (number < 0 ? '-' : '') + String(abs(number)).padStart(width, '0');
    const texts = (date) => {
        const shown = year(date);
        const [weekday, day, month, , time] = apply(toUTCString, scratch, []).split(/,? /);
        const minutes = trunc(offset / 6e4);
        const zoned = `GMT${minutes < 0 ? '-' : '+'}${padded(trunc(abs(minutes) / 60), 2)}${padded(abs(minutes) % 60, 2)}`;
        return [`${weekday} ${month} ${day} ${padded(shown, 4)}`, `${time} ${zoned}`];
    };
    const shown = (pick) => function () {
        return Number.isNaN(apply(getTime, this, [])) ? 'Invalid Date' : pick(texts(this));
    };

    // --- writing ------------------------------------------------------------------------------
    const setter = (name) => {
        const set = proto[`setUTC${name}`];
        return {
            [`set${name}`](...args) {
                const local = new Native(localOf(this));
                return apply(setTime, this, [utcOf(apply(set, local, args))]);
            },
        }[`set${name}`];
    };

    // --- parsing ------------------------------------------------------------------------------
    const { parse, UTC } = Native;
    const ISO = /^(?:[+-]\d{6}|\d{4})(?:-\d\d){0,2}(T\d\d:\d\d(?::\d\d(?:[.,]\d*)?)?)?$/;
    // An offset after a time, or the name of a zone.
    const ZONED = /:[^]*[+-]\d|(?<![a-z])(?:GMT|UTC?|Z|[ECMP][DS]T|[CEW]ES?T)(?![a-z])/i;
    const read = (value) => {
        const text = `${value}`;
        const at = parse(text);
        const iso = ISO.exec(text);
        // A date alone is in UTC.
        if (Number.isNaN(at) || (iso && !iso[1])) return at;
        if (iso) return utcOf(parse(`${text}Z`));
        return ZONED.test(text.replace(/\([^)]*\)?/g, '')) ? at : utcOf(parse(`Z ${text}`));
    };

    function Date(...args) {
        if (!new.target) return `${new Native()}`;
        if (args.length === 1) {
            const [value] = args;
            const primitive = typeof value === 'object' && value !== null && !isDate(value) ? toPrimitive(value) : value;
            if (typeof primitive === 'string') args[0] = read(primitive);
            else if (primitive !== value) args[0] = primitive;
        } else if (args.length > 1) {
            args[0] = UTC(...args);
            if (args[0] === args[0]) args[0] = utcOf(args[0]);
            args.length = 1;
        }
        return construct(Native, args, new.target);
    }
    const isDate = (value) => {
        try { apply(getTime, value, []); return true; } catch { return false; }
    };
    // What `new Date(object)` makes of an object first: without a preference for texts.
    const textOrNumber = proto[Symbol.toPrimitive];
    const toPrimitive = (object) => {
        const own = object[Symbol.toPrimitive];
        return own === undefined || own === null ? apply(textOrNumber, object, ['number']) : apply(own, object, ['default']);
    };

    // --- putting it in place --------------------------------------------------------------------
    const define = (target, name, value) =>
        Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
    const methods = {
        getHours: part(DAY, 36e5),
        getMinutes: part(36e5, 6e4),
        getSeconds: part(6e4, 1e3),
        getMilliseconds: part(1e3, 1),
        getDay() {
            const days = floor(localOf(this) / DAY) + 4;
            return days - floor(days / 7) * 7;
        },
        getDate: field('Date'),
        getMonth: field('Month'),
        getFullYear() { return year(this); },
        getYear() { return year(this) - 1900; },
        getTimezoneOffset() {
            const at = apply(getTime, this, []);
            return at === at ? 0 - trunc(offsetAt(at) / 6e4) : NaN;
        },
        setYear(value) {
            const number = trunc(Number(value));
            return methods.setFullYear.call(this, number >= 0 && number <= 99 ? 1900 + number : number);
        },
        toString: shown(([date, time]) => `${date} ${time}`),
        toDateString: shown(([date]) => date),
        toTimeString: shown(([, time]) => time),
    };
    for (const name of ['Milliseconds', 'Seconds', 'Minutes', 'Hours', 'Date', 'Month', 'FullYear']) methods[`set${name}`] = setter(name);
    for (const [name, method] of Object.entries(methods)) {
        const { length } = proto[name];
        Object.defineProperty(method, 'name', { value: name, configurable: true });
        Object.defineProperty(method, 'length', { value: length, configurable: true });
        define(proto, name, method);
    }
    Object.defineProperty(Date, 'length', { value: 7, configurable: true });
    Object.defineProperty(Date, 'prototype', { value: proto, writable: false });
    define(Date, 'now', Native.now);
    define(Date, 'parse', function parse(value) { return read(value); });
    define(Date, 'UTC', UTC);
    define(proto, 'constructor', Date);
    define(globalThis, 'Date', Date);
})
