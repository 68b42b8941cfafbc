// Node.js' module `crypto`: hashes, keys from passwords, random bytes, AES, and signatures. The runtime calculates.
(function (crypto) {
    'use strict';
    const { Buffer, setImmediate } = globalThis;
    const failure = (Kind, text, code) => Object.assign(new Kind(text), code && { code });
    const bytesOf = (value, encoding, name = 'data') => {
        if (typeof value === 'string') return Buffer.from(value, encoding === 'buffer' ? 'utf8' : encoding);
        if (value instanceof ArrayBuffer) return Buffer.from(value);
        if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
        if (value instanceof Key && value.bytes) return value.bytes;
        throw failure(TypeError, `The "${name}" argument must be of type string or an instance of Buffer, TypedArray, or DataView.`, 'ERR_INVALID_ARG_TYPE');
    };
    const shown = (bytes, encoding) => (encoding === undefined || encoding === 'buffer' ? bytes : bytes.toString(encoding));
    const buffer = (bytes) => Buffer.from(bytes);
    // Asynchronous forms call back in a later turn.
    const later = (callback, work) => {
        if (typeof callback !== 'function') throw failure(TypeError, 'The "callback" argument must be of type function.', 'ERR_INVALID_ARG_TYPE');
        setImmediate(() => {
            let value;
            try { value = work(); } catch (error) { return callback(error); }
            callback(null, value);
        });
    };

    // --- hashes -------------------------------------------------------------------------
    const hashes = { md5: 16, sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64, 'sha512-256': 32 };
    const digestOf = (name, text, code = 'ERR_CRYPTO_INVALID_DIGEST') => {
        if (typeof name !== 'string') throw failure(TypeError, 'The "algorithm" argument must be of type string.', 'ERR_INVALID_ARG_TYPE');
        const plain = name.toLowerCase().replace(/^rsa-|^ecdsa-with-/, '').replace(/^sha-/, 'sha').replace('sha512/256', 'sha512-256');
        if (!Object.hasOwn(hashes, plain)) throw failure(Error, text ?? `Invalid digest: ${name}`, code);
        return plain;
    };
    // What is hashed is gathered first.
    class Gathered {
        parts = [];
        isOver = false;
        update(data, encoding) {
            if (this.isOver) throw failure(Error, 'Digest already called', 'ERR_CRYPTO_HASH_FINALIZED');
            this.parts.push(Buffer.from(bytesOf(data, encoding)));
            return this;
        }
        all() {
            if (this.isOver) throw failure(Error, 'Digest already called', 'ERR_CRYPTO_HASH_FINALIZED');
            this.isOver = true;
            return Buffer.concat(this.parts);
        }
        // As a stream: flows write to it and read from it.
        write(data, encoding) { this.update(data, encoding); return true; }
        end(data, encoding) { if (data !== undefined) this.update(data, encoding); }
        read() { return this.digest(); }
    }
    class Hash extends Gathered {
        constructor(algorithm) { super(); this.algorithm = digestOf(algorithm, 'Digest method not supported', ''); }
        digest(encoding) { return shown(buffer(crypto.hash(this.algorithm, this.all())), encoding); }
        copy() {
            if (this.isOver) throw failure(Error, 'Digest already called', 'ERR_CRYPTO_HASH_FINALIZED');
            return Object.assign(new Hash(this.algorithm), { parts: [...this.parts] });
        }
    }
    class Hmac extends Gathered {
        constructor(algorithm, key) {
            super();
            this.algorithm = digestOf(algorithm);
            this.key = Buffer.from(bytesOf(key, 'utf8', 'key'));
        }
        digest(encoding) { return shown(buffer(crypto.hmac(this.algorithm, this.key, this.all())), encoding); }
    }

    // --- keys ---------------------------------------------------------------------------
    class Key {
        constructor(type, { bytes, pem }) { Object.assign(this, { type, bytes, pem }); }
        get symmetricKeySize() { return this.bytes?.length; }
        export() { return this.bytes ?? this.pem; }
    }
    const pemOf = (key) => {
        if (key instanceof Key) return key.pem;
        if (key !== null && typeof key === 'object' && 'key' in key) return pemOf(key.key);
        return bytesOf(key, 'utf8', 'key').toString();
    };
    const pbkdf2Sync = (password, salt, iterations, length, digest) => {
        for (const [name, value, least] of [['iterations', iterations, 1], ['keylen', length, 0]]) {
            if (!Number.isInteger(value) || value < least || value > 2147483647) {
                throw failure(RangeError, `The value of "${name}" is out of range. It must be >= ${least} && <= 2147483647. Received ${value}`, 'ERR_OUT_OF_RANGE');
            }
        }
        const name = digestOf(digest);
        return buffer(crypto.pbkdf2(name, bytesOf(password, 'utf8', 'password'), bytesOf(salt, 'utf8', 'salt'), iterations, length));
    };
    const hkdfSync = (digest, key, salt, info, length) => {
        const name = digestOf(digest);
        if (length > 255 * hashes[name]) throw failure(RangeError, 'Invalid key length', 'ERR_CRYPTO_INVALID_KEYLEN');
        const salted = bytesOf(salt, 'utf8', 'salt');
        const secret = crypto.hmac(name, salted.length > 0 ? salted : Buffer.alloc(hashes[name]), bytesOf(key, 'utf8', 'key'));
        const parts = [];
        let last = Buffer.alloc(0);
        for (let at = 1; parts.length * hashes[name] < length; at++) {
            last = buffer(crypto.hmac(name, buffer(secret), Buffer.concat([last, bytesOf(info, 'utf8', 'info'), Buffer.from([at])])));
            parts.push(last);
        }
        const bytes = Buffer.concat(parts).subarray(0, length);
        return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + length);
    };

    // --- random values ------------------------------------------------------------------
    const randomBytes = (size, callback) => {
        if (!Number.isInteger(size) || size < 0 || size > 2147483647) {
            throw failure(RangeError, `The value of "size" is out of range. It must be >= 0 && <= 2147483647. Received ${size}`, 'ERR_OUT_OF_RANGE');
        }
        if (callback !== undefined) return later(callback, () => buffer(crypto.random(size)));
        return buffer(crypto.random(size));
    };
    const randomFillSync = (target, offset = 0, size) => {
        const view = target instanceof ArrayBuffer ? new Uint8Array(target) : new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
        view.set(randomBytes(size ?? view.length - offset), offset);
        return target;
    };
    const randomInt = (from, to, callback) => {
        if (to === undefined || typeof to === 'function') [from, to, callback] = [0, from, to];
        const range = to - from;
        if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || range <= 0 || range > 2 ** 48 - 1) {
            throw failure(RangeError, `The value of "max" is out of range. It must be greater than the value of "min" (${from}). Received ${to}`, 'ERR_OUT_OF_RANGE');
        }
        const one = () => {
            // Values beyond the last whole multiple would favour small results.
            const limit = 2 ** 48 - (2 ** 48 % range);
            let value;
            do { value = randomBytes(6).readUIntBE(0, 6); } while (value >= limit);
            return from + (value % range);
        };
        return callback === undefined ? one() : later(callback, one);
    };
    const randomUUID = () => {
        const bytes = randomBytes(16);
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    };
    const timingSafeEqual = (a, b) => {
        const [one, other] = [bytesOf(a, 'utf8', 'buf1'), bytesOf(b, 'utf8', 'buf2')];
        if (one.length !== other.length) throw failure(RangeError, 'Input buffers must have the same byte length', 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH');
        let difference = 0;
        for (let at = 0; at < one.length; at++) difference |= one[at] ^ other[at];
        return difference === 0;
    };

    // --- AES ----------------------------------------------------------------------------
    const block = 16;
    const ciphers = [128, 192, 256].flatMap((bits) => ['cbc', 'ctr', 'ecb', 'gcm'].map((mode) => `aes-${bits}-${mode}`));
    class Cipher {
        #mode; #key; #iv; #encrypts;
        #pads = true;
        #open = Buffer.alloc(0);
        #done = 0;
        #text = [];
        #extra = Buffer.alloc(0);
        #tag;
        #isOver = false;
        constructor(name, key, iv, encrypts) {
            const plain = String(name).toLowerCase().replace(/^aes(\d+)$/, 'aes-$1-cbc').replace(/^id-aes(\d+)-gcm$/, 'aes-$1-gcm');
            if (!ciphers.includes(plain)) throw failure(Error, 'Unknown cipher', 'ERR_CRYPTO_UNKNOWN_CIPHER');
            const [, bits, mode] = plain.split('-');
            this.#mode = mode;
            this.#encrypts = encrypts;
            this.#key = Buffer.from(bytesOf(key, 'utf8', 'key'));
            this.#iv = mode === 'ecb' ? Buffer.alloc(0) : Buffer.from(bytesOf(iv, 'utf8', 'iv'));
            if (this.#key.length * 8 !== Number(bits)) throw failure(RangeError, 'Invalid key length', 'ERR_CRYPTO_INVALID_KEYLEN');
            if (mode === 'gcm' && this.#iv.length !== 12) throw failure(TypeError, 'expected an initialization vector of 12 bytes for GCM', 'ERR_CRYPTO_INVALID_IV');
            if ((mode === 'cbc' || mode === 'ctr') && this.#iv.length !== block) throw failure(TypeError, 'Invalid initialization vector', 'ERR_CRYPTO_INVALID_IV');
        }
        update(data, from, to) {
            if (this.#isOver) throw failure(Error, 'Unsupported state', 'ERR_CRYPTO_INVALID_STATE');
            const bytes = bytesOf(data, from);
            return shown(this.#mode === 'cbc' || this.#mode === 'ecb' ? this.#blocks(bytes) : this.#stream(bytes), to);
        }
        final(to) {
            if (this.#isOver) throw failure(Error, 'Unsupported state', 'ERR_CRYPTO_INVALID_STATE');
            this.#isOver = true;
            if (this.#mode === 'gcm') this.#finish();
            const isBlocks = this.#mode === 'cbc' || this.#mode === 'ecb';
            return shown(isBlocks ? this.#last() : Buffer.alloc(0), to);
        }
        setAutoPadding(pads = true) { this.#pads = pads; return this; }
        setAAD(data, options) { this.#extra = Buffer.concat([this.#extra, bytesOf(data, options?.encoding)]); return this; }
        setAuthTag(tag, encoding) { this.#tag = Buffer.from(bytesOf(tag, encoding)); return this; }
        getAuthTag() {
            if (!this.#tag || !this.#isOver) throw failure(Error, 'Invalid state for operation getAuthTag', 'ERR_CRYPTO_INVALID_STATE');
            return this.#tag;
        }
        #transform(bytes) {
            const result = buffer(crypto.blocks(this.#mode, this.#encrypts, this.#key, this.#iv, bytes));
            if (this.#mode === 'cbc' && bytes.length > 0) this.#iv = Buffer.from((this.#encrypts ? result : bytes).subarray(-block));
            return result;
        }
        // Whole blocks; the last one of a text that is decrypted may be padding.
        #blocks(bytes) {
            const all = Buffer.concat([this.#open, bytes]);
            const kept = !this.#encrypts && this.#pads && all.length > 0 && all.length % block === 0 ? block : all.length % block;
            this.#open = Buffer.from(all.subarray(all.length - kept));
            return this.#transform(all.subarray(0, all.length - kept));
        }
        #last() {
            const rest = this.#open;
            if (this.#encrypts && this.#pads) {
                const more = block - rest.length;
                return this.#transform(Buffer.concat([rest, Buffer.alloc(more, more)]));
            }
            if (rest.length === 0 && !this.#pads) return rest;
            if (rest.length !== block) throw failure(Error, 'error:1C80006B:Provider routines::wrong final block length', 'ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH');
            const plain = this.#transform(rest);
            const more = plain[block - 1];
            if (more < 1 || more > block || plain.subarray(block - more).some((byte) => byte !== more)) {
                throw failure(Error, 'error:1C800064:Provider routines::bad decrypt', 'ERR_OSSL_BAD_DECRYPT');
            }
            return plain.subarray(0, block - more);
        }
        #stream(bytes) {
            const first = this.#mode === 'gcm' ? Buffer.concat([this.#iv, Buffer.from([0, 0, 0, 2])]) : this.#iv;
            const result = buffer(crypto.stream(this.#key, first, this.#done, bytes));
            this.#done += bytes.length;
            // The tag is about the whole text.
            if (this.#mode === 'gcm') this.#text.push(Buffer.from(this.#encrypts ? bytes : result));
            return result;
        }
        #finish() {
            const tag = buffer(crypto.tag(this.#key, this.#iv, this.#extra, Buffer.concat(this.#text)));
            if (this.#encrypts) this.#tag = tag;
            else if (!this.#tag || this.#tag.length < 4 || !timingSafeEqual(tag.subarray(0, this.#tag.length), this.#tag)) {
                throw new Error('Unsupported state or unable to authenticate data');
            }
        }
    }

    // --- signatures ---------------------------------------------------------------------
    const isFixed = (key) => key?.dsaEncoding === 'ieee-p1363';
    const sign = (algorithm, data, key, callback) => {
        const work = () => buffer(crypto.sign(algorithm ? digestOf(algorithm) : '', pemOf(key), key?.passphrase?.toString(), bytesOf(data), isFixed(key)));
        return callback === undefined ? work() : later(callback, work);
    };
    const verify = (algorithm, data, key, signature, callback) => {
        const work = () => crypto.verify(algorithm ? digestOf(algorithm) : '', pemOf(key), bytesOf(data), bytesOf(signature, 'utf8', 'signature'), isFixed(key));
        return callback === undefined ? work() : later(callback, work);
    };
    class Sign extends Gathered {
        constructor(algorithm) { super(); this.algorithm = digestOf(algorithm); }
        sign(key, encoding) { return shown(sign(this.algorithm, this.all(), key), encoding); }
    }
    class Verify extends Gathered {
        constructor(algorithm) { super(); this.algorithm = digestOf(algorithm); }
        verify(key, signature, encoding) { return verify(this.algorithm, this.all(), key, bytesOf(signature, encoding, 'signature')); }
    }

    const getRandomValues = (target) => randomFillSync(target);
    return {
        createHash: (algorithm) => new Hash(algorithm),
        createHmac: (algorithm, key) => new Hmac(algorithm, key),
        hash: (algorithm, data, encoding = 'hex') => new Hash(algorithm).update(data).digest(encoding),
        getHashes: () => Object.keys(hashes),
        createCipheriv: (name, key, iv) => new Cipher(name, key, iv, true),
        createDecipheriv: (name, key, iv) => new Cipher(name, key, iv, false),
        getCiphers: () => [...ciphers],
        createSign: (algorithm) => new Sign(algorithm),
        createVerify: (algorithm) => new Verify(algorithm),
        sign,
        verify,
        createSecretKey: (key, encoding) => new Key('secret', { bytes: Buffer.from(bytesOf(key, encoding, 'key')) }),
        createPrivateKey: (key) => new Key('private', { pem: pemOf(key) }),
        createPublicKey: (key) => new Key('public', { pem: pemOf(key) }),
        KeyObject: Key,
        pbkdf2Sync,
        pbkdf2: (password, salt, iterations, length, digest, callback) => later(callback, () => pbkdf2Sync(password, salt, iterations, length, digest)),
        hkdfSync,
        hkdf: (digest, key, salt, info, length, callback) => later(callback, () => hkdfSync(digest, key, salt, info, length)),
        randomBytes,
        pseudoRandomBytes: randomBytes,
        randomFillSync,
        randomInt,
        randomUUID,
        getRandomValues,
        timingSafeEqual,
        webcrypto: { getRandomValues, randomUUID },
        constants: {},
    };
})
