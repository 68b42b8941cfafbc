// The methods of Express on `msg.req` and `msg.res`. Both stay data: what is set on a response is
// kept in `msg.res` until it is sent, which the `http in` node does that received the request.
(function (host) {
    'use strict';
    const { stringify } = JSON;
    const states = new WeakMap();
    const list = (values) => values.flat();
    const mediaType = (name) => (name.includes('/') ? name : host.mediaType(name));

    // --- what a client accepts: the better quality first, then the more exact, then the order ------
    const accepted = (header) => (header ?? '').split(',').map((part, at) => {
        const [name, ...parameters] = part.trim().split(/\s*;\s*/);
        const quality = parameters.find((it) => /^q=/i.test(it));
        return { name: name.toLowerCase(), q: quality === undefined ? 1 : Number(quality.slice(2)) || 0, at };
    }).filter((it) => it.name !== '');
    const choose = (accepts, offered, exactness) => offered.map((name, place) => {
        let best;
        for (const it of accepts) {
            const exact = exactness(it.name, name.toLowerCase());
            if (exact >= 0 && (best === undefined || exact > best.exact)) best = { ...it, exact, place, offer: name };
        }
        return best;
    }).filter((it) => it !== undefined && it.q > 0)
        .sort((a, b) => b.q - a.q || b.exact - a.exact || a.at - b.at || a.place - b.place);
    const preferred = (header, offered, exactness) => {
        const accepts = accepted(header);
        if (offered.length === 0) return accepts.filter((it) => it.q > 0).sort((a, b) => b.q - a.q || a.at - b.at).map((it) => it.name);
        return choose(accepts, offered, exactness)[0]?.offer ?? false;
    };
    const byType = (range, type) => {
        if (range === '*/*') return 0;
        const [family, kind] = range.split('/');
        const plain = type.split(';')[0].trim();
        if (range === plain) return 2;
        return kind === '*' && plain.startsWith(`${family}/`) ? 1 : -1;
    };
    const byName = (range, name) => (range === name ? 1 : range === '*' ? 0 : -1);
    const byLanguage = (range, tag) => {
        if (range === tag) return 3;
        if (tag.startsWith(`${range}-`)) return 2;
        if (range.startsWith(`${tag}-`)) return 1;
        return range === '*' ? 0 : -1;
    };

    // --- requests ------------------------------------------------------------------------------
    class Request {
        get(name) {
            if (typeof name !== 'string') throw new TypeError('name must be a string to req.get');
            const wanted = name.toLowerCase();
            if (wanted === 'referer' || wanted === 'referrer') return this.headers.referrer ?? this.headers.referer;
            return this.headers[wanted];
        }
        param(name, missing) {
            for (const values of [this.params, this.body, this.query]) {
                if (values !== null && typeof values === 'object' && values[name] !== undefined) return values[name];
            }
            return missing;
        }
        is(...types) {
            const { headers } = this;
            if (headers['transfer-encoding'] === undefined && headers['content-length'] === undefined) return null;
            const type = (headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
            if (!type.includes('/')) return false;
            const wanted = list(types);
            if (wanted.length === 0) return type;
            const found = wanted.find((name) => {
                let pattern = name;
                if (name === 'urlencoded') pattern = 'application/x-www-form-urlencoded';
                else if (name === 'multipart') pattern = 'multipart/*';
                else if (name.startsWith('+')) pattern = `*/*${name}`;
                else pattern = mediaType(name) ?? '';
                const [family, kind] = pattern.toLowerCase().split('/');
                const [ofFamily, ofKind] = type.split('/');
                const fits = (wanted, is) => wanted === '*' || wanted === is || (wanted.startsWith('*+') && is.endsWith(wanted.slice(1)));
                return fits(family, ofFamily) && fits(kind ?? '', ofKind);
            });
            if (found === undefined) return false;
            return found.includes('*') || found.startsWith('+') ? type : found;
        }
        accepts(...types) {
            const offered = list(types);
            const { accept } = this.headers;
            if (accept === undefined) return offered.length === 0 ? ['*/*'] : offered[0];
            if (offered.length === 0) return preferred(accept, [], byType);
            const known = offered.map((name) => mediaType(name));
            const best = preferred(accept, known.filter((it) => it !== undefined), byType);
            return best === false ? false : offered[known.indexOf(best)];
        }
        acceptsEncodings(...names) {
            const header = this.headers['accept-encoding'];
            const some = header === undefined || header === '' ? 'identity' : header;
            return preferred(/(^|[\s,])(identity|\*)\s*(;|,|$)/i.test(some) ? some : `${some}, identity;q=0.0001`, list(names), byName);
        }
        acceptsCharsets(...names) { return preferred(this.headers['accept-charset'] ?? '*', list(names), byName); }
        acceptsLanguages(...tags) { return preferred(this.headers['accept-language'] ?? '*', list(tags), byLanguage); }
        range(size) {
            const found = /^\s*(\w+)\s*=\s*(.+)$/.exec(this.headers.range ?? '');
            if (this.headers.range === undefined) return undefined;
            if (found === null) return -2;
            const ranges = found[2].split(',').map((part) => {
                const [from, to] = part.trim().split('-').map((text) => parseInt(text, 10));
                if (Number.isNaN(from)) return { start: Math.max(size - to, 0), end: size - 1 };
                return { start: from, end: Number.isNaN(to) ? size - 1 : Math.min(to, size - 1) };
            }).filter(({ start, end }) => start >= 0 && start <= end);
            return ranges.length === 0 ? -1 : Object.assign(ranges, { type: found[1] });
        }
    }

    // --- responses -----------------------------------------------------------------------------
    const sent = () => Object.assign(new Error('Cannot set headers after they are sent to the client'), { code: 'ERR_HTTP_HEADERS_SENT' });
    const invalid = (text, code) => Object.assign(new TypeError(text), { code });
    const checkHeader = (name, value) => {
        if (typeof name !== 'string' || !/^[!#$%&'*+.^`|~\w-]+$/.test(name)) throw invalid(`Header name must be a valid HTTP token ["${name}"]`, 'ERR_INVALID_HTTP_TOKEN');
        if (value === undefined) throw invalid(`Invalid value "undefined" for header "${name}"`, 'ERR_HTTP_INVALID_HEADER_VALUE');
        if (/[^\t\x20-\x7e\x80-\xff]/.test(String(value))) throw invalid(`Invalid character in header content ["${name}"]`, 'ERR_INVALID_CHAR');
    };
    const isText = (type) => /^text\/|^application\/(javascript|json)$/.test(type);
    const withCharset = (type) => (isText(type.toLowerCase()) ? `${type}; charset=utf-8` : type);
    const encoded = (url) => {
        try { return encodeURI(url).replace(/%25([0-9a-f]{2})/gi, '%$1'); } catch { return url; }
    };
    const escaped = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
    const asPath = (value, what) => {
        if (typeof value !== 'string' || value === '') throw new TypeError(`path argument is required to res.${what}`);
        return value;
    };

    class Response {
        constructor(data, req) {
            states.set(this, { data: { ...data, headers: { ...data.headers }, cookies: [...data.cookies ?? []] } });
            this.req = req;
            this.locals = {};
        }
        toJSON() { return dataOf(this)._res; }
        get statusCode() { return dataOf(this).statusCode ?? 200; }
        set statusCode(code) { this.status(code); }
        get headersSent() { return dataOf(this).headersSent === true; }
        get writableEnded() { return this.headersSent; }
        get finished() { return this.headersSent; }
        status(code) {
            const number = Math.trunc(Number(code));
            if (!(number >= 100 && number <= 999)) throw Object.assign(new RangeError(`Invalid status code: ${code}`), { code: 'ERR_HTTP_INVALID_STATUS_CODE' });
            open(this).statusCode = number;
            return this;
        }
        set(name, value) {
            if (arguments.length === 1 && name !== null && typeof name === 'object') {
                for (const key of Object.keys(name)) this.set(key, name[key]);
                return this;
            }
            let all = Array.isArray(value) ? value.map(String) : value;
            if (typeof name === 'string' && name.toLowerCase() === 'content-type') {
                if (Array.isArray(all)) throw new TypeError('Content-Type cannot be set to an Array');
                all = /;\s*charset\s*=/i.test(all) ? String(all) : withCharset(String(all));
            }
            return this.setHeader(name, all);
        }
        setHeader(name, value) {
            const { headers } = open(this);
            for (const one of Array.isArray(value) ? value : [value]) checkHeader(name, one);
            headers[name.toLowerCase()] = Array.isArray(value) ? value.map(String) : String(value);
            return this;
        }
        get(name) { return dataOf(this).headers[String(name).toLowerCase()]; }
        getHeaders() { return { ...dataOf(this).headers }; }
        getHeaderNames() { return Object.keys(dataOf(this).headers); }
        hasHeader(name) { return this.get(name) !== undefined; }
        removeHeader(name) { delete open(this).headers[String(name).toLowerCase()]; }
        append(name, value) {
            const before = this.get(name);
            return this.set(name, before === undefined ? value : [before, value].flat());
        }
        type(type) { return this.set('Content-Type', type.includes('/') ? type : host.mediaType(type) ?? 'application/octet-stream'); }
        vary(names) {
            const known = (this.get('Vary') ?? '').split(',').map((it) => it.trim()).filter((it) => it !== '');
            for (const name of Array.isArray(names) ? names : String(names).split(',')) {
                if (!known.some((it) => it === '*' || it.toLowerCase() === name.trim().toLowerCase())) known.push(name.trim());
            }
            return this.set('Vary', known.includes('*') ? '*' : known.join(', '));
        }
        links(links) {
            const before = this.get('Link');
            const all = Object.keys(links).map((rel) => `<${links[rel]}>; rel="${rel}"`).join(', ');
            return this.set('Link', before === undefined ? all : `${before}, ${all}`);
        }
        location(url) { return this.set('Location', encoded(url === 'back' ? this.req?.get('Referrer') ?? '/' : String(url))); }
        attachment(file) {
            if (file === undefined) return this.set('Content-Disposition', 'attachment');
            const name = String(file).replace(/^.*\//s, '');
            const extension = /\.(\w+)$/.exec(name);
            if (extension) this.type(extension[1]);
            const plain = name.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&');
            const exact = /[^\x20-\x7e]/.test(name) ? `; filename*=UTF-8''${encodeURIComponent(name)}` : '';
            return this.set('Content-Disposition', `attachment; filename="${plain}"${exact}`);
        }
        cookie(name, value, options) {
            if (options?.signed) throw new Error('cookieParser("secret") required for signed cookies');
            open(this).cookies.push({ name: String(name), value: { ...options, value: value ?? String(value) } });
            return this;
        }
        clearCookie(name, options) {
            open(this).cookies.push({ name: String(name), value: { ...options, value: null } });
            return this;
        }
        writeHead(status, reason, headers) {
            this.status(status);
            const all = typeof reason === 'string' ? headers : reason;
            for (const [name, value] of Object.entries(all ?? {})) this.setHeader(name, value);
            return this;
        }
        send(body, other) {
            if (arguments.length === 2) {
                // An old form: the status before or behind the body.
                const [status, rest] = typeof body !== 'number' && typeof other === 'number' ? [other, body] : [body, other];
                return this.status(status).send(rest);
            }
            if (typeof body === 'number') {
                if (!this.hasHeader('Content-Type')) this.type('txt');
                return this.status(body).send(host.reason(body));
            }
            if (typeof body === 'string' && this.hasHeader('Content-Type')) {
                const type = this.get('Content-Type');
                if (!/;\s*charset\s*=/i.test(type)) this.setHeader('Content-Type', `${type}; charset=utf-8`);
            }
            if (body === null) return answer(this, { payload: '' });
            if (body === undefined || typeof body === 'string' || ArrayBuffer.isView(body)) return answer(this, { payload: body });
            return this.json(body);
        }
        json(body, other) {
            if (arguments.length === 2) {
                const [status, rest] = typeof other === 'number' ? [other, body] : [body, other];
                return this.status(status).json(rest);
            }
            if (!this.hasHeader('Content-Type')) this.set('Content-Type', 'application/json');
            return answer(this, { payload: stringify(body) });
        }
        // With a `callback` in the query the runtime makes a call of it.
        jsonp(body) { return answer(this, { payload: body === undefined ? null : body }); }
        sendStatus(status) {
            this.status(status).type('txt');
            return this.send(host.reason(status) ?? String(status));
        }
        redirect(status, url) {
            if (url === undefined) return this.redirect(302, status);
            if (typeof status !== 'number') return this.redirect(url, status);
            this.status(status).location(url);
            const [to, reason] = [this.get('Location'), host.reason(status)];
            const kind = this.req === undefined ? 'text' : this.req.accepts('text', 'html');
            if (kind === 'html') return this.type('html').send(`<p>${reason}. Redirecting to ${escaped(to)}</p>`);
            return kind === 'text' ? this.type('txt').send(`${reason}. Redirecting to ${to}`) : this.end();
        }
        end(data, encoding) {
            if (this.headersSent) return this;
            return answer(this, { payload: typeof data === 'string' && typeof encoding === 'string' ? Buffer.from(data, encoding) : data, bare: true });
        }
        format(kinds) {
            const names = Object.keys(kinds).filter((name) => name !== 'default');
            const kind = names.length === 0 ? false : this.req.accepts(names);
            this.vary('Accept');
            if (kind) {
                this.set('Content-Type', mediaType(kind));
                kinds[kind](this.req, this);
            } else if (kinds.default) kinds.default(this.req, this);
            else this.sendStatus(406);
            return this;
        }
        sendFile(path, options, done) {
            const given = typeof options === 'object' && options !== null ? options : {};
            if (typeof options === 'function' || typeof done === 'function') throw new Error('`sendFile` calls nothing back here: a file that cannot be read is answered with 404, and an error of the `http in` node');
            let file = asPath(path, 'sendFile');
            if (file.split(/[\\/]/).includes('..')) throw Object.assign(new Error('Forbidden'), { status: 403 });
            if (given.root !== undefined) file = `${String(given.root).replace(/\/+$/, '')}/${file.replace(/^\/+/, '')}`;
            else if (!file.startsWith('/')) throw new TypeError('path must be absolute or specify root to res.sendFile');
            if (given.headers) this.set(given.headers);
            const { maxAge, lastModified, cacheControl, immutable } = given;
            return answer(this, { file, options: { maxAge, lastModified, cacheControl, immutable } });
        }
        download(path, name, options) {
            const [given, more] = typeof name === 'object' ? [undefined, name] : [name, options];
            return this.attachment(given ?? asPath(path, 'download')).sendFile(path, more);
        }
    }
    const alias = (target, names) => {
        for (const [name, of] of Object.entries(names)) {
            Object.defineProperty(target, name, { value: target[of], writable: true, configurable: true });
        }
    };
    alias(Request.prototype, {
        header: 'get', acceptsEncoding: 'acceptsEncodings', acceptsCharset: 'acceptsCharsets', acceptsLanguage: 'acceptsLanguages',
    });
    alias(Response.prototype, { header: 'set', getHeader: 'get', contentType: 'type', sendfile: 'sendFile' });

    const dataOf = (res) => states.get(res).data;
    const open = (res) => {
        if (res.headersSent) throw sent();
        return dataOf(res);
    };
    const answer = (res, more) => {
        host.answer({ res: { ...open(res) }, ...more });
        dataOf(res).headersSent = true;
        return res;
    };

    // `msg.res` is not the response, but has its methods.
    class Wrapper {
        constructor(res) { this._res = res; }
    }
    for (const name of Object.getOwnPropertyNames(Response.prototype)) {
        if (name === 'constructor' || name === 'toJSON') continue;
        const { value, get, set } = Object.getOwnPropertyDescriptor(Response.prototype, name);
        Object.defineProperty(Wrapper.prototype, name, value === undefined ? {
            get() { return get.call(this._res); },
            set: set && function (given) { set.call(this._res, given); },
            configurable: true,
        } : {
            value(...args) {
                const result = value.apply(this._res, args);
                return result === this._res ? this : result;
            },
            writable: true,
            configurable: true,
        });
    }

    const isRequest = (req) => req !== null && typeof req === 'object' && Object.getPrototypeOf(req) === Object.prototype && req.headers !== null && typeof req.headers === 'object';
    const isOpen = (res) => res !== null && typeof res === 'object' && typeof res._res === 'string' && res._res.includes('@');
    // What a response or its wrapper is in a message.
    const plain = (value) => {
        if (value instanceof Response) return dataOf(value)._res;
        if (!(value instanceof Wrapper) || !(value._res instanceof Response)) return undefined;
        const { headers, cookies, ...data } = dataOf(value._res);
        if (Object.keys(headers).length > 0) data.headers = headers;
        if (cookies.length > 0) data.cookies = cookies;
        return data;
    };
    return {
        plain,
        // Gives the request and the response of a message, or a response alone, their methods.
        dress(value) {
            if (value === null || typeof value !== 'object') return value;
            if (isOpen(value)) return new Wrapper(new Response(value));
            const { req, res } = value;
            if (isRequest(req)) Object.setPrototypeOf(req, Request.prototype);
            if (isOpen(res)) value.res = new Wrapper(new Response(res, req));
            return value;
        },
    };
})
