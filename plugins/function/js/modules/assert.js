// Node.js' module `assert`.
(function () {
    'use strict';
    const { inspect, isDeepStrictEqual } = globalThis.util;
    class AssertionError extends Error {
        constructor({ message, actual, expected, operator }) {
            super(message ?? `${inspect(actual)} ${operator} ${inspect(expected)}`);
            Object.assign(this, { generatedMessage: message === undefined, code: 'ERR_ASSERTION', actual, expected, operator });
        }
        get name() { return 'AssertionError'; }
    }
    const check = (holds, message, details) => {
        if (holds) return;
        if (message instanceof Error) throw message;
        throw new AssertionError({ message, ...details });
    };
    const isObject = (value) => value !== null && typeof value === 'object';
    // With `==` for what is no object, whatever the prototypes are.
    const looselyEqual = (a, b, seen = new Map()) => {
        if (!isObject(a) || !isObject(b)) return a == b || (Number.isNaN(a) && Number.isNaN(b));
        if (a === b || seen.get(a) === b) return true;
        const containers = [Date, RegExp, Map, Set, Error];
        if (containers.some((kind) => a instanceof kind || b instanceof kind)) return isDeepStrictEqual(a, b);
        seen.set(a, b);
        const names = Object.keys(a);
        return Array.isArray(a) === Array.isArray(b) && names.length === Object.keys(b).length
            && names.every((name) => Object.hasOwn(b, name) && looselyEqual(a[name], b[name], seen));
    };
    const comparison = (operator, holds, text) => (actual, expected, message) =>
        check(holds(actual, expected), message ?? (text && `${text}:\n\n${inspect(actual)} !== ${inspect(expected)}\n`), { actual, expected, operator });
    const not = (holds) => (a, b) => !holds(a, b);
    const equal = (a, b) => a == b || (Number.isNaN(a) && Number.isNaN(b));

    // Whether the error is what the caller expects: a class, a pattern, an object with properties, or a check.
    const isExpected = (error, expected) => {
        if (expected instanceof RegExp) return expected.test(String(error));
        if (typeof expected === 'function') {
            if (expected.prototype !== undefined && error instanceof expected) return true;
            return !Error.isPrototypeOf(expected) && expected !== Error && expected.call({}, error) === true;
        }
        return Object.keys(expected).every((name) => (expected[name] instanceof RegExp && typeof error?.[name] === 'string'
            ? expected[name].test(error[name]) : isDeepStrictEqual(error?.[name], expected[name])));
    };
    const caught = (error, expected, message) => {
        if (expected !== undefined && typeof expected !== 'string' && !isExpected(error, expected)) {
            if (message === undefined && typeof expected === 'function') throw error;
            check(false, message, { actual: error, expected, operator: 'throws' });
        }
    };
    const missing = (expected, message, operator) => {
        const text = typeof expected === 'string' ? expected : message;
        check(false, text ?? `Missing expected ${operator === 'rejects' ? 'rejection' : 'exception'}.`, { expected, operator });
    };
    const unwanted = (error, message, operator) => {
        const kind = operator === 'doesNotReject' ? 'rejection' : 'exception';
        const text = typeof message === 'string' ? `: ${message}` : '.';
        check(false, `Got unwanted ${kind}${text}\nActual message: "${error?.message}"`, { actual: error, operator });
    };
    const promiseOf = async (work) => (typeof work === 'function' ? work() : work);

    const assert = (value, message) => check(value, message ?? 'The expression evaluated to a falsy value', { actual: value, expected: true, operator: '==' });
    const methods = {
        AssertionError,
        ok: (value, message) => assert(value, message),
        equal: comparison('==', equal),
        notEqual: comparison('!=', not(equal)),
        strictEqual: comparison('strictEqual', Object.is, 'Expected values to be strictly equal'),
        notStrictEqual: comparison('notStrictEqual', not(Object.is), 'Expected "actual" to be strictly unequal to'),
        deepEqual: comparison('deepEqual', looselyEqual, 'Expected values to be loosely deep-equal'),
        notDeepEqual: comparison('notDeepEqual', not(looselyEqual), 'Expected "actual" not to be loosely deep-equal to'),
        deepStrictEqual: comparison('deepStrictEqual', isDeepStrictEqual, 'Expected values to be strictly deep-equal'),
        notDeepStrictEqual: comparison('notDeepStrictEqual', not(isDeepStrictEqual), 'Expected "actual" not to be strictly deep-equal to'),
        match: comparison('match', (text, pattern) => pattern.test(text), 'The input did not match the regular expression'),
        doesNotMatch: comparison('doesNotMatch', (text, pattern) => !pattern.test(text), 'The input was expected to not match the regular expression'),
        fail: (message) => check(false, message ?? 'Failed', { operator: 'fail' }),
        ifError: (error) => {
            if (error === null || error === undefined) return;
            const text = error instanceof Error ? error.message : inspect(error);
            check(false, `ifError got unwanted exception: ${text}`, { actual: error, expected: null, operator: 'ifError' });
        },
        throws(work, expected, message) {
            try { work(); } catch (error) { return caught(error, expected, message); }
            missing(expected, message, 'throws');
        },
        doesNotThrow(work, expected, message) {
            try { work(); } catch (error) { unwanted(error, message ?? expected, 'doesNotThrow'); }
        },
        async rejects(work, expected, message) {
            try { await promiseOf(work); } catch (error) { return caught(error, expected, message); }
            missing(expected, message, 'rejects');
        },
        async doesNotReject(work, expected, message) {
            try { await promiseOf(work); } catch (error) { unwanted(error, message ?? expected, 'doesNotReject'); }
        },
    };
    Object.assign(assert, methods);
    assert.strict = Object.assign((value, message) => assert(value, message), methods, {
        equal: methods.strictEqual,
        notEqual: methods.notStrictEqual,
        deepEqual: methods.deepStrictEqual,
        notDeepEqual: methods.notDeepStrictEqual,
    });
    assert.strict.strict = assert.strict;
    return assert;
})
