// Node.js' module `path`, with the rules of POSIX.
(function (host, invalid) {
    'use strict';
    const text = (value, name = 'path') => {
        if (typeof value !== 'string') throw invalid(name, 'string', value);
        return value;
    };
    // Without `.`, `..` and empty parts; `..` at the root is dropped, and kept before a relative path.
    const parts = (path, isRooted) => {
        const kept = [];
        for (const part of path.split('/')) {
            if (part === '' || part === '.') continue;
            if (part !== '..') kept.push(part);
            else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
            else if (!isRooted) kept.push(part);
        }
        return kept;
    };
    const isAbsolute = (path) => text(path).startsWith('/');
    const normalize = (path) => {
        if (text(path) === '') return '.';
        const root = isAbsolute(path) ? '/' : '';
        let kept = parts(path, root !== '').join('/');
        if (kept === '' && root === '') kept = '.';
        if (kept !== '' && path.endsWith('/')) kept += '/';
        return root + kept;
    };
    const join = (...paths) => {
        const joined = paths.filter((path) => text(path) !== '').join('/');
        return joined === '' ? '.' : normalize(joined);
    };
    const resolve = (...paths) => {
        let path = '';
        for (let at = paths.length - 1; at >= 0 && !path.startsWith('/'); at--) {
            if (text(paths[at]) !== '') path = path === '' ? paths[at] : `${paths[at]}/${path}`;
        }
        if (!path.startsWith('/')) path = `${host.cwd()}/${path}`;
        return `/${parts(path, true).join('/')}`;
    };
    const relative = (from, to) => {
        const [source, target] = [from, to].map((path) => parts(resolve(text(path)), true));
        let same = 0;
        while (same < source.length && same < target.length && source[same] === target[same]) same++;
        return [...source.slice(same).map(() => '..'), ...target.slice(same)].join('/');
    };
    // The last part, and what is before it.
    const cut = (path) => {
        const end = /^(.*?)\/*$/s.exec(path)[1];
        const at = end.lastIndexOf('/');
        return { base: end.slice(at + 1), before: at < 0 ? undefined : end.slice(0, at).replace(/\/+$/, '') };
    };
    const dirname = (path) => {
        if (text(path) === '') return '.';
        const { base, before } = cut(path);
        if (before === undefined) return base === '' ? '/' : '.';
        if (before === '') return path.startsWith('//') && !path.startsWith('///') ? '//' : '/';
        return before;
    };
    const basename = (path, suffix) => {
        const { base } = cut(text(path));
        if (suffix === undefined) return base;
        if (suffix === path) return '';
        return base !== text(suffix, 'suffix') && base.endsWith(suffix) ? base.slice(0, base.length - suffix.length) : base;
    };
    const extname = (path) => {
        const base = basename(path);
        const at = base.lastIndexOf('.');
        return at <= 0 || base === '..' ? '' : base.slice(at);
    };
    const parse = (path) => {
        const root = isAbsolute(path) ? '/' : '';
        const { before } = cut(path);
        const base = basename(path);
        const ext = extname(path);
        const dir = before === undefined ? root : before === '' ? '/' : before;
        return { root, dir, base, ext, name: base.slice(0, base.length - ext.length) };
    };
    const format = (parsed) => {
        if (parsed === null || typeof parsed !== 'object') throw new TypeError('The "pathObject" argument must be of type object');
        const { root = '', dir = root, name = '', ext = '' } = parsed;
        const base = parsed.base || name + (ext && !ext.startsWith('.') ? `.${ext}` : ext);
        if (!dir) return base;
        return dir === root ? `${dir}${base}` : `${dir}/${base}`;
    };
    const path = { sep: '/', delimiter: ':', normalize, join, resolve, relative, dirname, basename, extname, parse, format, isAbsolute, toNamespacedPath: (value) => value };
    path.posix = path;
    return path;
})
