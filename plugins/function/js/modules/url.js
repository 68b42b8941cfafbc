// Node.js' module `url`: the standard's classes, and the older functions.
(function (path, invalidType) {
    'use strict';
    const { URL, URLSearchParams } = globalThis;
    const slashed = ['http:', 'https:', 'ftp:', 'gopher:', 'file:', 'ws:', 'wss:'];
    const invalid = (text, code) => Object.assign(new TypeError(text), { code });

    class Url {
        constructor() {
            for (const name of ['protocol', 'slashes', 'auth', 'host', 'port', 'hostname', 'hash', 'search', 'query', 'pathname', 'path', 'href']) this[name] = null;
        }
        format() { return format(this); }
        resolve(target) { return resolve(this.href ?? '', target); }
        parse(text, parseQuery, slashesDenoteHost) { return Object.assign(this, parse(text, parseQuery, slashesDenoteHost)); }
    }
    const queryOf = (text) => {
        const values = Object.create(null);
        for (const [name, value] of new URLSearchParams(text)) {
            if (!(name in values)) values[name] = value;
            else values[name] = [values[name], value].flat();
        }
        return values;
    };
    const authority = (url, text) => {
        const at = text.lastIndexOf('@');
        if (at >= 0) url.auth = decodeURIComponent(text.slice(0, at));
        const [, name, port] = /^(.*?)(?::(\d*))?$/s.exec(text.slice(at + 1));
        if (port) url.port = port;
        url.hostname = name.toLowerCase().replace(/^\[(.*)\]$/, '$1');
        url.host = name.toLowerCase() + (port ? `:${port}` : '');
    };
    const parse = (text, parseQuery = false, slashesDenoteHost = false) => {
        if (text instanceof Url) return text;
        if (typeof text !== 'string') throw invalidType('url', 'string', text);
        const url = new Url();
        let rest = text.trim();
        const cut = (mark) => {
            const at = rest.indexOf(mark);
            if (at < 0) return null;
            const part = rest.slice(at);
            rest = rest.slice(0, at);
            return part;
        };
        url.hash = cut('#');
        url.search = cut('?');
        const protocol = /^[a-z0-9.+-]+:/i.exec(rest)?.[0];
        if (protocol) {
            url.protocol = protocol.toLowerCase();
            rest = rest.slice(protocol.length);
        }
        const isSlashed = slashed.includes(url.protocol);
        if (isSlashed) rest = rest.replaceAll('\\', '/');
        const isScript = url.protocol === 'javascript:';
        if (rest.startsWith('//') && (protocol || slashesDenoteHost) && !isScript) {
            url.slashes = true;
            rest = rest.slice(2);
        }
        // Such as `mailto:name@host`.
        if (url.slashes || (protocol && !isSlashed && !isScript)) {
            const [, name, path] = /^([^/]*)(.*)$/s.exec(rest);
            authority(url, name);
            rest = path;
        }
        if (rest !== '') url.pathname = rest.replace(/[\s"<>^`{|}]/g, encodeURIComponent);
        else if (isSlashed && url.hostname) url.pathname = '/';
        if (parseQuery) {
            url.query = queryOf(url.search ?? '');
            url.search ??= '';
        } else if (url.search !== null) url.query = url.search.slice(1);
        if (url.pathname !== null || url.search) url.path = (url.pathname ?? '') + (url.search ?? '');
        url.href = format(url);
        return url;
    };
    const format = (url, options) => {
        if (typeof url === 'string') url = parse(url);
        if (url instanceof URL) {
            const { auth = true, fragment = true, search = true } = options ?? {};
            const copy = new URL(url.href);
            if (!auth) [copy.username, copy.password] = ['', ''];
            if (!fragment) copy.hash = '';
            if (!search) copy.search = '';
            return copy.href;
        }
        let protocol = url.protocol ?? '';
        if (protocol && !protocol.endsWith(':')) protocol += ':';
        let host = url.host ?? false;
        if (host === false && url.hostname) {
            const name = url.hostname.includes(':') ? `[${url.hostname}]` : url.hostname;
            host = name + (url.port ? `:${url.port}` : '');
        }
        if (host !== false && url.auth) host = `${encodeURIComponent(url.auth).replace(/%3A/i, ':')}@${host}`;
        let search = url.search ?? '';
        if (search === '' && url.query && typeof url.query === 'object') {
            search = new URLSearchParams(Object.entries(url.query).flatMap(([name, value]) => [value].flat().map((one) => [name, one]))).toString();
        }
        if (search && !search.startsWith('?')) search = `?${search}`;
        let hash = url.hash ?? '';
        if (hash && !hash.startsWith('#')) hash = `#${hash}`;
        let pathname = (url.pathname ?? '').replace(/[?#]/g, encodeURIComponent);
        let start = protocol;
        if (url.slashes || (slashed.includes(protocol) && host !== false)) {
            if (pathname && !pathname.startsWith('/')) pathname = `/${pathname}`;
            start += `//${host === false ? '' : host}`;
        } else if (host !== false) start += host;
        return start + pathname + search.replace('#', '%23') + hash;
    };
    const resolve = (from, to) => {
        const base = new URL(from, 'resolve://');
        const found = new URL(to, base);
        // A relative base gives a relative result.
        return found.protocol === 'resolve:' ? found.pathname + found.search + found.hash : found.href;
    };
    const resolveObject = (from, to) => parse(resolve(from, to));
    const fileURLToPath = (url) => {
        const { protocol, hostname, pathname } = url instanceof URL ? url : new URL(url);
        if (protocol !== 'file:') throw invalid('The URL must be of scheme file', 'ERR_INVALID_URL_SCHEME');
        if (hostname !== '') throw invalid('File URL host must be "localhost" or empty on linux', 'ERR_INVALID_FILE_URL_HOST');
        if (/%2f/i.test(pathname)) throw invalid('File URL path must not include encoded / characters', 'ERR_INVALID_FILE_URL_PATH');
        return decodeURIComponent(pathname);
    };
    const pathToFileURL = (name) => {
        const url = new URL('file:///');
        const escaped = (part) => part.replace(/[%\\\n\r\t?#]/g, encodeURIComponent);
        url.pathname = escaped(path.resolve(name)) + (name.endsWith('/') && name !== '/' ? '/' : '');
        return url;
    };
    const domain = (name) => {
        try { return new URL(`ws://${name}`).hostname; } catch { return ''; }
    };
    const urlToHttpOptions = (url) => ({
        protocol: url.protocol, hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'), hash: url.hash, search: url.search, pathname: url.pathname,
        path: url.pathname + url.search, href: url.href,
        ...(url.port !== '' && { port: Number(url.port) }),
        ...((url.username || url.password) && { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }),
    });
    return { URL, URLSearchParams, Url, parse, format, resolve, resolveObject, fileURLToPath, pathToFileURL, domainToASCII: domain, urlToHttpOptions };
})
