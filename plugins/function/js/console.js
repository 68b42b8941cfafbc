// `console`, as that of Node.js. `print` writes a text at a level of the log.
(function (print, printing) {
    'use strict';
    const { format, inspect } = printing;
    const timers = new Map();
    const counts = new Map();
    let indent = '';
    const write = (level, text) => print(level, indent === '' ? text : indent + text.replaceAll('\n', `\n${indent}`));
    const line = (level) => (...values) => write(level, format(...values));
    const log = line('info');
    const warn = line('warn');
    const group = (...values) => {
        if (values.length > 0) log(...values);
        indent += '  ';
    };
    const duration = (ms) => {
        if (ms < 1000) return `${Number(ms.toFixed(3))}ms`;
        if (ms < 60000) return `${(ms / 1000).toFixed(3)}s`;
        const minutes = Math.floor(ms / 60000);
        const seconds = ((ms % 60000) / 1000).toFixed(3).padStart(6, '0');
        if (minutes < 60) return `${minutes}:${seconds} (m:ss.mmm)`;
        return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${seconds.slice(0, 2)} (h:mm:ss)`;
    };
    const showTime = (method, label, values) => {
        const start = timers.get(label);
        if (start === undefined) return warn(`No such label '${label}' for console.${method}()`);
        log('%s: %s', label, duration(Date.now() - start), ...values);
    };
    const isObject = (value) => value !== null && typeof value === 'object';
    const cell = (value) => inspect(value, { maxArrayLength: 3, breakLength: Infinity, depth: isObject(value) && Object.keys(value).length > 2 ? -1 : 0 });
    const draw = (head, rows) => {
        const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at].length)) + 2);
        const rule = (left, middle, right) => left + widths.map((width) => '─'.repeat(width)).join(middle) + right;
        const row = (cells) => `│${cells.map((text, at) => ` ${text.padEnd(widths[at] - 1)}`).join('│')}│`;
        return [rule('┌', '┬', '┐'), row(head), rule('├', '┼', '┤'), ...rows.map(row), rule('└', '┴', '┘')].join('\n');
    };
    const table = (data, columns) => {
        if (!isObject(data)) return log(data);
        const isMap = data instanceof Map;
        const isSet = data instanceof Set;
        const entries = isMap || isSet ? [...data].map((item, at) => [String(at), item]) : Object.entries(data);
        const names = columns ? [...columns] : [];
        const rows = entries.map(([index, value]) => {
            if (isMap) return { index, key: cell(value[0]), alone: cell(value[1]) };
            if (!isObject(value)) return { index, alone: cell(value), cells: {} };
            const cells = Object.create(null);
            for (const name of columns ?? Object.keys(value)) {
                if (!columns && !names.includes(name)) names.push(name);
                if (Object.hasOwn(value, name)) cells[name] = cell(value[name]);
            }
            return { index, cells };
        });
        const head = [isMap || isSet ? '(iteration index)' : '(index)', ...(isMap ? ['Key'] : []), ...(isMap ? [] : names)];
        const hasAlone = rows.some(({ alone }) => alone !== undefined);
        if (hasAlone) head.push('Values');
        log(draw(head, rows.map(({ index, key, alone, cells }) => [
            index, ...(isMap ? [key] : names.map((name) => cells[name] ?? '')), ...(hasAlone ? [alone ?? ''] : []),
        ])));
    };
    return {
        log, warn, error: line('error'), info: log, debug: line('debug'), dirxml: log, table, group, groupCollapsed: group,
        dir: (value, options) => write('info', inspect(value, { customInspect: false, ...options })),
        trace(...values) {
            const frames = new Error('').stack.split('\n').slice(2).join('\n');
            write('error', `Trace${values.length > 0 ? `: ${format(...values)}` : ''}\n${frames}`);
        },
        assert(holds, ...values) {
            if (holds) return;
            const [first, ...rest] = values;
            warn(`Assertion failed${values.length > 0 ? `: ${first}` : ''}`, ...rest);
        },
        groupEnd() { indent = indent.slice(2); },
        time(label = 'default') {
            label = String(label);
            if (timers.has(label)) warn(`Label '${label}' already exists for console.time()`);
            else timers.set(label, Date.now());
        },
        timeLog(label = 'default', ...values) { showTime('timeLog', String(label), values); },
        timeEnd(label = 'default') {
            showTime('timeEnd', String(label), []);
            timers.delete(String(label));
        },
        count(label = 'default') {
            label = String(label);
            counts.set(label, (counts.get(label) ?? 0) + 1);
            log(`${label}: ${counts.get(label)}`);
        },
        countReset(label = 'default') {
            if (!counts.delete(String(label))) warn(`Count for '${label}' does not exist`);
        },
        clear() {}, timeStamp() {}, profile() {}, profileEnd() {},
    };
})
