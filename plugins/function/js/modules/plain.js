// Modules of Node.js that name what a function has anyway.
(function () {
    'use strict';
    const { Buffer, util, setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate } = globalThis;
    const { promisify } = util;
    class StringDecoder {
        #rest = Buffer.alloc(0);
        constructor(encoding = 'utf8') {
            if (!Buffer.isEncoding(encoding)) throw new TypeError(`Unknown encoding: ${encoding}`);
            this.encoding = encoding.toLowerCase().replace('utf-', 'utf');
        }
        // The bytes of the last character, if it is not complete.
        #open(bytes) {
            if (this.encoding === 'base64') return bytes.length % 3;
            if (this.encoding === 'utf16le') return bytes.length % 2;
            if (this.encoding !== 'utf8') return 0;
            for (let back = 1; back <= Math.min(3, bytes.length); back++) {
                const byte = bytes[bytes.length - back];
                if ((byte & 0xc0) === 0x80) continue;
                const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
                return size > back ? back : 0;
            }
            return 0;
        }
        write(bytes) {
            const all = Buffer.concat([this.#rest, Buffer.from(bytes)]);
            const end = all.length - this.#open(all);
            this.#rest = all.subarray(end);
            return all.toString(this.encoding, 0, end);
        }
        end(bytes) {
            const text = bytes === undefined ? '' : this.write(bytes);
            const rest = this.#rest.toString(this.encoding);
            this.#rest = Buffer.alloc(0);
            return text + rest;
        }
    }
    return {
        buffer: () => ({ Buffer, atob: (text) => Buffer.from(text, 'base64').toString('latin1'), btoa: (text) => Buffer.from(text, 'latin1').toString('base64'), kMaxLength: 2 ** 53 - 1 }),
        util: () => util,
        'util/types': () => util.types,
        timers: () => ({ setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate }),
        'timers/promises': () => ({ setTimeout: promisify(setTimeout), setImmediate: (value) => new Promise((done) => { setImmediate(done, value); }) }),
        string_decoder: () => ({ StringDecoder }),
    };
})
