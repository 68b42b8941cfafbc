// `URL` and `URLSearchParams`. What a URL means is worked out by the runtime.
(function (host) {
    'use strict';
    const wellFormed = String.prototype.toWellFormed;
    const text = (value) => wellFormed.call(`${value}`);
    const coded = (error, code) => Object.assign(error, { code });
    const tuple = () => coded(new TypeError('Each query pair must be an iterable [name, value] tuple'), 'ERR_INVALID_TUPLE');

    let changed;
    class URLSearchParams {
        #pairs = [];
        #url = null;
        static {
            changed = (params, query, url) => { params.#read(query); if (url) params.#url = url; };
        }
        constructor(init) {
            if (init === undefined || init === null) return;
            if (typeof init !== 'object' && typeof init !== 'function') {
                this.#read(text(init).replace(/^\?/, ''));
            } else if (init[Symbol.iterator] !== undefined && init[Symbol.iterator] !== null) {
                for (const pair of init) {
                    if (pair === null || typeof pair !== 'object' || typeof pair[Symbol.iterator] !== 'function') throw tuple();
                    const parts = [...pair];
                    if (parts.length !== 2) throw tuple();
                    this.#pairs.push(parts.map(text));
                }
            } else {
                for (const name of Object.keys(init)) this.set(name, init[name]);
            }
        }
        #read(query) {
            const flat = host.queryParse(query);
            this.#pairs = [];
            for (let at = 0; at < flat.length; at += 2) this.#pairs.push([flat[at], flat[at + 1]]);
        }
        #tell() { if (this.#url) this.#url(this.toString()); }
        get size() { return this.#pairs.length; }
        append(name, value) {
            this.#pairs.push([text(name), text(value)]);
            this.#tell();
        }
        delete(name, value) {
            name = text(name);
            const any = value === undefined;
            if (!any) value = text(value);
            this.#pairs = this.#pairs.filter((pair) => pair[0] !== name || !(any || pair[1] === value));
            this.#tell();
        }
        get(name) {
            name = text(name);
            return this.#pairs.find((pair) => pair[0] === name)?.[1] ?? null;
        }
        getAll(name) {
            name = text(name);
            return this.#pairs.filter((pair) => pair[0] === name).map((pair) => pair[1]);
        }
        has(name, value) {
            name = text(name);
            return this.#pairs.some((pair) => pair[0] === name && (value === undefined || pair[1] === text(value)));
        }
        set(name, value) {
            [name, value] = [text(name), text(value)];
            const first = this.#pairs.findIndex((pair) => pair[0] === name);
            if (first < 0) this.#pairs.push([name, value]);
            else {
                this.#pairs[first][1] = value;
                this.#pairs = this.#pairs.filter((pair, at) => at <= first || pair[0] !== name);
            }
            this.#tell();
        }
        sort() {
            this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
            this.#tell();
        }
        forEach(fn, self) {
            for (const [name, value] of this) fn.call(self, value, name, this);
        }
        *entries() { for (let at = 0; at < this.#pairs.length; at++) yield [...this.#pairs[at]]; }
        *keys() { for (const [name] of this.entries()) yield name; }
        *values() { for (const [, value] of this.entries()) yield value; }
        toString() { return host.queryPrint(this.#pairs.flat()); }
    }
    Object.defineProperty(URLSearchParams.prototype, Symbol.iterator,
        { value: URLSearchParams.prototype.entries, writable: true, configurable: true });

    const parse = (input, base) => host.urlParse(text(input), base === undefined ? undefined : text(base));
    class URL {
        #href;
        #params = null;
        constructor(input, base) {
            this.#href = parse(input, base);
            if (this.#href === undefined) {
                const error = Object.assign(coded(new TypeError('Invalid URL'), 'ERR_INVALID_URL'), { input: text(input) });
                if (base !== undefined) error.base = text(base);
                throw error;
            }
        }
        static canParse(input, base) { return parse(input, base) !== undefined; }
        static parse(input, base) { return URL.canParse(input, base) ? new URL(input, base) : null; }
        static {
            const get = (url, part) => host.urlPart(url.#href, part);
            const set = (url, part, value) => {
                const href = host.urlSet(url.#href, part, text(value));
                if (href === undefined) throw coded(new TypeError('Invalid URL'), 'ERR_INVALID_URL');
                url.#href = href;
                if (url.#params && (part === 'href' || part === 'search')) changed(url.#params, get(url, 'search').slice(1));
            };
            const parts = ['href', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash'];
            for (const part of parts) {
                Object.defineProperty(URL.prototype, part, {
                    get() { return get(this, part); },
                    set(value) { set(this, part, value); },
                    configurable: true,
                    enumerable: true,
                });
            }
        }
        get origin() { return host.urlPart(this.#href, 'origin'); }
        get searchParams() {
            if (!this.#params) {
                this.#params = new URLSearchParams();
                changed(this.#params, this.search.slice(1), (query) => {
                    this.#href = host.urlSet(this.#href, 'search', query);
                });
            }
            return this.#params;
        }
        toString() { return this.#href; }
        toJSON() { return this.#href; }
    }
    for (const type of [URL, URLSearchParams]) {
        Object.defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
    }
    return { URL, URLSearchParams };
})
