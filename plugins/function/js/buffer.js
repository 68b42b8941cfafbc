// Node.js' `Buffer`, over Uint8Array. Text is encoded and decoded by the runtime.
(function (host) {
    'use strict';
    const names = { utf8: 'utf8', 'utf-8': 'utf8', hex: 'hex', base64: 'base64', base64url: 'base64url',
        latin1: 'latin1', binary: 'latin1', ascii: 'ascii', ucs2: 'utf16le', 'ucs-2': 'utf16le',
        utf16le: 'utf16le', 'utf-16le': 'utf16le' };
    const encodingOf = (name) => {
        if (name === undefined || name === null) return 'utf8';
        const known = names[String(name).toLowerCase()];
        if (!known) throw new TypeError(`Unknown encoding: ${name}`);
        return known;
    };
    const wrap = (buffer, at, length) => new Bytes(buffer, at, length);
    const bytesOf = (value, encoding) => (typeof value === 'string'
        ? new Uint8Array(host.decode(value, encodingOf(encoding))) : value);
    const check = (buffer, at, size) => {
        if (typeof at !== 'number') throw new TypeError('The "offset" argument must be of type number');
        if (!Number.isInteger(at) || at < 0 || at + size > buffer.length) {
            throw new RangeError(`The value of "offset" is out of range. Received ${at}`);
        }
        return at;
    };
    const clamp = (value, most, missing) => {
        if (value === undefined) return missing;
        value = Math.trunc(Number(value)) || 0;
        if (value < 0) value += most;
        return Math.min(Math.max(value, 0), most);
    };

    class Bytes extends Uint8Array {
        get parent() { return this.buffer; }
        get offset() { return this.byteOffset; }
        toString(encoding, start, end) {
            return host.encode(this.subarray(clamp(start, this.length, 0), clamp(end, this.length, this.length)), encodingOf(encoding));
        }
        toLocaleString(encoding, start, end) { return this.toString(encoding, start, end); }
        [Symbol.for('nodejs.util.inspect.custom')]() {
            const more = this.length > 50 ? ` ... ${this.length - 50} more byte${this.length > 51 ? 's' : ''}` : '';
            const shown = Array.from(this.subarray(0, 50), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
            return `<Buffer${shown && ' '}${shown}${more}>`;
        }
        toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
        equals(other) { return Buffer.compare(this, other) === 0; }
        compare(other, start, end, from, to) {
            return Buffer.compare(this.subarray(from ?? 0, to ?? this.length), other.subarray(start ?? 0, end ?? other.length));
        }
        copy(target, at = 0, from = 0, to = this.length) {
            const part = this.subarray(from, to).subarray(0, Math.max(target.length - at, 0));
            target.set(part, at);
            return part.length;
        }
        slice(start, end) { return this.subarray(start, end); }
        fill(value, start, end, encoding) {
            if (typeof start === 'string') [start, encoding] = [0, start];
            if (typeof end === 'string') [end, encoding] = [undefined, end];
            if (typeof value === 'number') return super.fill(value & 255, start, end);
            const bytes = bytesOf(value, encoding);
            start ??= 0;
            end ??= this.length;
            if (bytes.length === 0) return super.fill(0, start, end);
            for (let at = start; at < end; at++) this[at] = bytes[(at - start) % bytes.length];
            return this;
        }
        write(value, at = 0, length, encoding) {
            if (typeof at === 'string') [at, encoding] = [0, at];
            if (typeof length === 'string') [length, encoding] = [undefined, length];
            const room = Math.min(length ?? this.length - at, this.length - at);
            const part = bytesOf(String(value), encoding).subarray(0, room);
            this.set(part, at);
            return part.length;
        }
        indexOf(value, from, encoding) {
            if (typeof from === 'string') [from, encoding] = [0, from];
            if (typeof value === 'number') return super.indexOf(value & 255, from ?? 0);
            const sought = bytesOf(value, encoding);
            for (let at = clamp(from, this.length, 0); at + sought.length <= this.length; at++) {
                let matched = 0;
                while (matched < sought.length && this[at + matched] === sought[matched]) matched++;
                if (matched === sought.length) return at;
            }
            return -1;
        }
        lastIndexOf(value, from, encoding) {
            if (typeof from === 'string') [from, encoding] = [undefined, from];
            if (typeof value === 'number') return super.lastIndexOf(value & 255, from ?? this.length - 1);
            const sought = bytesOf(value, encoding);
            for (let at = Math.min(clamp(from, this.length, this.length), this.length - sought.length); at >= 0; at--) {
                let matched = 0;
                while (matched < sought.length && this[at + matched] === sought[matched]) matched++;
                if (matched === sought.length) return at;
            }
            return -1;
        }
        includes(value, from, encoding) { return this.indexOf(value, from, encoding) !== -1; }
        readUIntBE(at, size) {
            check(this, at, size);
            let value = 0;
            for (let i = 0; i < size; i++) value = value * 256 + this[at + i];
            return value;
        }
        readUIntLE(at, size) {
            check(this, at, size);
            let value = 0;
            for (let i = size - 1; i >= 0; i--) value = value * 256 + this[at + i];
            return value;
        }
        readIntBE(at, size) {
            const value = this.readUIntBE(at, size);
            return value >= 2 ** (8 * size - 1) ? value - 2 ** (8 * size) : value;
        }
        readIntLE(at, size) {
            const value = this.readUIntLE(at, size);
            return value >= 2 ** (8 * size - 1) ? value - 2 ** (8 * size) : value;
        }
        writeUIntBE(value, at, size) {
            check(this, at, size);
            for (let i = size - 1; i >= 0; i--) { this[at + i] = value % 256; value = Math.floor(value / 256); }
            return at + size;
        }
        writeUIntLE(value, at, size) {
            check(this, at, size);
            for (let i = 0; i < size; i++) { this[at + i] = value % 256; value = Math.floor(value / 256); }
            return at + size;
        }
        writeIntBE(value, at, size) { return this.writeUIntBE(value < 0 ? value + 2 ** (8 * size) : value, at, size); }
        writeIntLE(value, at, size) { return this.writeUIntLE(value < 0 ? value + 2 ** (8 * size) : value, at, size); }
        swap16() { return swap(this, 2); }
        swap32() { return swap(this, 4); }
        swap64() { return swap(this, 8); }
    }
    // As in Node.js, `Buffer` may be called with and without `new`, and so may its functions.
    function Buffer(value, at, length) {
        return typeof value === 'string' ? Buffer.from(value, at) : new Bytes(value, at, length);
    }
    Object.setPrototypeOf(Buffer, Uint8Array);
    Buffer.prototype = Bytes.prototype;
    Object.defineProperty(Bytes.prototype, 'constructor', { value: Buffer, writable: true, configurable: true });
    Object.defineProperty(Buffer, Symbol.species, { get: () => Bytes, configurable: true });
    Object.assign(Buffer, {
        from: function from(value, encoding, length) {
            if (typeof value === 'string') return wrap(host.decode(value, encodingOf(encoding)));
            if (value instanceof ArrayBuffer) return wrap(value, encoding, length);
            if (ArrayBuffer.isView(value) || Array.isArray(value)) {
                const copy = new Bytes(value.length);
                copy.set(value);
                return copy;
            }
            if (value && value.type === 'Buffer' && Array.isArray(value.data)) return Buffer.from(value.data);
            if (value && typeof value === 'object') {
                const plain = value.valueOf();
                if (plain !== value && plain !== null && plain !== undefined) return Buffer.from(plain, encoding, length);
                if (typeof value.length === 'number') return Buffer.from(Array.from(value));
            }
            throw new TypeError('The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object');
        },
        alloc: function alloc(size, fill, encoding) {
            const made = new Bytes(size);
            return fill === undefined ? made : made.fill(fill, encoding);
        },
        allocUnsafe: function allocUnsafe(size) { return new Bytes(size); },
        allocUnsafeSlow: function allocUnsafeSlow(size) { return new Bytes(size); },
        isBuffer: function isBuffer(value) { return value instanceof Buffer; },
        isEncoding: function isEncoding(name) { return String(name).toLowerCase() in names; },
        byteLength: function byteLength(value, encoding) {
            return typeof value === 'string' ? bytesOf(value, encoding).length : value.byteLength;
        },
        concat: function concat(list, length) {
            if (!Array.isArray(list)) throw new TypeError('The "list" argument must be an instance of Array');
            length ??= list.reduce((sum, item) => sum + item.length, 0);
            const all = new Bytes(length);
            let at = 0;
            for (const item of list) {
                const part = at + item.length > length ? item.subarray(0, length - at) : item;
                all.set(part, at);
                at += part.length;
            }
            return all;
        },
        compare: function compare(a, b) {
            const shared = Math.min(a.length, b.length);
            for (let at = 0; at < shared; at++) if (a[at] !== b[at]) return a[at] < b[at] ? -1 : 1;
            return Math.sign(a.length - b.length);
        },
    });
    const swap = (buffer, size) => {
        if (buffer.length % size) throw new RangeError(`Buffer size must be a multiple of ${size * 8}-bits`);
        for (let at = 0; at < buffer.length; at += size) buffer.subarray(at, at + size).reverse();
        return buffer;
    };
    const define = (names, value) => {
        for (const name of names) Object.defineProperty(Buffer.prototype, name, { value, writable: true, configurable: true });
    };
    const view = (buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    const kinds = [['Int8', 1], ['Uint8', 1], ['Int16', 2], ['Uint16', 2], ['Int32', 4], ['Uint32', 4],
        ['Float32', 4], ['Float64', 8], ['BigInt64', 8], ['BigUint64', 8]];
    for (const [kind, size] of kinds) {
        const name = { Float32: 'Float', Float64: 'Double', BigUint64: 'BigUInt64' }[kind] ?? kind.replace('Uint', 'UInt');
        for (const [order, little] of size === 1 ? [['', true]] : [['LE', true], ['BE', false]]) {
            const also = name.includes('UInt') ? [name.replace('UInt', 'Uint')] : [];
            const all = [name, ...also];
            const get = DataView.prototype[`get${kind}`];
            const set = DataView.prototype[`set${kind}`];
            const least = kind.startsWith('U') ? 0 : -(2 ** (8 * size - 1));
            const most = (kind.startsWith('U') ? 2 ** (8 * size) : 2 ** (8 * size - 1)) - 1;
            define(all.map((name) => `read${name}${order}`), function (at = 0) {
                return get.call(view(this), check(this, at, size), little);
            });
            define(all.map((name) => `write${name}${order}`), function (value, at = 0) {
                if (kind.includes('nt') && !kind.startsWith('Big') && (value < least || value > most)) {
                    throw new RangeError(`The value of "value" is out of range. It must be >= ${least} and <= ${most}. Received ${value}`);
                }
                set.call(view(this), check(this, at, size), value, little);
                return at + size;
            });
        }
    }
    define(['readUintBE'], Buffer.prototype.readUIntBE);
    define(['readUintLE'], Buffer.prototype.readUIntLE);
    define(['writeUintBE'], Buffer.prototype.writeUIntBE);
    define(['writeUintLE'], Buffer.prototype.writeUIntLE);
    return Buffer;
})
